"""Ratios of means whose denominator is data: its sign is that of the columns.

    E[w*ce]/E[w] <= 0.5    ->    E[w*ce] - 0.5*E[w] <= 0        for w that is never negative

A denominator that moves has to have a known sign as it is written, which `check` asks for; of one
that is made of columns the data tell it.
"""

from collections.abc import Iterator

from cspec.compiler.axes.inference import Inference
from cspec.compiler.axes.record import Bound
from cspec.compiler.expressions.rewrite import rewrite
from cspec.compiler.passes.canonical import behind
from cspec.compiler.records.facts import ColumnFacts, Facts
from cspec.compiler.records.problem import Constraint, Problem
from cspec.dsl.format.expressions import format_expression
from cspec.dsl.messages.diagnostic import Diagnostic, SpecError
from cspec.dsl.tree.constants import Values
from cspec.dsl.tree.nodes import Attribute, Expectation, Expr, Index, Name, Product, walk
from cspec.dsl.tree.rebuild import names
from cspec.dsl.values.intervals import Range, Ranges


def check_ratio_signs(problem: Problem, inference: Inference, ranges: Ranges) -> None:
    """Refuse denominators of data whose sign the columns leave open.

    Raises:
        SpecError: CS406, for each.
    """
    found: dict[tuple[int, int], Diagnostic] = {}
    facts = inference.known.facts
    for c in problem.constraints:
        for denominator in _denominators(c, inference.known.params):
            named = _by_columns(denominator, inference)
            known = ranges.of(named, _columns(named, facts))
            if known.low < 0 < known.high:
                span = denominator.span
                found.setdefault((span.start, span.end), _open(denominator, _columns(named, facts)))
    if found:
        raise SpecError(found.values())


def _denominators(c: Constraint, params: Values) -> Iterator[Expr]:
    """What stands behind the last `/` of either side: canonical form turns on its sign."""
    for side in (behind(c.value, params), c.bound):
        if isinstance(side, Product) and side.operators[-1] == "/":
            last = side.operands[-1]
            if any(isinstance(node, Expectation) for node in walk(last)):
                yield last


def _by_columns(expr: Expr, inference: Inference) -> Expr:
    """An expression with features in the units of their file, `x.bill`, as the columns they are."""
    datasets = [n.dataset for n in walk(expr) if isinstance(n, Expectation) and n.dataset]

    def column(node: Expr) -> Expr:
        if not isinstance(node, Attribute | Index) or not datasets:
            return node
        place = inference.place(node, datasets[0])
        return Name(id=place.column) if isinstance(place, Bound) else node

    return rewrite(expr, column)


def _columns(expr: Expr, facts: Facts) -> dict[str, Range]:
    """The ranges of the columns that an expression names, over the datasets it averages."""
    datasets = {n.dataset for n in walk(expr) if isinstance(n, Expectation) and n.dataset}
    known = [facts.data[name].columns if _whole(name, facts) else {} for name in datasets]
    found: dict[str, Range] = {}
    for name in names(expr):
        lows = [_least(columns[name]) for columns in known if name in columns]
        if lows and len(lows) == len(known) and None not in lows:
            found[name] = Range(min(low for low in lows if low is not None), float("inf"))
    return found


def _whole(dataset: str, facts: Facts) -> bool:
    """Whether all rows of a dataset were seen: of a stream some were."""
    return dataset in facts.data and facts.data[dataset].stream is None


def _least(column: ColumnFacts) -> float | None:
    """The smallest number that a column holds; None where that is not known, or it holds words."""
    held = [*column.values[:1], *column.levels[:1], *column.classes]
    if not held or any(isinstance(value, str) for value in held):
        return None
    return float(min(held))


def _open(denominator: Expr, columns: dict[str, Range]) -> Diagnostic:
    shown = format_expression(denominator)
    lows = [
        f"the smallest `{name}` is {known.low:g}"
        for name, known in sorted(columns.items())
        if known.low < 0
    ]
    return Diagnostic(
        code="CS406",
        message=f"the sign of the denominator `{shown}` is not known",
        span=denominator.span,
        label="may be positive or negative",
        notes=("a ratio is compiled to a linear form, which turns around with the sign", *lows),
        helps=("divide by something that is never negative, such as `E[abs(...)]` or `P[...]`",),
    )
