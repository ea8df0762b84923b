"""A requirement certified from what was observed of its means: pure, no model in sight.

    value <= bound    certified where the upper confidence bound of the value is <= the bound
    value >= bound    likewise with the lower one
    value == bound    within t: where that of |value - bound| is <= t

A violated requirement is certified with probability at most the error, over the draw of the split.
Several requirements each have this guarantee alone; that all of them hold is certified where each
is, at the same error, shared with nobody (an intersection-union test: if any is violated, it alone
has to be passed).
"""

import math
from collections.abc import Mapping
from typing import Literal

from cspec.compiler.records.certificate import CertificateFacts, Tree
from cspec.runtime.certify.bounds import Bounds, Place
from cspec.runtime.certify.leaves import Observed, lower, upper
from cspec.runtime.result.constraint import Certificate, CertifiedMean

Relation = Literal["<=", ">=", "==", "in"]
MOST = 1e7
"""Times as many examples, beyond which none would do."""


def certify(
    facts: CertificateFacts,
    relation: Relation,
    seen: Mapping[Place, Observed],
    *,
    rows: int,
    error: float,
    text: str = "value",
) -> Certificate:
    """The certificate of one requirement at an error; `rows` are those of the split."""
    bounds = Bounds(facts.leaves, seen)
    tree, sign, threshold, about = _claim(facts, relation, text)
    kinds = [leaf.kind for leaf in facts.leaves]
    missing = (place for place, item in seen.items() if item.n == 0 and kinds[place[0]] != "number")
    empty = next(missing, None)
    estimate, limit = math.nan, math.nan
    if empty is None:
        estimate, limit = bounds.value(tree), _limit(bounds, tree, sign, error)
    certified = sign * limit <= sign * threshold
    open_ = empty is None and not certified
    return Certificate(
        confidence=facts.confidence,
        error=error,
        data=facts.data,
        certified=certified,
        about=about,
        relation="<=" if sign > 0 else ">=",
        estimate=estimate,
        bound=limit,
        threshold=threshold,
        means=_means(facts, seen, bounds),
        needed=needed(facts, relation, seen, rows=rows, error=error) if open_ else None,
        why="" if empty is None else f"no example for {_called(facts, empty)}",
    )


def needed(
    facts: CertificateFacts,
    relation: Relation,
    seen: Mapping[Place, Observed],
    *,
    rows: int,
    error: float,
) -> int | None:
    """About how many rows a split would take if its means stayed as they are; None if none do."""
    tree, sign, threshold, _ = _claim(facts, relation, "")
    estimate = Bounds(facts.leaves, seen).value(tree)
    if not sign * estimate < sign * threshold:
        return None

    def holds(times: float) -> bool:
        more = {place: item.larger(times) for place, item in seen.items()}
        return sign * _limit(Bounds(facts.leaves, more, rough=True), tree, sign, error) <= (
            sign * threshold
        )

    high = 1.0
    while not holds(high):
        high *= 2
        if high > MOST:
            return None
    low = high / 2
    while high > 1.01 * low and high > 1:
        middle = math.sqrt(low * high)
        low, high = (low, middle) if holds(middle) else (middle, high)
    return math.ceil(rows * max(high, 1.01))


def _claim(facts: CertificateFacts, relation: Relation, text: str) -> tuple[Tree, int, float, str]:
    """The expression, on which side it is bounded, by what, and what people call it."""
    value, bound, slack = facts.value, facts.bound, facts.tolerance
    difference = Tree(operation="sum", parts=(value, Tree(operation="negate", parts=(bound,))))
    if relation == "==":
        return Tree(operation="abs", parts=(difference,)), 1, slack, "distance"
    sign = 1 if relation == "<=" else -1
    if bound.operation == "number":
        return value, sign, bound.number + sign * slack, text
    return difference, sign, sign * slack, "left - right"


def _limit(bounds: Bounds, tree: Tree, sign: int, error: float) -> float:
    return bounds.upper(tree, error) if sign > 0 else bounds.lower(tree, error)


def _called(facts: CertificateFacts, place: Place) -> str:
    leaf = facts.leaves[place[0]]
    return f"`{leaf.text}`" + (f", {leaf.groups[place[1]]}" if place[1] >= 0 else "")


def _means(
    facts: CertificateFacts, seen: Mapping[Place, Observed], bounds: Bounds
) -> tuple[CertifiedMean, ...]:
    found = []
    for place, item in sorted(seen.items()):
        leaf = facts.leaves[place[0]]
        if leaf.kind == "number":
            continue
        sides = bounds.used.get(place, {})
        above, below = sides.get("upper", 0.0), sides.get("lower", 0.0)
        found.append(
            CertifiedMean(
                text=leaf.text,
                group=leaf.groups[place[1]] if place[1] >= 0 else "",
                n=item.n,
                k=item.hits,
                mean=item.mean,
                upper=upper(item, above) if above else None,
                upper_error=above,
                lower=lower(item, below) if below else None,
                lower_error=below,
                together_error=sides.get("together", 0.0),
            )
        )
    return tuple(found)
