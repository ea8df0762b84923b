"""How much below its bound a requirement has to be kept in training to be certified afterwards.

A certificate compares a confidence bound, not the value. A model that just meets its requirement
is certified about as often as the certificate is wrong, so training gets a tighter bound:

    margin = z(confidence) * s + z(90%) * s * sqrt(1 + rows / rows of training)

s is the standard error that the value will have on the certifying split: of a fraction
sqrt(p (1 - p) / n), of a difference of two the root of the sum of squares, of other sums the sum.
The first term is the distance of the confidence bound. The second makes a model that keeps the
tightened bound in training pass in about nine of ten draws: both samples have their error. n comes
from the rows of the split and the sizes of its groups. p is the bound where the requirement is one
fraction, else about what the labels make it (`expected_rates`), that of groups which are held
together in the middle of theirs.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from statistics import NormalDist

from cspec.compiler.axes.groups import Grouping
from cspec.compiler.axes.inference import Inference
from cspec.compiler.axes.targets import targets_of
from cspec.compiler.expressions.rewrite import function_name
from cspec.compiler.lower.certificates import Certified
from cspec.compiler.lower.report import verify_facts
from cspec.compiler.records.certificate import CertificateFacts, Margin, Tree
from cspec.compiler.records.facts import DataFacts
from cspec.compiler.records.problem import Category, Constraint
from cspec.dsl.check import Checked
from cspec.dsl.messages.wording import some
from cspec.dsl.tree.constants import is_whole
from cspec.dsl.tree.nodes import Compare, Expectation, Expr, Name, Number, String, walk

SHOWN = 4
"""Groups that are named."""
PASSES = 0.9
"""How often a model that keeps the tightened bound is to be certified."""
UNKNOWN = 0.5
"""Where a fraction is not known: p (1 - p) is largest there."""


def margins(
    proofs: Mapping[str, Certified],
    constraints: Mapping[str, Constraint],
    training: str | None,
    inference: Inference,
) -> dict[str, Margin]:
    """By full label, the margins of the requirements that are to be certified."""
    trained_on = inference.known.facts.data.get(training or "")
    found = {}
    for label, proof in proofs.items():
        data = inference.known.facts.data.get(proof.facts.data)
        if data is not None:
            both = math.sqrt(1 + data.rows / trained_on.rows) if trained_on else 1.0
            found[label] = _margin(label, proof, constraints[label], data, both, inference)
    return {label: margin for label, margin in found.items() if margin is not None}


def _margin(
    label: str,
    proof: Certified,
    c: Constraint,
    data: DataFacts,
    both: float,
    inference: Inference,
) -> Margin | None:
    """`both`: the error of the two samples together, in errors of the split's."""
    facts = proof.facts
    if c.relation not in ("<=", ">=") or facts.bound.operation != "number":
        return None
    means = [leaf if isinstance(leaf, Expectation) else None for leaf in proof.leaves]
    sizes = [rows_of_groups(m, data, inference) if m else [math.inf] for m in means]
    rates = [expected_rates(m, data, inference) if m else [UNKNOWN] for m in means]
    errors = _Errors(facts, sizes, rates)
    error = errors.of(facts.value)
    if error is None or not 0 < error < math.inf:
        return None
    bound = facts.bound.number
    normal = NormalDist()
    needs = normal.inv_cdf(facts.confidence) * error
    wanted = needs + normal.inv_cdf(PASSES) * both * error
    room = _room(facts, c.relation, bound)
    about = f"{label}: to be certified on the {data.rows:,} rows of `{facts.data}` at "
    about += f"{100 * facts.confidence:g}%"
    if needs >= room:
        times = (needs / room) ** 2 if room > 0 else math.inf
        rows = f"{math.ceil(data.rows * times):,}" if math.isfinite(times) else "no number of"
        return Margin(
            0.0,
            f"{about} the value would have to be {needs:.3g} inside {bound:g}, which can't be: no "
            f"certificate is to be expected with fewer than about {rows} rows"
            f"{_small(errors.groups(), room / normal.inv_cdf(facts.confidence))}",
        )
    amount = min(wanted, (needs + room) / 2)
    amount = float(f"{amount:.3g}")
    tight = bound - amount if c.relation == "<=" else bound + amount
    return Margin(
        amount,
        f"{about}, training keeps it {c.relation} {tight:.4g}, a margin of {amount:g} for the "
        f"sampling error ({error:.2g}) of the split; the verdict is by {bound:g} as written",
    )


