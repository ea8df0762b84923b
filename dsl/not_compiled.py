"""Forms of the language that this version does not compile: said by `check`, refused by `run`.

A warning of `check` (the spec is right, and can't run yet) is an error of whatever trains; its help
says what works today instead. What is compiled leaves this list.

    CS520  requirements on each example, points of domains and balls, derivatives over data
    CS514  `fit(batch_size=...)` of points
"""

from collections.abc import Iterable, Iterator

from cspec.dsl.explicit.over_points import runs
from cspec.dsl.explicit.points import beside, noise_of, point_set
from cspec.dsl.explicit.spec import flatten
from cspec.dsl.explicit.worst_example import EXTREME
from cspec.dsl.format.expressions import format_expression
from cspec.dsl.messages.diagnostic import Diagnostic, finding, replacing
from cspec.dsl.names.symbols import Symbols, is_made
from cspec.dsl.settings.fit import FitSettings
from cspec.dsl.settings.methods import (
    AugmentedLagrangian,
    Auto,
    Lagrangian,
    Method,
    network_of,
    unknown_to_rows,
)
from cspec.dsl.tree import nodes
from cspec.dsl.tree.rebuild import binders_of, bound_names, calls_of, function_name, names
from cspec.dsl.words.functions import DERIVATIVES
from cspec.dsl.words.sets import BALL, BOXES

LATER = frozenset({"CS514", "CS520"})
"""Codes of what is part of the language and does not run yet."""
_DRAWN = frozenset({"uniform", "normal", "ball"})
"""Sets that are not finite, besides the domains of a spec."""
_OWN_LOOP = "compute it in a loop of your own and hand it over: `given residual`, `cspec.bind`"


def not_compiled(
    spec: nodes.Spec, symbols: Symbols, method: Method, methods: dict[str, Method], fit: FitSettings
) -> tuple[Diagnostic, ...]:
    """Everything in an elaborated spec that can't run yet, as warnings in source order."""
    found = [
        *_constraints(spec, symbols, method, methods),
        *(
            one
            for item in spec.items
            if isinstance(item, nodes.Metric | nodes.Objective | nodes.SubjectTo)
            for one in _inside(item, symbols, isinstance(item, nodes.Metric))
        ),
        *_settings(spec, symbols, fit),
    ]
    return tuple(sorted(found, key=lambda d: (d.span.start, d.span.end)))


