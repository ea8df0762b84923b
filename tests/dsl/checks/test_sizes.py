"""What a few characters blow up is counted and refused before anything is made of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cspec.dsl.check import check
from cspec.dsl.messages.pages.all import CODES
from cspec.dsl.text.limits import LIMITS
from cspec.dsl.text.source import Source

Count = Callable[[Callable[[], Any]], int]
X = "var x[3] = 1\nminimize sum(x)\n"
DOUBLED = "var x = 1\nlet f(t) = t*t\nminimize "
QUICK = 75_000
"""Function calls that a refusal of a few lines may cost."""


def codes(text: str, **params: object) -> list[str]:
    return [d.code for d in check(Source(text=text), params).diagnostics]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (f"{X}s.t. forall i in range(10^9): x[0] >= i\n", "CS343"),
        (f"{X}s.t. forall i in range(1e300): x[0] >= i\n", "CS343"),
        (f"{X}s.t. forall i in range(inf): x[0] >= i\n", "CS343"),
        (f"{X}s.t. forall i in range(3000): forall j in range(3000): x[0] >= i*j\n", "CS343"),
        (f"{X}s.t. g: forall i in range(3000): {{ forall j in range(i): x[0] >= j }}\n", "CS343"),
        (f"{X}s.t. {'forall i in range(2): ' * 40}x[0] >= 1\n", "CS343"),
        ("var x[3] = 1\nminimize sum(x[0] for i in range(1000000000))\n", "CS343"),
        ("var x = 1\nminimize sum(x for i in range(1000) for j in range(1000))\n", "CS343"),
        ("var x = 1\nminimize " + "sum(" * 9 + "x" + " for i in range(2))" * 9 + "\n", "CS343"),
        (f"{X}s.t. x[0] >= max(i for i in range(10^7))\n", "CS343"),
        (f"{X}s.t. forall i in range(9000): sum(x[0]*j for j in range(50)) >= i\n", "CS342"),
        ("var x = 1\nminimize x + trace(eye(100000))\n", "CS340"),
        ("var x = 1\nminimize x + sum(eye(10^200))\n", "CS340"),
        ("var x[10^9] = 1\nminimize sumsq(x)\n", "CS340"),
        ("var x[10^5, 10^5] = 1\nminimize sumsq(x)\n", "CS340"),
        ("param a[10^9]\nvar x = 1\nminimize x + sum(a)\n", "CS340"),
        (f"{DOUBLED}{'f(' * 40}x{')' * 40}\n", "CS342"),
        (f"data d(x, y)\nmodel f\nlet l(t) = ce*t + t\nminimize {'l(' * 40}1{')' * 40}\n", "CS342"),
        ("domain q(t) = box([0, 1])\nmodel u(t)\nminimize E[u for t in q.sample(10^9)]\n", "CS343"),
        ("domain q(s, t) = box([0, 1], [0, 1])\nmodel u(s, t)\nminimize ce\n"
         "s.t. forall (s, t) in q.grid(10^5): u(s, t) >= 0\n", "CS343"),
        ("model f = mlp(hidden=[1_000_000, 1_000_000])\nminimize ce\n", "CS341"),
        ("data train(x, y) = two_gaussians(n=1G)\nmodel f\nminimize ce\n", "CS504"),
    ],
)  # fmt: skip
def test_what_is_too_large_is_refused_at_once(text: str, code: str, calls: Count) -> None:
    found: list[str] = []
    assert calls(lambda: found.extend(codes(text))) < QUICK
    assert code in found


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("var x = 1\nminimize " + " + ".join(["x"] * 50_000), "CS148"),
        ("var x = 1\nminimize " + "*".join(["x"] * 50_000), "CS148"),
        ("var x = 1\nminimize x + sum([" + "1, " * 50_000 + "1])", "CS148"),
        ("var x = 1\nminimize x\ns.t. x in {" + "1, " * 50_000 + "1}", "CS148"),
        (f"var x = 1\nlet {'a' * 2_000} = 1\nminimize x\n", "CS147"),
        (f'data train(x, y) = csv("{"a" * 2_000}", target="y")\nminimize ce\n', "CS147"),
    ],
)
def test_what_is_too_wide_or_too_long_is_not_parsed(text: str, code: str, calls: Count) -> None:
    assert code in codes(text)
    if code == "CS148":
        assert calls(lambda: codes(text)) < 40 * len(text)


def test_terms_are_counted_side_by_side() -> None:
    terms = " + ".join(f"{i}*x*x*x" for i in range(4_000))
    assert codes(f"var x = 1\nminimize {terms}\n") == []


def test_params_are_counted_at_their_values() -> None:
    text = f"param n = 3\n{X}s.t. forall i in range(n): x[0] >= i\n"
    assert codes(text) == []
    assert codes(text, n="100000000") == ["CS343"]


@pytest.mark.parametrize(
    "text",
    [
        "var x[250] = 1\nminimize sum(x[i]*sum(x[j] for j in range(250)) for i in range(250))\n",
        "var W[1000, 1000] = 0\nminimize sumsq(W - eye(1000))\n",
        "var x[10000] = 1\nminimize sumsq(x)\ns.t. forall i in range(10_000): x[i] >= i\n",
        f"{DOUBLED}f(f(f(f(x))))\n",
    ],
)
def test_what_a_machine_can_hold_passes(text: str) -> None:
    assert codes(text) == []


def test_deep_calls_leave_room() -> None:
    assert codes("var x = 1\nminimize " + "sin(" * 190 + "x" + ")" * 190 + "\n") == []


def test_every_limit_has_a_page() -> None:
    for limit in LIMITS:
        assert limit.code in CODES
        assert limit.what and limit.instead and limit.most > 0
