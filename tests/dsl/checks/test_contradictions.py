"""Conflicting sets are found, and are minimal: no member can be left out."""

from __future__ import annotations

import random

import pytest

from cspec.dsl.check import check
from cspec.dsl.text.source import Source

HEAD = "var a = 0\nvar b = 0\nvar c = 0\nvar d = 0\nminimize a^2 + b^2 + c^2 + d^2\ns.t. "
CONFLICT = ("k0: a + b + c <= 1", "k1: a >= 0.5", "k2: b >= 0.4", "k3: c >= 0.3")
HARMLESS = ("h0: d <= 3", "h1: a <= 9", "h2: b + d <= 40", "h3: c - d >= -20", "h4: d >= -1")


def conflicts(constraints: list[str]) -> list[str]:
    """Headlines of contradictions."""
    found = check(Source(text=HEAD + "\n     ".join(constraints) + "\n")).diagnostics
    return [d.message for d in found if d.code == "CS401"]


@pytest.mark.parametrize("seed", range(10))
def test_the_minimal_set_is_named_in_any_order(seed: int) -> None:
    constraints = [*CONFLICT, *HARMLESS]
    random.Random(seed).shuffle(constraints)
    (message,) = conflicts(constraints)
    assert {word for word in ("k0", "k1", "k2", "k3") if f"`{word}`" in message} == {
        "k0",
        "k1",
        "k2",
        "k3",
    }
    assert not any(f"`h{i}`" in message for i in range(5))


@pytest.mark.parametrize("left_out", range(4))
def test_without_one_member_there_is_no_conflict(left_out: int) -> None:
    kept = [text for index, text in enumerate(CONFLICT) if index != left_out]
    assert conflicts([*kept, *HARMLESS]) == []


def test_soft_constraints_conflict_with_nothing() -> None:
    assert conflicts(["k: a <= 1", "h: a >= 2 soft(weight=0.1)"]) == []


def test_a_moving_bound_counts_by_its_last_value() -> None:
    ramp = "a <= ramp(5, 1, epochs=3)"
    assert conflicts([f"k: {ramp}", "h: a >= 2"]) != []
    assert conflicts([f"k: {ramp}", "h: a >= 0.5"]) == []


ORTHONORMAL = (
    "forall W in f.weights: W.T @ W == eye",
    "forall W in f.weights: eye == W @ W.T",
    "forall W in f.weights: sumsq(W.T @ W - eye) == 0",
    "forall W in f.weights: 0 == l2(eye - W @ W.T)",
    "sum(sumsq(W.T @ W - eye) for W in f.weights) == 0",
)
ZERO = ("forall W in f.weights: sumsq(W) == 0", "sum(sumsq(W) for W in f.weights) == 0")


def about_weights(*constraints: str) -> list[str]:
    text = "model f\nminimize ce\ns.t. " + "\n     ".join(constraints) + "\n"
    found = check(Source(text=text)).diagnostics
    return [d.notes[0] for d in found if d.code == "CS404"]


@pytest.mark.parametrize("zero", ZERO)
@pytest.mark.parametrize("ortho", ORTHONORMAL)
def test_orthonormal_in_any_words_is_not_zero(ortho: str, zero: str) -> None:
    (note,) = about_weights(f"ortho: {ortho}", f"zero: {zero}")
    assert "implies that `sumsq(W)` is at least 1" in note


def test_what_is_not_orthonormal_may_be_small() -> None:
    for other in ("sumsq(W.T @ W - eye) <= 1", "sumsq(W.T @ W) == 0", "sumsq(W @ W - eye) == 0"):
        assert about_weights(f"a: forall W in f.weights: {other}", f"zero: {ZERO[1]}") == []
