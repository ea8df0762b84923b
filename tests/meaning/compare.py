"""A result beside what it should be: every difference as a line with both numbers."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from meaning.evaluator import FLIPPED, Judged
from meaning.generate import Written
from meaning.rounding import Numbers, numbers, slacks
from torch import nn

import cspec


@dataclass(frozen=True)
class Near:
    """Equal to so many digits, and as far as rounding of the data moves a value."""

    relative: float
    slack: Numbers

    def same(self, found: float | None, right: float, *names: str) -> bool:
        """Whether a number is right; not measured equals not measured."""
        if found is None:
            return False
        if math.isnan(found) or math.isnan(right):
            return math.isnan(found) and math.isnan(right)
        off = sum(self.slack.get(name, 0.0) for name in names)
        return abs(found - right) <= self.relative * abs(right) + off

    def alike(self, found: tuple[Any, ...], form: tuple[Any, ...], name: str) -> bool:
        """Value, relation and bound."""
        names = (f"{name} left", f"{name} right")
        values = self.same(found[0], form[0], *names) and self.same(found[2], form[2], *names)
        return values and found[1] == form[1]


def said(what: str, found: object, right: object) -> str:
    return f"{what}: cspec says {found}, right is {right}"


def allowed(row: Any, right: Judged) -> float:
    """The largest tolerance that the language gives a requirement by default."""
    if right.tolerance is not None:
        return right.tolerance
    unit = 1e-3 if right.relation == "==" else 1e-6
    return unit * max(1.0, abs(row.bound))


def requirement(row: Any, right: Judged, near: Near) -> Iterator[str]:
    """What is wrong with the report of one requirement."""
    as_written = (right.left, right.relation, right.right)
    turned = (right.right, FLIPPED[right.relation], right.left)
    found = (row.value, row.relation, row.bound)
    if not any(near.alike(found, form, right.name) for form in (as_written, turned)):
        yield said(f"{right.name}: value, relation, bound", found, as_written)
    if row.soft != right.soft:
        yield said(f"{right.name}: a preference", row.soft, right.soft)
    if math.isnan(right.violation):
        if row.satisfied or row.violation <= 0:
            yield said(f"{right.name}: not measured", (row.violation, row.satisfied), "not met")
        return
    yield from verdict(row, right, near)


def verdict(row: Any, right: Judged, near: Near) -> Iterator[str]:
    """What is wrong with the violation of a requirement, its tolerance, and whether it is met."""
    violation, names = right.violation, (f"{right.name} left", f"{right.name} right")
    size = max(abs(right.left), abs(right.right))
    off = near.relative * size + sum(near.slack[name] for name in names)
    if not abs(row.violation - violation) <= off:
        yield said(f"{right.name}: violation", row.violation, violation)
    if not 0 <= row.tolerance <= allowed(row, right) * 1.001:
        yield said(f"{right.name}: tolerance", row.tolerance, f"at most {allowed(row, right)}")
    if right.tolerance is not None and row.tolerance != right.tolerance:
        yield said(f"{right.name}: tolerance", row.tolerance, right.tolerance)
    edge = abs(violation - row.tolerance) <= off
    if row.satisfied != (violation <= row.tolerance) and not edge:
        yield said(f"{right.name}: met", row.satisfied, violation <= row.tolerance)


def evidence(row: Any, right: Judged, near: Near) -> Iterator[str]:
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
        size = max(abs(right.left), abs(right.right))
        digits = math.isfinite(size) and abs(found - error) <= 1e-14 * size  # of equal values
        if not digits and not near.same(found, error, f"{right.name} error"):
            yield said(f"{right.name}: standard error", row.standard_error, error)


def recorded(result: cspec.Result, written: Written, near: Near) -> Iterator[str]:
    """What is wrong with the objective and the metrics."""
    world = written.made.world
    objective = written.objective.expected(world)
    if not near.same(result.objective, objective, "objective"):
        yield said("objective", result.objective, objective)
    found = dict(result.metrics)
    for metric in written.metrics:
        for name, value in metric.expected(world).items():
            if not near.same(found.pop(name, None), value, name):
                yield said(f"{name} ({metric.text()})", result.metrics.get(name), value)
    yield from (said(f"metric {name}", value, "no such metric") for name, value in found.items())


def differences(result: cspec.Result, written: Written) -> list[str]:
    """Everything that a result says otherwise than the evaluator."""
    slack = slacks(written, numbers(written, written.made.world))
    near = Near(1e-9 if written.double else 1e-5, slack)
    out = list(recorded(result, written, near))
    rows = {row.name: row for row in result.constraints}
    for right in written.judged():
        row = rows.pop(right.name, None)
        if row is None:
            out.append(said(right.name, "nothing", f"{right.left} {right.relation} {right.right}"))
            continue
        out += [*requirement(row, right, near), *evidence(row, right, near)]
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


def moving(written: Written) -> dict[str, nn.Module]:
    """The models that are bound, without frozen copies."""
    return {n: value for n, value in written.names.items() if isinstance(value, nn.Module)}


def run(written: Written) -> cspec.Result:
    """Run a spec on copies of its models."""
    return cspec.run(written.text, **named(written))


def moved(result: cspec.Result, written: Written) -> list[str]:
    """Parameters that differ from those given: the step is too small to move any."""
    out = []
    for name, net in moving(written).items():
        given = dict(net.named_parameters())
        for key, p in result.models[name].named_parameters():
            if not torch.equal(p.detach().double(), given[key].detach().double()):
                out.append(said(f"{name}.{key}", "moved", "as given"))
    return out


NO_GRADIENT = "CS310"
"""A condition that no prediction meets (`pred == 0 and pred == 1`) leaves nothing to follow."""


def unmeasured(row: Judged) -> bool:
    """Whether a requirement is about no example."""
    return math.isnan(row.left) or math.isnan(row.right)


def findings(written: Written) -> list[str]:
    """Explain and run a spec; what is wrong with it."""
    try:
        cspec.explain(written.text)
        result = run(written)
    except cspec.SpecError as error:
        wrong = [d for d in error.diagnostics if d.severity == "error"]
        if {d.code for d in wrong} == {NO_GRADIENT} and any(
            unmeasured(j) for j in written.judged()
        ):
            return []
        return [f"refused: {d.code}: {d.message}" for d in wrong]
    except Exception as error:
        return [f"crashed: {type(error).__name__}: {error}"]
    return differences(result, written) + moved(result, written)
