"""Natural specs say what is measured: every number beside the one computed by hand."""

from __future__ import annotations

import copy
import math
from pathlib import Path
from typing import Any

import pytest
from meaning.natural.specs import SPECS, Natural
from torch import nn

import cspec


def run(spec: Natural, folder: Path) -> tuple[cspec.Result, Any]:
    """The result of a spec, and the facts that its values are computed from."""
    for name, content in spec.files.items():
        (folder / name).write_text(content)
    found = None if spec.setting is None else spec.setting()
    path = folder / f"{spec.name}.cspec"
    path.write_text(spec.source(found.header if found else ""))
    names = {
        name: copy.deepcopy(value) if isinstance(value, nn.Module) else value
        for name, value in (found.names if found else {}).items()
    }
    result = cspec.run(path, **names, **spec.also)
    if found is None:
        return result, result
    found.facts.result = result
    return result, found.facts


def said(result: cspec.Result, key: str) -> Any:
    """What a result says under a name: `dp`, `dp.met`, `acc`, `objective`, `var.x`, `status`."""
    if key in ("objective", "status"):
        return getattr(result, key)
    if key.startswith("var."):
        return result.vars[key[4:]]
    if key in result.metrics:
        return result.metrics[key]
    rows = {row.name: row for row in result.constraints}
    if key in rows:
        return rows[key].value
    name, _, part = key.rpartition(".")
    if name not in rows:
        return None
    return getattr(rows[name], {"met": "satisfied"}.get(part, part))


def same(found: Any, right: Any, close: float) -> bool:
    """Equal; numbers to so many digits, not measured equals not measured."""
    if isinstance(right, list | tuple):
        return len(found) == len(right) and all(
            same(a, b, close) for a, b in zip(found, right, strict=True)
        )
    if right is None or found is None or isinstance(right, bool | str):
        return bool(found == right)
    if math.isnan(right):
        return math.isnan(found)
    return math.isclose(found, right, rel_tol=close, abs_tol=close)


@pytest.mark.parametrize("spec", SPECS, ids=[s.name for s in SPECS])
def test_a_natural_spec(spec: Natural, tmp_path: Path) -> None:
    if spec.right is None:
        with pytest.raises(cspec.SpecError) as caught:
            run(spec, tmp_path)
        assert f"{spec.name}.cspec:" in str(caught.value), f"no place in:\n{caught.value}"
        return
    try:
        result, facts = run(spec, tmp_path)
    except cspec.SpecError as error:
        if spec.may_be_refused and f"{spec.name}.cspec:" in str(error):
            return
        raise
    wrong = [
        f"{key}: cspec says {said(result, key)}, right is {value}"
        for key, value in spec.right(facts).items()
        if not same(said(result, key), value, spec.close)
    ]
    assert not wrong, "\n".join([spec.text, *wrong])
