"""A search for what was meant that raises: the finding stands, and who works on it sees it."""

from __future__ import annotations

from typing import Any, NoReturn

import pytest

from cspec.dsl import check as checking
from cspec.dsl.check import check
from cspec.dsl.mistakes import explain as explaining
from cspec.dsl.text.running import STRICT
from cspec.dsl.text.source import Source

TEXT = "data train(x, y)\nmodel f\nminimize ce(f(x) y)\n"


def broken(*_: Any) -> NoReturn:
    raise IndexError("a fault of the search")


@pytest.mark.parametrize("place", ["with_one_edit", "first of the rows"])
def test_a_fault_of_a_search_ends_no_check(monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    if place == "with_one_edit":
        monkeypatch.setattr(checking, place, broken)
    else:
        monkeypatch.setattr(explaining, "CHECKS", (broken, *explaining.CHECKS))
    with pytest.raises(IndexError):
        check(Source(text=TEXT))
    monkeypatch.delenv(STRICT)
    (found,) = check(Source(text=TEXT)).diagnostics
    assert found.severity == "error" and TEXT[: found.span.start].count("\n") == 2
