"""Bounds of an expression of means from bounds of the means, by its tree.

`upper(tree, error)` is exceeded by the true value with probability at most `error`; `lower` mirrors
it. How the error goes down the tree:

    max(a, b, ..)   the largest of the upper bounds, each at the whole error: if all true values but
                    the largest were far below, only the bound of that one could fail
    gap, abs        are maxima of differences, so likewise: no matter how many groups there are
    a + b, a * b    the error is shared equally, one share for each side that is used
    p - q           of two rates of other examples: one exact test at the whole error
                    (`two_rates.py`), no sharing
    a / b <= c      is a - c b <= 0: the smallest such c
    min(a, b, ..)   shared equally; lower bounds as for max
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from cspec.compiler.records.certificate import LeafFacts, Tree
from cspec.runtime.certify.leaves import Observed
from cspec.runtime.certify.leaves import lower as lower_of_mean
from cspec.runtime.certify.leaves import upper as upper_of_mean
from cspec.runtime.certify.two_rates import is_at_most, upper_of_two

Place = tuple[int, int]
"""A mean: its leaf, and its group (-1 without groups)."""
STEPS = 24
LARGE = 1e9
_MONOTONE: Mapping[str, Callable[[float], float]] = {
    "exp": lambda v: math.exp(min(v, 700.0)),
    "log": lambda v: -math.inf if v <= 0 else math.log(v),
    "sqrt": lambda v: math.sqrt(max(v, 0.0)),
}
_OF_PARTS: Mapping[str, Callable[[Sequence[float]], float]] = {
    "sum": sum,
    "negate": lambda values: -values[0],
    "product": lambda values: values[0] * values[1],
    "quotient": lambda values: values[0] / values[1] if values[1] else math.nan,
    "abs": lambda values: abs(values[0]),
    "max": max,
    "min": min,
}


@dataclass(eq=False)
class Bounds:
    """Bounds of trees over what was observed; `used` notes the sides and shares of each mean.

    `rough`: two rates by a formula in place of the exact test, for predictions.
    """

    leaves: Sequence[LeafFacts]
    seen: Mapping[Place, Observed]
    rough: bool = False
    used: dict[Place, dict[str, float]] = field(default_factory=dict)
    """By mean: `upper`, `lower` and `together` (an exact test of two) with its error."""
    _known: dict[tuple[str, Tree, float], float] = field(default_factory=dict)
    """By side, term and error: what was computed once. A quotient asks for the same many times."""

    def value(self, tree: Tree) -> float:
        """The expression at the means observed; NaN where one was not."""
        match tree.operation:
            case "number":
                return tree.number
            case "leaf":
                return self.seen[tree.leaf, tree.group].mean
            case "gap" | "ratio":
                means = [self.value(part) for part in self.members(tree)]
                if any(map(math.isnan, means)):
                    return math.nan
                if tree.operation == "gap":
                    return max(means) - min(means)
                return min(means) / max(means) if max(means) > 0 else math.nan
            case _:
                return _combined(tree, [self.value(part) for part in self.members(tree)])

    def members(self, tree: Tree) -> list[Tree]:
        """The means of a leaf by group, each its own tree; parts of another tree as they are."""
        leaf = tree.parts[0]
        if len(tree.parts) != 1 or leaf.operation != "leaf" or leaf.group >= 0:
            return list(tree.parts)
        count = len(self.leaves[leaf.leaf].groups)
        return [leaf.model_copy(update={"group": g}) for g in range(count)] or [leaf]

    def _differences(self, tree: Tree) -> list[Tree]:
        """a - b of all members, of which the largest is the gap."""
        members = self.members(tree)
        return [_sum(a, _negated(b)) for a in members for b in members if a is not b]

    def upper(
        self, tree: Tree, error: float, above: float = -math.inf, *, one_look: bool = False
    ) -> float:
        """See the head of the module; `above`: a bound below it need not be told exactly.

        With `one_look` nor need one above it.
        """
        constant, terms = _terms(tree)
        places = list(terms.items())
        if len(places) == 1:
            ((term, factor),) = places
            return constant + factor * self._end(term, error, upper=factor > 0)
        if len(places) == 2 and self._apart(places[0][0], places[1][0]):
            return constant + self._of_two(places, error, above - constant, one_look)
        share = error / max(1, len(places))
        return constant + sum(f * self._end(t, share, upper=f > 0) for t, f in places)

    def lower(self, tree: Tree, error: float) -> float:
        """What the true value is below with probability at most `error`."""
        return -self.upper(_negated(tree), error)

    # --- one term --------------------------------------------------------------------------------

    def _end(self, term: Tree, error: float, *, upper: bool) -> float:
        place = ("upper" if upper else "lower", term, error)
        if place not in self._known:
            self._known[place] = (self._upper if upper else self._lower)(term, error)
        return self._known[place]

    def _upper(self, tree: Tree, error: float) -> float:
        match tree.operation:
            case "leaf":
                return self._mean(tree, "upper", error)
            case "max":
                return self._largest(self.members(tree), error)
            case "gap":
                return max(0.0, self._largest(self._differences(tree), error))
            case "abs":
                (inner,) = tree.parts
                return max(0.0, self._largest([inner, _negated(inner)], error))
            case "min":
                members = self.members(tree)
                return min(self.upper(part, error / len(members)) for part in members)
            case "ratio":
                return self._upper_ratio(tree, error)
            case "quotient":
                return self._upper_quotient(tree, error)
            case "product" | "power":
                return self._corners(tree, error)[1]
            case word:
                return _MONOTONE[word](self.upper(tree.parts[0], error))

    def _lower(self, tree: Tree, error: float) -> float:
        match tree.operation:
            case "leaf":
                return self._mean(tree, "lower", error)
            case "max":
                members = self.members(tree)
                return max(self.lower(part, error / len(members)) for part in members)
            case "min":
                return min(self.lower(part, error) for part in self.members(tree))
            case "gap":
                pairs = self._differences(tree)
                return max(0.0, *(self.lower(pair, error / len(pairs)) for pair in pairs))
            case "abs":
                inner = tree.parts[0]
                return max(0.0, self.lower(inner, error / 2), -self.upper(inner, error / 2))
            case "ratio":
                return self._lower_ratio(tree, error)
            case "quotient":
                low, high = tree.parts
                inverse = Tree(operation="quotient", parts=(_negated(low), high))
                return -self._upper_quotient(inverse, error)
            case "product" | "power":
                return self._corners(tree, error)[0]
            case word:
                return _MONOTONE[word](self.lower(tree.parts[0], error))

    def _mean(self, tree: Tree, side: str, error: float) -> float:
        place = (tree.leaf, tree.group)
        self._note(place, side, error)
        bound = upper_of_mean if side == "upper" else lower_of_mean
        return bound(self.seen[place], error)

    def _note(self, place: Place, side: str, error: float) -> None:
        sides = self.used.setdefault(place, {})
        sides[side] = max(error, sides.get(side, 0.0))

    def _largest(self, trees: Sequence[Tree], error: float) -> float:
        """The largest upper bound; the tree that is largest as observed is looked at first."""
        found = -math.inf
        for tree in sorted(trees, key=self.value, reverse=True):
            bound = self.upper(tree, error, found)
            if math.isnan(bound):
                return math.nan
            found = max(found, bound)
        return found

    def _decided(self, trees: Sequence[Tree], error: float) -> bool:
        """Whether the upper bounds of all are at most 0; by how much they are not is not asked."""
        return all(self.upper(tree, error, 0.0, one_look=True) <= 0 for tree in trees)

    def _corners(self, tree: Tree, error: float) -> tuple[float, float]:
        """Both ends of a product of two, or of a power, with every side that is used paid for."""
        if tree.operation == "power":
            (base,) = tree.parts
            low, high = self.lower(base, error / 2), self.upper(base, error / 2)
            ends = [low**tree.number, high**tree.number]
            even = tree.number % 2 == 0
            return (0.0 if even and low <= 0 <= high else min(ends)), max(ends)
        sides = [(self.lower(p, error / 4), self.upper(p, error / 4)) for p in tree.parts]
        ends = [_times(a, b) for a in sides[0] for b in sides[1]]
        return (math.nan, math.nan) if any(map(math.isnan, ends)) else (min(ends), max(ends))

    # --- ratios ----------------------------------------------------------------------------------

    def _upper_quotient(self, tree: Tree, error: float) -> float:
        """The smallest c at which numerator - c denominator <= 0, the denominator positive."""
        numerator, denominator = tree.parts
        if not self.value(denominator) > 0:  # never negative, and seen: then it is positive
            return math.inf

        def fits(c: float) -> bool:
            return self._decided([_minus_times(numerator, c, denominator)], error)

        return _smallest(fits)

    def _lower_ratio(self, tree: Tree, error: float) -> float:
        """The largest r at which r p_h - p_g <= 0 for all groups g and h."""
        members = self.members(tree)

        def fits(r: float) -> bool:
            pairs = [_minus_times(_negated(g), -r, h) for g in members for h in members if g != h]
            return self._decided(pairs, error)

        low, high = 0.0, 1.0
        if not fits(low):
            return 0.0
        while high - low > 1e-4:
            middle = (low + high) / 2
            low, high = (middle, high) if fits(middle) else (low, middle)
        return low

    def _upper_ratio(self, tree: Tree, error: float) -> float:
        members = self.members(tree)
        least = min(self.upper(part, error / 2 / len(members)) for part in members)
        most = max(self.lower(part, error / 2 / len(members)) for part in members)
        return min(1.0, least / most) if most > 0 else 1.0

    # --- two rates -------------------------------------------------------------------------------

    def _apart(self, one: Tree, other: Tree) -> bool:
        """Whether two terms are rates of different examples."""
        if one.operation != "leaf" or other.operation != "leaf":
            return False
        seen = [self.seen[t.leaf, t.group] for t in (one, other)]
        if any(item.hits is None for item in seen):
            return False
        if one.leaf == other.leaf:
            return one.group != other.group
        here, there = (dict(self.leaves[t.leaf].selects) for t in (one, other))
        return any(column in there and there[column] != value for column, value in here.items())

    def _of_two(
        self, terms: Sequence[tuple[Tree, float]], error: float, above: float, one_look: bool
    ) -> float:
        (one, a), (other, b) = terms
        first, second = (self.seen[t.leaf, t.group] for t in (one, other))
        for tree in (one, other):
            self._note((tree.leaf, tree.group), "together", error)
        if math.isnan(a * first.mean + b * second.mean) and first.n and second.n:
            return math.nan
        if self.rough:
            return _rough(a, first, b, second, error)
        if one_look:
            return above if is_at_most(a, first, b, second, error, above) else math.inf
        return upper_of_two(a, first, b, second, error, above)


def _rough(a: float, first: Observed, b: float, second: Observed, error: float) -> float:
    """About what the exact test of two rates gives: each one's distance to its own bound, squared.

    Newcombe (1998, Statistics in Medicine 17, method 10), with Clopper-Pearson's bounds.
    """
    value, square = 0.0, 0.0
    for weight, seen in ((a, first), (b, second)):
        end = upper_of_mean(seen, error) if weight > 0 else lower_of_mean(seen, error)
        value += weight * seen.mean
        square += (weight * (end - seen.mean)) ** 2
    return value + math.sqrt(square)


def _smallest(fits: Callable[[float], bool]) -> float:
    """The smallest c that fits, where all larger ones do."""
    if not fits(LARGE):
        return math.inf
    high = 1.0
    while not fits(high):
        high *= 2
    low = 0.0
    while fits(low) and low > -LARGE:
        high, low = low, min(-1.0, 2 * low)
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if fits(middle) else (middle, high)
    return high


def _times(a: float, b: float) -> float:
    return 0.0 if a == 0 or b == 0 else a * b


def _combined(tree: Tree, values: Sequence[float]) -> float:
    if any(map(math.isnan, values)):
        return math.nan
    if tree.operation == "power":
        return float(values[0] ** tree.number)
    if tree.operation in _OF_PARTS:
        return _OF_PARTS[tree.operation](values)
    return _MONOTONE[tree.operation](values[0])


def _negated(tree: Tree) -> Tree:
    return Tree(operation="negate", parts=(tree,))


def _sum(*parts: Tree) -> Tree:
    return Tree(operation="sum", parts=parts)


def _minus_times(a: Tree, c: float, b: Tree) -> Tree:
    """a - c b."""
    return _sum(a, Tree(operation="product", parts=(Tree(operation="number", number=-c), b)))


def _terms(tree: Tree, factor: float = 1.0) -> tuple[float, dict[Tree, float]]:
    """A tree as constant + sum of factor times term; like terms are one, `x - x` is none."""
    match tree.operation:
        case "number":
            return factor * tree.number, {}
        case "negate":
            return _terms(tree.parts[0], -factor)
        case "sum":
            constant, found = 0.0, dict[Tree, float]()
            for part in tree.parts:
                more, terms = _terms(part, factor)
                constant += more
                for term, weight in terms.items():
                    found[term] = found.get(term, 0.0) + weight
            return constant, {term: weight for term, weight in found.items() if weight}
        case "product":
            known = [_terms(part) for part in tree.parts]
            for (number, terms), other in zip(known, reversed(tree.parts), strict=True):
                if not terms:
                    return _terms(other, factor * number) if factor * number else (0.0, {})
        case "quotient":
            number, terms = _terms(tree.parts[1])
            if not terms and number:
                return _terms(tree.parts[0], factor / number)
    return 0.0, {tree: factor}
