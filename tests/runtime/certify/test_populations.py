"""Models just outside their bound: how often a split certifies them all the same."""

import numpy as np
import pytest

from cspec.compiler.records.certificate import CertificateFacts, LeafFacts, Tree
from cspec.runtime.certify.certificate import certify
from cspec.runtime.certify.leaves import Observed

DRAWS = 200
MOST = 18
"""Of 200 draws at 5%, more than 18 happen with probability 0.9%."""
LEAF = Tree(operation="leaf", leaf=0)
SIZES = (700, 400, 900)


def facts(tree: Tree, bound: float, groups: int = 0) -> CertificateFacts:
    leaf = LeafFacts(text="p", kind="rate", groups=tuple(map(str, range(groups))))
    limit = Tree(operation="number", number=bound)
    return CertificateFacts(confidence=0.95, data="test", leaves=(leaf,), value=tree, bound=limit)


def drawn(rates: tuple[float, ...], seed: int) -> dict[tuple[int, int], Observed]:
    rng = np.random.default_rng(seed)
    found = {}
    for group, (n, rate) in enumerate(zip(SIZES, rates, strict=False)):
        k = int(rng.binomial(n, rate))
        found[0, group if len(rates) > 1 else -1] = Observed(n, k / n, k)
    return found


PROBLEMS = [
    pytest.param(LEAF, "<=", 0.1, (0.1001,), id="rate"),
    pytest.param(LEAF, ">=", 0.8, (0.7999,), id="floor"),
    pytest.param(
        Tree(operation="gap", parts=(LEAF,)),
        "<=",
        0.05,
        (0.2, 0.2501),
        id="gap",
        marks=pytest.mark.slow,
    ),
    pytest.param(
        Tree(operation="gap", parts=(LEAF,)),
        "<=",
        0.1,
        (0.2, 0.3001, 0.25),
        id="gap of three",
        marks=pytest.mark.slow,
    ),
    pytest.param(
        Tree(operation="ratio", parts=(LEAF,)),
        ">=",
        0.8,
        (0.5, 0.3999),
        id="ratio",
        marks=pytest.mark.slow,
    ),
]


@pytest.mark.parametrize(("tree", "relation", "bound", "rates"), PROBLEMS)
def test_a_violated_requirement_is_seldom_certified(
    tree: Tree, relation: str, bound: float, rates: tuple[float, ...]
) -> None:
    asked = facts(tree, bound, len(rates) if len(rates) > 1 else 0)
    wrong = sum(
        certify(asked, relation, drawn(rates, seed), rows=2000, error=0.05).certified  # type: ignore[arg-type]
        for seed in range(DRAWS)
    )
    assert wrong <= MOST


def test_a_refusal_says_how_many_examples_it_would_take() -> None:
    seen = {(0, -1): Observed(400, 0.08, 32)}
    found = certify(facts(LEAF, 0.1), "<=", seen, rows=1000, error=0.05)
    assert not found.certified and found.needed is not None
    times = found.needed / 1000
    more = {(0, -1): Observed(400, 0.08, 32).larger(times)}
    assert certify(facts(LEAF, 0.1), "<=", more, rows=found.needed, error=0.05).certified
    less = {(0, -1): Observed(400, 0.08, 32).larger(0.9 * times)}
    assert not certify(facts(LEAF, 0.1), "<=", less, rows=1, error=0.05).certified


def test_where_the_estimate_is_outside_no_number_would_do() -> None:
    found = certify(facts(LEAF, 0.1), "<=", {(0, -1): Observed(50, 0.12, 6)}, rows=50, error=0.05)
    assert not found.certified and found.needed is None


def test_an_empty_group_is_named_and_never_certified() -> None:
    seen = {(0, 0): Observed(50, 0.2, 10), (0, 1): Observed(0, float("nan"), 0)}
    gap = Tree(operation="gap", parts=(LEAF,))
    found = certify(facts(gap, 0.9, 2), "<=", seen, rows=50, error=0.05)
    assert not found.certified and found.why == "no example for `p`, 1"
