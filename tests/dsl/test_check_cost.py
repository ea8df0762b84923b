"""Checking is cheap: nothing heavy is imported, cost grows linearly, nothing overflows."""

from __future__ import annotations

import subprocess
import sys

from cspec.dsl.check import check
from cspec.dsl.text.source import Source

PROGRAM = """
import sys
from cspec.dsl.check import check
from cspec.dsl.text.source import Source
found = check(Source(text="minimize ce s.t. density(model) <= 0.5")).diagnostics
assert found == (), found
print(",".join(m for m in ("torch", "sympy", "numpy", "scipy", "rich") if m in sys.modules))
"""


def test_checking_imports_nothing_heavy() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""


def many(count: int) -> Source:
    """A spec with `count` constraints."""
    lines = "\n     ".join(
        f"k{i}: x[{i}]^2 + 2*sin(x[{i + 1}]) - eps <= {i + 1} within 1e-3" for i in range(count)
    )
    return Source(text=f"var x[{count + 1}]\nparam eps = 0.5\nminimize sumsq(x)\ns.t. {lines}\n")


def test_cost_grows_linearly(calls) -> None:
    small, large = many(100), many(400)
    assert check(large).diagnostics == ()
    # Four times the constraints: 4 for linear growth, 16 for quadratic.
    assert calls(lambda: check(large)) < 4.4 * calls(lambda: check(small))


def doubling(count: int) -> Source:
    """A spec whose lets would grow to 2^count terms."""
    lets = "".join(f"let a{i} = a{i - 1} + a{i - 1}\n" for i in range(1, count))
    return Source(text=f"var x = 1\nlet a0 = x\n{lets}minimize a{count - 1}\n")


def test_deep_and_growing_lets_are_refused_at_once(calls) -> None:
    small, large = doubling(150), doubling(300)
    assert {d.code for d in check(large).diagnostics} == {"CS215"}
    assert calls(lambda: check(large)) < 2.5 * calls(lambda: check(small))


def test_nested_brackets_are_checked() -> None:
    text = "var x = 1\nminimize " + "sin(" * 150 + "x" + ")" * 150 + "\n"
    assert check(Source(text=text)).diagnostics == ()


def unclosed(count: int) -> Source:
    """A setting line whose bracket is never closed, with many brackets and commas inside."""
    return Source(text="minimize(" + "a(1)," * count + "\n")


def test_a_bracket_that_is_never_closed_costs_one_pass(calls) -> None:
    small, large = unclosed(200), unclosed(800)
    assert check(large).diagnostics[0].code == "CS103"
    assert calls(lambda: check(large)) < 5 * calls(lambda: check(small))


def test_words_that_begin_statements_are_cheap_within_one(calls) -> None:
    small, large = (
        Source(text=f"var x = 1\nminimize x\ns.t. c: x + {'let-1' * n} <= 2\n") for n in (500, 2000)
    )
    assert calls(lambda: check(large)) < 4.4 * calls(lambda: check(small))


def tower(count: int) -> Source:
    """Constants below constants, and a name that is none at the end."""
    return Source(text="var x = 1\nminimize " + "(1 + " * count + "x" + ")" * count + "\n")


def test_constants_are_computed_once(calls) -> None:
    small, large = tower(40), tower(120)
    assert check(large).diagnostics == ()
    assert calls(lambda: check(large)) < 3.5 * calls(lambda: check(small))


def test_powers_of_powers_cost_what_they_are_long(calls) -> None:
    small, large = (Source(text="minimize " + "z^" * n + "z") for n in (40, 120))
    assert calls(lambda: check(large)) < 4 * calls(lambda: check(small))