def _small(groups: Iterable[tuple[str, float, float]], most: float) -> str:
    """Groups whose own error is too large already, smallest first, by name and rows."""
    found = sorted((n, name) for name, n, error in groups if error > most)
    shown = some([f"[{name}] {n:,.0f}" for n, name in found], SHOWN)
    return f"; too few rows are of {shown}" if found else ""


def _room(facts: CertificateFacts, relation: str, bound: float) -> float:
    """How far inside its bound a value can be at most."""
    if facts.value.operation in ("gap", "abs", "ratio"):
        low, high = 0.0, 1.0 if facts.value.operation == "ratio" else math.inf
    elif facts.value.operation == "leaf":
        leaf = facts.leaves[facts.value.leaf]
        low, high = leaf.low, leaf.high
    else:
        low, high = -math.inf, math.inf
    return bound - low if relation == "<=" else high - bound


class _Errors:
    """Standard errors of expressions on a split of these sizes; None where none is known."""

    def __init__(
        self, facts: CertificateFacts, sizes: list[list[float]], rates: list[list[float]]
    ) -> None:
        self._facts = facts
        self._sizes = sizes
        self._rates = rates
        if facts.value.operation in ("leaf", "max", "min") and 0 < facts.bound.number < 1:
            # What just meets its bound is what has to be told from what does not.
            self._rates = [[facts.bound.number] * len(groups) for groups in rates]

    def of(self, tree: Tree) -> float | None:
        match tree.operation:
            case "number":
                return 0.0
            case "leaf":
                return self._mean(tree.leaf, max(tree.group, 0))
            case "negate" | "abs":
                return self.of(tree.parts[0])
            case "gap":
                return self._apart(tree, 1.0)
            case "ratio":
                error = self._apart(tree, self._facts.bound.number)
                return None if error is None else error / UNKNOWN
            case "max" | "min":
                return self._largest(tree)
            case "sum":
                return self._sum(tree)
        return None

    def groups(self) -> Iterator[tuple[str, float, float]]:
        """Each group of the means by its name, with its rows and standard error."""
        for leaf, facts in enumerate(self._facts.leaves):
            for group, name in enumerate(facts.groups):
                error = self._mean(leaf, group)
                yield name, self._sizes[leaf][group], math.inf if error is None else error

    def _mean(self, leaf: int, group: int, rate: float | None = None) -> float | None:
        facts, n = self._facts.leaves[leaf], self._sizes[leaf][group]
        if n <= 0:
            return None
        p = self._rates[leaf][group] if rate is None else rate
        spread = math.sqrt(p * (1 - p)) if facts.kind == "rate" else 0.5
        return (facts.high - facts.low) * spread / math.sqrt(n)

    def _apart(self, tree: Tree, factor: float) -> float | None:
        """Of the two smallest groups: those of one mean by group, or several means."""
        if any(part.operation != "leaf" for part in tree.parts):
            return None
        leaves = dict.fromkeys(part.leaf for part in tree.parts)
        groups = [(leaf, group) for leaf in leaves for group in range(len(self._sizes[leaf]))]
        known = [self._rates[leaf][group] for leaf, group in groups]
        middle = (min(known) + max(known)) / 2
        found = (self._mean(leaf, group, middle) for leaf, group in groups)
        errors = sorted((e for e in found if e is not None), reverse=True)
        return math.hypot(errors[0], factor * errors[1]) if len(errors) > 1 else None

    def _largest(self, tree: Tree) -> float | None:
        if len(tree.parts) == 1 and tree.parts[0].operation == "leaf":
            leaf = tree.parts[0].leaf
            found = [self._mean(leaf, group) for group in range(len(self._sizes[leaf]))]
        else:
            found = [self.of(part) for part in tree.parts]
        return None if None in found else max(e for e in found if e is not None)

    def _sum(self, tree: Tree) -> float | None:
        found = [self.of(part) for part in tree.parts]
        known = [error for error in found if error is not None]
        if len(known) < len(found):
            return None
        leaves = {leaf for part in tree.parts for leaf in _leaves(part)}
        selects = [dict(self._facts.leaves[leaf].selects) for leaf in leaves]
        if len(selects) == 2 and any(
            selects[1].get(column, value) != value for column, value in selects[0].items()
        ):
            return math.hypot(*known)
        return sum(known)


def _leaves(tree: Tree) -> set[int]:
    own = {tree.leaf} if tree.operation == "leaf" else set()
    return own.union(*(_leaves(part) for part in tree.parts))


