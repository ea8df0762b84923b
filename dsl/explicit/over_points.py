"""Sums, extremes and spreads over the points of a domain, as statistics of their dataset.

    sum(e for p in q.grid(5) where c)   ->   N E[e*c on "q.grid(5)"], of N points
    mean(e for p in S where c)          ->   E[e | c on S]
    max(e for p in S where c)           ->   quantile(e, 1, on=S, where=c)
    gap(e for p in S), ratio(..)        ->   max - min, min / max
    any(A for p in S), all(..)          ->   the largest, the smallest of 0 and 1
    std(e for p in S where c)           ->   sqrt(E[(e - E[e | c on S])^2 | c on S])

What names an outer point or an example, too, has the points of a grid written out:

    E[(u(t) - sum(t*s*u(s) for s in q.grid(3)))^2 for t in q.sample(50)]
                                        ->   .. sum(t*s*u(s) for s in {0, 0.5, 1}) ..

A step sees all points of a set, so that none of these is an estimate from a part of them. What
bounds a maximum alone, `max(e for p in S) <= b`, is a requirement on each point: `worst_example`.
"""

from cspec.dsl.settings.points import Points
from cspec.dsl.tree import nodes
from cspec.dsl.words.functions import OF_MEMBERS

_MEANS = ("sum", "mean")
RUNS = frozenset({*_MEANS, *OF_MEMBERS, *nodes.EXTREMES})
"""What goes over points, besides `E` and `P`."""


def runs(node: nodes.Comprehension) -> bool:
    """Whether what goes over a single set of points has a form here."""
    return len(node.binders) == 1 and node.function in RUNS


def way_of(function: str) -> str:
    """How points are chosen that something goes over: of a mean drawn anew, else once."""
    return "redrawn" if function in _MEANS or function == "std" else "held"


def points_in(settings: Points) -> int:
    """How many points a set has, as it is written; an axis without width has one."""
    if settings.drawn:
        return settings.n
    ends = zip(settings.lower, settings.upper, strict=True)
    wide = sum(a != b or settings.kind == "normal" for a, b in ends)
    return int(settings.n**wide)


def over_points(node: nodes.Comprehension, dataset: str, settings: Points) -> nodes.Expr:
    """A comprehension over points as a statistic of their dataset."""
    (binder,) = node.binders
    body, span = node.body, node.span
    asked = () if binder.condition is None else (binder.condition,)

    def mean(of: nodes.Expr, *conditions: nodes.Expr) -> nodes.Expr:
        found = {"dataset": dataset, "dataset_span": binder.domain.span, "span": span}
        return nodes.Expectation(kind="E", body=of, conditions=conditions, **found)

    def extreme(of: nodes.Expr, level: int) -> nodes.Expr:
        on = nodes.Keyword(
            name="on", value=nodes.Name(id=dataset, span=binder.domain.span), span=span
        )
        where = tuple(nodes.Keyword(name="where", value=c, span=span) for c in asked)
        level_ = nodes.Number(text=str(level), value=level, span=span)
        function, keywords = nodes.Name(id="quantile"), (on, *where)
        return nodes.Call(function=function, arguments=(of, level_), keywords=keywords, span=span)

    match node.function:
        case "sum":
            count = points_in(settings)
            counted = _product(body, *asked) if asked else body
            return _product(nodes.Number(text=str(count), value=count, span=span), mean(counted))
        case "mean":
            return mean(body, *asked)
        case "std":
            apart = nodes.Sum(operands=(body, mean(body, *asked)), operators=("-",), span=span)
            squared = nodes.Power(base=apart, exponent=nodes.Number(text="2", value=2), span=span)
            return nodes.Call(
                function=nodes.Name(id="sqrt"), arguments=(mean(squared, *asked),), span=span
            )
        case "gap":
            both = (extreme(body, 1), extreme(body, 0))
            return nodes.Sum(operands=both, operators=("-",), span=span)
        case "ratio":
            both = (extreme(body, 0), extreme(body, 1))
            return nodes.Product(operands=both, operators=("/",), span=span)
    return extreme(body, 1 if node.function in ("max", "any") else 0)


def written_out(
    node: nodes.Expectation | nodes.Comprehension, settings: Points
) -> nodes.Expectation | nodes.Comprehension | None:
    """What goes over a grid, over the numbers of each axis; None of other points."""
    (binder,) = node.binders
    if settings.drawn or settings.kind != "uniform" or set(settings.widths) != {1}:
        return None
    axes = list(zip(binder.names, settings.lower, settings.upper, strict=True))
    binders = []
    for place, (name, low, high) in enumerate(axes):
        items = tuple(nodes.Number(text=repr(v), value=v) for v in _along(low, high, settings.n))
        last = binder.condition if place == len(axes) - 1 else None
        update = {"names": (name,), "domain": nodes.FiniteSet(items=items), "condition": last}
        binders.append(binder.model_copy(update=update))
    return node.changed(binders=tuple(binders))


def _along(low: float, high: float, n: int) -> list[float]:
    """The points of a grid along an axis, as `runtime/data/points` has them."""
    if low == high:
        return [low]
    if n == 1:
        return [(low + high) / 2]
    return [low + (high - low) * i / (n - 1) for i in range(n)]


def _product(*factors: nodes.Expr) -> nodes.Expr:
    return nodes.Product(
        operands=factors, operators=("*",) * (len(factors) - 1), span=factors[0].span
    )
