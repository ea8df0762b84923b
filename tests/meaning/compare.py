"""A result beside what it should be: every difference as a line with both numbers."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from typing import Any

import torch
from meaning.evaluator import FLIPPED, Judged
from meaning.generate import Written
from torch import nn

import cspec


def same(found: float | None, right: float, relative: float) -> bool:
    """Equal to so many digits; not measured equals not measured."""
    if found is None:
        return False
    if math.isnan(found) or math.isnan(right):
        return math.isnan(found) and math.isnan(right)
    return math.isclose(found, right, rel_tol=relative, abs_tol=relative)


def said(what: str, found: object, right: object) -> str:
    return f"{what}: cspec says {found}, right is {right}"


def allowed(row: Any, right: Judged) -> float:
    """The largest tolerance that the language gives a requirement by default."""
    if right.tolerance is not None:
        return right.tolerance
    unit = 1e-3 if right.relation == "==" else 1e-6
    return unit * max(1.0, abs(row.bound))


def requirement(row: Any, right: Judged, relative: float) -> Iterator[str]:
    """What is wrong with the report of one requirement."""
    as_written = (right.left, right.relation, right.right)
    turned = (right.right, FLIPPED[right.relation], right.left)
    found = (row.value, row.relation, row.bound)
    if not any(alike(found, form, relative) for form in (as_written, turned)):
        yield said(f"{right.name}: value, relation, bound", found, as_written)
    violation = right.violation
    if math.isnan(violation):
        if row.satisfied or row.violation <= 0:
            yield said(f"{right.name}: not measured", (row.violation, row.satisfied), "not met")
        return
    if not same(row.violation, violation, relative):
        yield said(f"{right.name}: violation", row.violation, violation)
    if not 0 <= row.tolerance <= allowed(row, right) * 1.001:
        yield said(f"{right.name}: tolerance", row.tolerance, f"at most {allowed(row, right)}")
    edge = abs(violation - row.tolerance) <= relative * max(1.0, abs(right.right))
    if right.tolerance is not None and row.tolerance != right.tolerance:
        yield said(f"{right.name}: tolerance", row.tolerance, right.tolerance)
    if row.soft != right.soft:
        yield said(f"{right.name}: a preference", row.soft, right.soft)
    if row.satisfied != (violation <= row.tolerance) and not edge:
        yield said(f"{right.name}: met", row.satisfied, violation <= row.tolerance)


def alike(found: tuple[float, str, float], form: tuple[float, str, float], relative: float) -> bool:
    """Value, relation and bound."""
    values = same(found[0], form[0], relative) and same(found[2], form[2], relative)
    return values and found[1] == form[1]


def evidence(row: Any, right: Judged, relative: float) -> Iterator[str]:
    """What is wrong with the data, the number of examples and the standard error of a mean."""
    if right.n is None:
        return
    if row.split != right.split:
        yield said(f"{right.name}: data", row.split, right.split)
    if row.n != right.n:
        yield said(f"{right.name}: n", row.n, right.n)
    error = right.standard_error
    if error is not None and not math.isnan(error):
        found = math.nan if row.standard_error is None else row.standard_error
        if not same(found, error, relative):
            yield said(f"{right.name}: standard error", row.standard_error, error)


def differences(result: cspec.Result, written: Written) -> list[str]:
    """Everything that a result says otherwise than the evaluator."""
    world, relative = written.made.world, 1e-9 if written.double else 1e-5
    out = []
    objective = written.objective.expected(world)
    if not same(result.objective, objective, relative):
        out.append(said("objective", result.objective, objective))
    found = dict(result.metrics)
    for metric in written.metrics:
        for name, value in metric.expected(world).items():
            if not same(found.pop(name, None), value, relative):
                out.append(said(f"{name} ({metric.text()})", result.metrics.get(name), value))
    out += [said(f"metric {name}", value, "no such metric") for name, value in found.items()]
    rows = {row.name: row for row in result.constraints}
    for right in written.judged():
        row = rows.pop(right.name, None)
        if row is None:
            out.append(said(right.name, "nothing", f"{right.left} {right.relation} {right.right}"))
            continue
        out += [*requirement(row, right, relative), *evidence(row, right, relative)]
    out += [said(name, "a requirement", "none") for name in rows]
    met = all(row.satisfied for row in result.constraints if not row.soft)
    if (result.status == "satisfied") != met:
        out.append(said("status", result.status, "satisfied" if met else "not satisfied"))
    return out


def named(written: Written) -> dict[str, Any]:
    """What a spec is bound to, with copies of its models."""
    return {
        name: copy.deepcopy(value) if isinstance(value, nn.Module) else value
        for name, value in written.names.items()
    }


def run(written: Written) -> cspec.Result:
    """Run a spec on copies of its models."""
    return cspec.run(written.text, **named(written))


def moved(result: cspec.Result, written: Written) -> list[str]:
    """Parameters that differ from those given: the step is too small to move any."""
    out = []
    for name in written.made.models:
        given = dict(written.names[name].named_parameters())
        for key, p in result.models[name].named_parameters():
            if not torch.equal(p.detach().double(), given[key].detach().double()):
                out.append(said(f"{name}.{key}", "moved", "as given"))
    return out


def findings(written: Written) -> list[str]:
    """Explain and run a spec; what is wrong with it."""
    try:
        cspec.explain(written.text)
        result = run(written)
    except cspec.SpecError as error:
        wrong = [d for d in error.diagnostics if d.severity == "error"]
        return [f"refused: {d.code}: {d.message}" for d in wrong]
    except Exception as error:
        return [f"crashed: {type(error).__name__}: {error}"]
    return differences(result, written) + moved(result, written)