def labels_to_certify(checked: Checked) -> tuple[str, ...]:
    """The columns that models predict, where a certificate is asked for."""
    if all(line.confidence is None for line in verify_facts(checked)):
        return ()
    return tuple(sorted(set(targets_of(checked.elaborated, checked.symbols).of.values())))


def columns_held(condition: Expr) -> set[str]:
    """The columns that a condition groups by, or says the value of."""
    found = {condition.id} if isinstance(condition, Name) else set()
    for node in walk(condition):
        match node:
            case Compare(operators=("==",), operands=(Name(id=name), Number() | String() | Name())):
                found.add(name)
    return found


def rows_of_groups(mean: Expectation, data: DataFacts, inference: Inference) -> list[float]:
    """About how many rows each group of a mean has, in their order; conditions apart."""
    grouping = inference.grouping(mean)
    held, share = _held(grouping, data)
    return [share * _rows(held, group, data) for group in _groups(grouping)]


def _rows(held: dict[str, int], group: dict[str, int], data: DataFacts) -> float:
    """Rows of a group under conditions; as if they were apart where they were not counted."""
    counted = data.rows_with({**held, **group})
    if counted is not None:
        return counted
    alone = (data.rows_with({name: code}) for name, code in held.items())
    shares = (UNKNOWN if n is None or not data.rows else n / data.rows for n in alone)
    return (data.rows_with(group) or 0) * math.prod(shares)


def expected_rates(mean: Expectation, data: DataFacts, inference: Inference) -> list[float]:
    """About how often the event of a mean holds in each of its groups, before there is a model.

    Predictions hold a class about as often as the labels do, and err no more often than one that
    names the most frequent class:

        P[pred == c | g]    the share of the labels that are c in group g
        P[pred != y | g]    the share of the labels that are not the most frequent one, at most

    Of other events, and of those under further conditions, nothing is known: 1/2, where the
    standard error of a fraction is largest.
    """
    grouping = inference.grouping(mean)
    held, share = _held(grouping, data)
    groups = _groups(grouping)
    found = _asked(mean.body, inference)
    if share < 1 or found is None or found[0] not in data.columns or found[0] in held:
        return [UNKNOWN] * len(groups)
    label, code = found
    return [_rate(label, code, {**held, **group}, data) for group in groups]


def _groups(grouping: Grouping) -> list[dict[str, int]]:
    """What the columns of each group hold; one group that holds nothing where there are none."""
    names = [column.id for column in grouping.columns]
    held = [dict(zip(names, group.codes, strict=True)) for group in grouping.groups]
    return held if names else [{}]


def _held(grouping: Grouping, data: DataFacts) -> tuple[dict[str, int], float]:
    """What conditions say that columns hold; the share of rows that others leave, 1/2 each."""
    held: dict[str, int] = {}
    share = 1.0
    for part in grouping.parts:
        match part:
            case Compare(operators=("==",), operands=(Name(id=name), Category(code=code))):
                held[name] = code
            case Compare(operators=("==",), operands=(Name(id=name), Number(value=value))) if (
                is_whole(value) and name in data.columns and data.columns[name].counts
            ):
                held[name] = int(value)
            case _:
                share *= UNKNOWN
    return held, share


def _asked(event: Expr, inference: Inference) -> tuple[str, int | None] | None:
    """The column that is predicted, and the class that an event asks for; None: whether it errs."""
    match event:
        case Compare(operators=("==" | "!=",), operands=operands):
            asked = [o for o in operands if function_name(o) == "pred"]
            others = [o for o in operands if function_name(o) != "pred"]
        case _:
            return None
    label = inference.known.target(asked[0]) if len(asked) == 1 else None
    if label is None:
        return None
    match others[0]:
        case Category(code=code):
            return label, code
        case Number(value=value) if is_whole(value):
            return label, int(value)
        case Name(id=name) if name == label:
            return label, None
    return None


def _rate(label: str, code: int | None, held: dict[str, int], data: DataFacts) -> float:
    """The share of a class, or of all but the most frequent one, among the rows that hold this.

    One row more of either kind: a class that no row of a group has is not impossible.
    """
    found = [data.rows_with({**held, label: value}) for value in data.columns[label].held]
    counts = [count for count in found if count is not None]
    if len(counts) < len(found) or not sum(counts):
        return UNKNOWN
    of_class = 0 if code is None else data.rows_with({**held, label: code}) or 0
    holds = sum(counts) - max(counts) if code is None else of_class
    return (holds + 1) / (sum(counts) + 2)
