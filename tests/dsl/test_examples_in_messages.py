"""Examples in helps: made of the names of the spec, and right where they are put in."""

from __future__ import annotations

import re

import pytest

from cspec.dsl.check import check
from cspec.dsl.messages.diagnostic import Diagnostic, Fix, errors
from cspec.dsl.messages.examples import with_examples
from cspec.dsl.text.source import Source, Span

HEAD = "data train(x, y, sex), test(x, y, sex)\nmodel net\n"
_READS = re.compile(r"reads, for example, `([^`]+)`")


@pytest.mark.parametrize(
    ("line", "before"),
    [
        ("verify density(net) at end", "minimize ce\ns.t. density(net) <= 50%\n"),
        ("metric acc, of net", "minimize ce\n"),
        ("model other with 3 layers", "minimize ce(net(x), y)\n"),
        ("using lagrangian nupi please", "minimize ce\ns.t. density(net) <= 50%\n"),
        ("stop unless done", "minimize ce\n"),
        ("s.t. density(net) <=", "minimize ce\n"),
        ("s.t. <= 50%", "minimize ce\n"),
    ],
)
def test_an_example_checks_clean_in_the_place_of_the_line(line: str, before: str) -> None:
    text = f"{HEAD}{before}{line}\n"
    found = errors(check(Source(text=text)).diagnostics)
    shown = [m[1] for d in found for h in d.helps if (m := _READS.search(h))]
    assert shown, [d.helps for d in found]
    heading = "s.t. " if line.startswith("s.t.") else ""
    right = f"{HEAD}{before}{heading}{shown[0]}\n"
    assert errors(check(Source(text=right)).diagnostics) == ()


def test_an_example_that_is_wrong_is_not_shown() -> None:
    source = Source(text="minimize q")
    wrong = Fix(span=Span(0, 10), replacement="minimize w", title="write, for example,")
    right = Fix(span=Span(0, 10), replacement="minimize ce", title="write, for example,")
    found = Diagnostic(code="CS101", message="m", span=Span(0, 1), examples=(wrong, right))

    def checked(text: Source) -> tuple[Diagnostic, ...]:
        return check(text).diagnostics

    (shown,) = with_examples((found,), source, checked)
    assert shown.helps == ("write, for example, `minimize ce`",)
    (none,) = with_examples((found.model_copy(update={"examples": (wrong,)}),), source, checked)
    assert none.helps == ()


def test_examples_are_not_part_of_what_is_printed() -> None:
    (found,) = check(Source(text="minimize ce\nverify a(b)\n")).diagnostics
    assert found.examples and "examples" not in found.model_dump()


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("data train(x, y)\nmodel f\nminimize ce\nstop when patience=5\n", ["CS503"]),
        ("from nets.py import Net\ndata train(x, y)\nmodel f = Net()\nminimize ce\n", ["CS105"]),
        (
            "data train(x, y, s)\nmodel f\nminimize ce\ns.t. P(pred == 1 | s = F) <= 5%\n",
            ["CS130"],
        ),
    ],
)
def test_one_mistake_is_one_finding(text: str, kept: list[str]) -> None:
    assert [d.code for d in errors(check(Source(text=text)).diagnostics)] == kept


def test_a_table_called_as_a_word_of_means_is_told_once() -> None:
    text = "let P = [[1, 2], [3, 4]]\nvar x = 1\nminimize x^2\ns.t. x >= P[0, 1]\n"
    (found,) = check(Source(text=text)).diagnostics
    assert found.code == "CS202" and "P_values" in found.helps[0]
    assert check(Source(text=text.replace("P", "P_values"))).diagnostics == ()
