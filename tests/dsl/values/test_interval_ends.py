"""Ends of the interval of a variable or a param: one number each, or an error."""

import pytest

from cspec.dsl.check import check
from cspec.dsl.text.source import Source


def found(text: str) -> list[tuple[str, str]]:
    checked = check(Source(text=text, name="spec.cspec"))
    return [(d.code, d.message) for d in checked.diagnostics]


@pytest.mark.parametrize(
    ("lines", "end"),
    [
        ("param u[3] = [1, 2, 3]\nvar x[3] = 1 in [0, u]", "u"),
        ("let u = 2\nvar x = 1 in [0, u]", "u"),
        ("var u = 2\nvar x = 1 in [0, u]", "u"),
    ],
)
def test_an_end_that_is_no_number_is_an_error(lines: str, end: str) -> None:
    names = "x - u" if lines.startswith("var u") else "x"
    assert ("CS303", f"`{end}` is not one number") in found(f"{lines}\nminimize sumsq({names})")


def test_ends_that_are_lists_are_a_constraint() -> None:
    text = "var x[3] = 1 in [[0, 0, 0], [1, 2, 3]]\nminimize sumsq(x)"
    assert found(text) == [("CS303", "ends that differ from entry to entry are a constraint")]


@pytest.mark.parametrize(
    "lines",
    ["param u = 2\nvar x = 1 in [0, 2*u]", "param u\nvar x = 1 in [0, u]", "var x = 1 in [0, inf]"],
)
def test_numbers_params_and_open_params_are_ends(lines: str) -> None:
    assert not [message for code, message in found(f"{lines}\nminimize x^2") if code == "CS303"]
