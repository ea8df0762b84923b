"""Sets are told apart by what they say; what many members share is looked through once."""

from __future__ import annotations

from typing import Any

import pytest

from cspec.compiler.expressions.rewrite import number
from cspec.compiler.records import set_keys
from cspec.compiler.records.problem import SetMember
from cspec.compiler.records.set_keys import SetKeys
from cspec.dsl.tree.nodes import Name


def test_equal_sets_have_equal_keys_whatever_they_are_on() -> None:
    keys = SetKeys()
    box: dict[str, Any] = {"0": number(0), "1": number(1)}
    first = SetMember(word="box", arguments=box, subject=Name(id="x"))
    same = SetMember(word="box", arguments=dict(box), subject=Name(id="y"))
    wider = SetMember(word="box", arguments={**box, "1": number(2)})
    row = first.model_copy(update={"rows": ((0,),)})
    part = first.model_copy(update={"part": (0,)})
    assert keys.of(first) == keys.of(same)
    assert len({keys.of(member) for member in (first, wider, row, part)}) == 4


def test_shared_arguments_are_looked_through_once(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []
    real = set_keys.shape
    monkeypatch.setattr(set_keys, "shape", lambda value: seen.append(value) or real(value))
    rows: dict[str, Any] = {"0": tuple((0.0, (((i,), 1.0),)) for i in range(50))}
    together = SetMember(word="separate", arguments=rows, subject=Name(id="x"))
    members = [together.model_copy(update={"recognized": str(i)}) for i in range(50)]
    keys = SetKeys()
    assert len({keys.of(member) for member in members}) == 1
    assert len(seen) == 2