def refusals(found: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Those among the findings of a check that stop a run, as errors."""
    return tuple(
        d.model_copy(update={"severity": "error"})
        for d in found
        if d.code in LATER and d.severity == "warning"
    )


def _whole_domain(domain: nodes.Name) -> Diagnostic:
    """What goes over a domain says at which of its points."""
    drawn = f"{domain.id}.sample(200)"
    said = f"at which points of `{domain.id}` is not said: a domain has infinitely many"
    label = "can't run yet"
    helps = (f"write `{drawn}`", f"or, for regular points, `{domain.id}.grid(21)`")
    fixes = replacing(domain.span, drawn)
    return finding("CS520", said, domain.span, label, severity="warning", helps=helps, fixes=fixes)


def _later(code: str, what: str, node: nodes.Node, help_: str) -> Diagnostic:
    said = f"{what} is checked by cspec, but not compiled yet"
    return finding(code, said, node.span, "can't run yet", severity="warning", helps=(help_,))


# --- requirements --------------------------------------------------------------------------------


def _constraints(
    spec: nodes.Spec, symbols: Symbols, method: Method, methods: dict[str, Method]
) -> Iterator[Diagnostic]:
    for binders, constraint in flatten(spec):
        own = methods.get(constraint.label or "", method)
        if network_of(own) is not None and not _of_rows(binders, constraint, symbols):
            what = "a network of multipliers for what is not required of each example"
            help_ = "it belongs to `forall (x, y) in train: ...`: write it behind the `by` of that"
            yield _later("CS520", what, constraint.relation, help_)
            continue
        soft = any(isinstance(m, nodes.Soft) for m in constraint.modifiers)
        found = [
            d
            for binder in binders
            if (d := _quantifier(binder, binders, constraint, symbols, None if soft else own))
        ]
        # What is drawn or continuous says more than the examples it is drawn around.
        yield from [d for d in found if "each example" not in d.message][:1] or found[:1]


def _of_rows(
    binders: tuple[nodes.Binder, ...], constraint: nodes.Constraint, symbols: Symbols
) -> bool:
    """Whether a method acts on each example of data here, or nothing has a method."""
    rows = any(_is_data(binder.domain, symbols) for binder in binders)
    soft = any(isinstance(m, nodes.Soft) for m in constraint.modifiers)
    return rows or soft or isinstance(constraint.relation, nodes.Membership)


def _quantifier(
    binder: nodes.Binder,
    binders: tuple[nodes.Binder, ...],
    constraint: nodes.Constraint,
    symbols: Symbols,
    method: Method | None,
) -> Diagnostic | None:
    domain = binder.domain
    if isinstance(domain, nodes.Name) and domain.id in symbols.datasets():
        in_the_model = _in_the_model(method)
        if in_the_model and len(binders) == 1 and binder.condition is None:
            return None
        others = [b for b in binders if b is not binder]
        if all(_finite(b.domain, symbols) for b in others) and _has_multipliers(constraint, method):
            return None
        by = unknown_to_rows(method) if method is not None and not in_the_model else None
        return _each_example(binder, domain.id, in_the_model, by if len(binders) == 1 else None)
    if point_set(domain, symbols.domains()) is not None:
        return _of_points(binder, binders, constraint, symbols, method)
    if not _infinite(domain, symbols):
        return None
    if isinstance(domain, nodes.Name):
        return _whole_domain(domain)
    help_ = _OWN_LOOP
    drawn = isinstance(domain, nodes.Call) and isinstance(domain.function, nodes.Attribute)
    if isinstance(domain, nodes.Call) and domain.keywords and drawn:
        help_ = "leave `redraw` out, or bound a mean"
        help_ += ", `E[(lhs - rhs)^2 for x in q.sample(200)] <= 1e-4`"
    elif drawn and not _derived(constraint):
        help_ = "draw the points beforehand and bind them: `E[(lhs - rhs)^2 on points] <= 1e-4`"
    elif (own := _of_each_example(binder, constraint.relation)) is not None:
        help_ = f"as it stands one change is for all examples; each its own: `{own}`"
    return _later("CS520", f"a requirement {_points(binder, symbols)}", domain, help_)


def _of_each_example(binder: nodes.Binder, relation: nodes.Node) -> str | None:
    """`forall d in ball(r): E[l(x + d)] <= b` with the worst change of each example."""
    match relation:
        case nodes.Compare(
            operands=(nodes.Expectation(binders=()) as mean, bound), operators=(operator,)
        ):
            pass
        case _:
            return None
    word = EXTREME.get(operator)
    if word is None or mean.kind != "E" or function_name(binder.domain) != BALL:
        return None
    worst = nodes.Comprehension(function=word, body=mean.body, binders=(binder,))
    each = format_expression(mean.changed(body=worst))
    return f"{each} {operator} {format_expression(bound)}"


def _of_points(
    binder: nodes.Binder,
    binders: tuple[nodes.Binder, ...],
    constraint: nodes.Constraint,
    symbols: Symbols,
    method: Method | None,
) -> Diagnostic | None:
    """What of a requirement on points can't run: of one relation, over one set, it does."""
    what = f"a requirement {_points(binder, symbols)}"
    others = [b for b in binders if b is not binder]
    if not all(_finite(b.domain, symbols) for b in others):
        help_ = "name the product, `domain q(t, x) = box([0, 1], [-1, 1])`, and go over its points"
        return _later("CS520", f"{what} and something else", binder.domain, help_)
    if any(isinstance(m, nodes.WithSurrogate) for m in constraint.modifiers):
        return _later("CS520", f"{what} with a surrogate", binder.domain, _SHARE)
    known = isinstance(method, Auto | Lagrangian | AugmentedLagrangian)
    plain = method is None or known or _in_the_model(method)
    closed = method is not None and not isinstance(method, Auto)
    if not plain or (binder.condition is not None and closed):
        assert method is not None
        how = " with a `where`" if plain else ""
        help_ = "leave its method open" + ("" if plain else ", or write `by augmented_lagrangian`")
        return _later("CS520", f"{what}{how} by `{method.word}`", binder.domain, help_)
    return None


def _in_the_model(method: Method | None) -> bool:
    """Whether it becomes a part of the model, so that there are no multipliers."""
    return method is not None and method.enforces in ("outputs", "anything")


_SHARE = "a share of the points runs: `P[A and not B for (t, x) in q.sample(1000)] <= 1%`"


def _finite(domain: nodes.Node, symbols: Symbols) -> bool:
    """Whether a quantifier goes over a set whose members are written out, or found in data."""
    return not _is_data(domain, symbols) and not _infinite(domain, symbols)


def _is_data(domain: nodes.Node, symbols: Symbols) -> bool:
    return isinstance(domain, nodes.Name) and domain.id in symbols.datasets()


def _has_multipliers(constraint: nodes.Constraint, method: Method | None) -> bool:
    """Whether each example has a multiplier: of one relation, its method open, or a preference."""
    relation = constraint.relation
    plain = isinstance(relation, (nodes.Compare, *nodes.CONNECTIVES))
    plain |= isinstance(relation, nodes.Membership) and isinstance(relation.set, nodes.Interval)
    return plain and (method is None or unknown_to_rows(method) is None)


def _each_example(
    binder: nodes.Binder, data: str, in_the_model: bool, by: str | None
) -> Diagnostic:
    what = f"a requirement on each example of `{data}`"
    if by is not None:
        open_ = "leave the method out: each example then has a multiplier of its own"
        return _later("CS520", f"{what} {by}", binder.domain, open_)
    if in_the_model and binder.condition is not None:
        what += " with a `where`"
    help_ = "for the mean: `E[...] <= ...`; for the worst share: `cvar(..., 99%) <= ...`"
    help_ += "; what is affine in the outputs: `by output_projection`"
    return _later("CS520", what, binder.domain, help_)


def _points(binder: nodes.Binder, symbols: Symbols) -> str:
    """Which points a quantifier goes over, in the words of the language."""
    match binder.domain:
        case nodes.Call(function=nodes.Attribute(name="sample"), keywords=(_, *_)):
            return "on points that are drawn anew (`redraw=true`)"
        case nodes.Call(function=nodes.Attribute(value=nodes.Name(id=name), name="sample")) if (
            name in symbols.domains()
        ):
            return "on drawn points of a domain"
        case nodes.Call(function=nodes.Attribute(name="sample")):
            return "on drawn points"
        case nodes.Call(function=nodes.Attribute(name="grid")):
            return "on the grid points of a domain"
        case nodes.Call(function=nodes.Name(id="ball")):
            return "on a whole ball"
    return f"over `{format_expression(binder.domain)}`"


def _infinite(domain: nodes.Node, symbols: Symbols) -> bool:
    """Whether a set has infinitely many points."""
    if isinstance(domain, nodes.Interval):
        return True
    for part in nodes.walk(domain):
        match part:
            case nodes.Name(id=name) if name in symbols.domains():
                return True
            case nodes.Call(function=nodes.Name(id=word)) if word in _DRAWN:
                return True
    return False


# --- expressions ---------------------------------------------------------------------------------


def _inside(
    node: nodes.Node, symbols: Symbols, measured: bool, outer: frozenset[str] = frozenset()
) -> Iterator[Diagnostic]:
    """Findings below a node, the outermost of a branch alone; `measured`: on whole data alone.

    `outer` are names that are bound around it.
    """
    match node:
        case nodes.Constraint(binders=(), relation=nodes.Compare() as relation) if each := _at_each(
            relation, symbols
        ):
            yield each
            return
        case nodes.Expectation(binders=binders) | nodes.Comprehension(binders=binders) if binders:
            if (found := _over(node, binders, symbols, measured, outer)) is not None:
                yield found
                return
    bound = outer | bound_names(binders_of(node))
    for child in node.children():
        yield from _inside(child, symbols, measured, bound)


def _at_each(relation: nodes.Compare, symbols: Symbols) -> Diagnostic | None:
    """`max(u(x) for x in q) <= 1` of a whole domain: a requirement at each of some points."""
    match relation:
        case nodes.Compare(
            operands=(nodes.Comprehension(function=word, body=body, binders=(binder,)), bound),
            operators=(operator,),
        ) if EXTREME.get(operator) == word and binder.condition is None:
            domain = binder.domain
            if not isinstance(domain, nodes.Name) or domain.id not in symbols.domains():
                return None
            names = binder.names
            over = names[0] if len(names) == 1 else f"({', '.join(names)})"
            held = f"{format_expression(body)} {operator} {format_expression(bound)}"
            meant = f"forall {over} in {domain.id}.sample(200): {held}"
            said = f"`{word}(... for ...)` over points"
            found = _later("CS520", said, relation, f"write `{meant}`")
            return found.model_copy(update={"fixes": replacing(relation.span, meant)})
    return None


_A_BALL = "`for z in ball(x, 0.1, norm=inf)`"
_AROUND = f"around each example it is a ball: {_A_BALL}"


def _over(
    node: nodes.Expectation | nodes.Comprehension,
    binders: tuple[nodes.Binder, ...],
    symbols: Symbols,
    measured: bool,
    outer: frozenset[str],
) -> Diagnostic | None:
    around = [center for b in binders if (center := _center(b, symbols)) is not None]
    if len(set(around)) < len(around):
        what = "a search of two balls around one column"
        return _later("CS520", what, node, "search one ball, as wide as both together")
    for binder in binders:
        domain = binder.domain
        is_data = _is_data(domain, symbols)
        if _finite(domain, symbols) or (not is_data and _searched(node, binder, symbols)):
            continue
        if _drawn_beside(node, binder, symbols):
            continue
        alone = len(binders) == 1 and not is_data
        alone = alone and (isinstance(node, nodes.Expectation) or runs(node))
        found = point_set(domain, symbols.domains())
        if alone and found is not None:
            # Points of a grid with a number an axis are written out.
            numbers = found.word == "grid" and not any(dims for _, dims in found.axes)
            if beside(node, outer | symbols.column_names) and not numbers:
                return _beyond(node, binder)
            continue
        if is_data and len(binders) == 1 and _of_examples(node, binder, measured):
            continue
        if is_data:
            return _over_data(node, binder)
        if isinstance(domain, nodes.Name) and isinstance(node, nodes.Expectation):
            return _whole_domain(domain)
        if isinstance(domain, nodes.Interval) and _moved_ends(domain, symbols):
            return _later("CS520", "a search between ends that are no numbers", domain, _AROUND)
        return _beyond(node, binder)
    return None


def _drawn_beside(node: nodes.Node, binder: nodes.Binder, symbols: Symbols) -> bool:
    """Whether a binder is noise beside the examples that a mean is of."""
    of_each = isinstance(node, nodes.Comprehension) and node.function == "mean"
    return of_each and binder.condition is None and noise_of(binder, symbols.domains()) is not None


def _of_examples(
    node: nodes.Expectation | nodes.Comprehension, binder: nodes.Binder, measured: bool
) -> bool:
    """Whether what goes over the examples of data runs: a sum; the largest of whole data."""
    if not isinstance(node, nodes.Comprehension):
        return False
    extreme = node.function in ("max", "min") and binder.condition is None and measured
    whole = isinstance(binder.domain, nodes.Name) and not is_made(binder.domain.id)
    return whole and (node.function == "sum" or extreme)


def _searched(
    node: nodes.Expectation | nodes.Comprehension, binder: nodes.Binder, symbols: Symbols
) -> bool:
    """Whether what goes over a ball is searched: the largest value around a column."""
    match binder.domain:
        case nodes.Interval() as interval:
            known = not _moved_ends(interval, symbols)
            return (
                isinstance(node, nodes.Comprehension) and node.function in nodes.EXTREMES and known
            )
        case nodes.Call(function=nodes.Name(id=word)) if word in BOXES:
            return isinstance(node, nodes.Comprehension) and node.function in nodes.EXTREMES
        case nodes.Call(function=nodes.Name(id="ball"), arguments=(nodes.Name(id=center), _)):
            column = center in symbols.column_names
            return (
                isinstance(node, nodes.Comprehension) and node.function in nodes.EXTREMES and column
            )
    return False


def _moved_ends(interval: nodes.Interval, symbols: Symbols) -> bool:
    """Whether the ends are numbers of an example, or unknowns: an interval of each is no search."""
    return bool(names(interval) & {*symbols.column_names, *symbols.vars()})


def _center(binder: nodes.Binder, symbols: Symbols) -> str | None:
    """The column around which a ball lies."""
    match binder.domain:
        case nodes.Call(function=nodes.Name(id="ball"), arguments=(nodes.Name(id=center), _)):
            return center if center in symbols.column_names else None
    return None


def _derived(node: nodes.Node) -> bool:
    """Whether a derivative is taken somewhere below."""
    return any(calls_of(node, DERIVATIVES))


def _over_data(node: nodes.Expectation | nodes.Comprehension, binder: nodes.Binder) -> Diagnostic:
    data = format_expression(binder.domain)
    if isinstance(node, nodes.Expectation):
        what, help_ = "an average over examples and something else", "average over one of the two"
    else:
        what = f"`{node.function}(... for ...)` over the examples of `{data}`"
        help_ = f"for the mean: `E[... on {data}]`; for the worst share: `cvar(..., 99%)`"
        if node.function == "max":
            help_ += f"; as a requirement: `forall ... in {data}: ... <= t`"
    return _later("CS520", what, node, help_)


def _beyond(node: nodes.Expectation | nodes.Comprehension, binder: nodes.Binder) -> Diagnostic:
    """What goes over infinitely many points, and what works instead."""
    ball = function_name(binder.domain) == BALL
    help_ = "draw the points beforehand and bind them as data: `E[... on points]`"
    help_ = _OWN_LOOP if _derived(node) else help_
    if isinstance(node, nodes.Expectation):
        what = "an average over points of a domain"
        if ball:
            what = "a mean over a ball"
            help_ = "of the worst: `E[max(... for d in ball(r, norm=inf))]`"
            help_ += "; of the mean over noise: `E[E[... for d in uniform(-r, r)]]`"
        elif node.dataset is not None:
            what = "a mean over noise of which a condition says what counts"
            help_ = "leave the condition out: multiply by it, and divide by its mean"
        return _later("CS520", what, node, help_)
    over = "points of a domain"
    if isinstance(binder.domain, nodes.Interval):
        over = "a set that is not finite"
    elif ball:
        over = "a whole ball"
        help_ = "perturb the inputs beforehand and bind them as data: `E[... on attacked]`"
        if node.function in nodes.EXTREMES:
            added = "what is added to an input is searched, `f(x + d)`"
            help_ = f"{added}, or a ball around it: {_A_BALL}"
    return _later("CS520", f"`{node.function}(... for ...)` over {over}", node, help_)


# --- settings ------------------------------------------------------------------------------------


def _settings(spec: nodes.Spec, symbols: Symbols, fit: FitSettings) -> Iterator[Diagnostic]:
    domains = symbols.domains()
    points = not symbols.datasets() and any(
        isinstance(node, nodes.Binder) and point_set(node.domain, domains)
        for node in nodes.walk(spec)
    )
    for item in spec.items:
        if not isinstance(item, nodes.Fit):
            continue
        keywords = {keyword.name: keyword for keyword in item.keywords}
        if points and "batch_size" in keywords and fit.batch_size != "full":
            what, place = f"`batch_size={fit.batch_size}` of points", keywords["batch_size"]
            help_ = "a step sees all points of a set: draw fewer of them, `q.sample(100)`"
            yield _later("CS514", what, place, f"{help_}, or leave `batch_size` out")
