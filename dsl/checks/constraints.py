"""Checks of constraints: their form, their kinds, their modifiers; advice on what is legal and
rarely meant: biased estimates, Adam on a multiplier, redrawing.
"""

import math
from bisect import bisect_left

from pydantic import BaseModel

from cspec.dsl.checks.contradictions import check_contradictions
from cspec.dsl.checks.forms import check_names, check_relation
from cspec.dsl.checks.items import Settled
from cspec.dsl.checks.meant.totals import check_entry_products, check_totals
from cspec.dsl.checks.methods import check_method, check_solver
from cspec.dsl.checks.metrics import check_metric_words, check_metrics
from cspec.dsl.checks.modifiers import Modifiers, check_modifiers
from cspec.dsl.checks.surrogates import check_gradient, check_stand_in
from cspec.dsl.checks.verify import check_labels, check_verify
from cspec.dsl.explicit.spec import flatten
from cspec.dsl.kinds.binders import bind
from cspec.dsl.kinds.typer import OUTSIDE, Scope, Typer
from cspec.dsl.messages.diagnostic import also_at
from cspec.dsl.settings.duals import Adam
from cspec.dsl.settings.methods import SOLVERS, Lagrangian, Method, Soft
from cspec.dsl.text.source import Span
from cspec.dsl.tree import nodes
from cspec.dsl.tree.rebuild import names, setting


class SaidByModifiers(BaseModel, frozen=True):
    """What modifiers say, by label path."""

    methods: dict[str, Method] = {}
    soft: dict[str, Soft] = {}
    within: dict[str, float] = {}


def check_constraints(
    typer: Typer, spec: nodes.Spec, settled: Settled, refused: tuple[Span, ...] = ()
) -> SaidByModifiers:
    """Check every constraint of an elaborated spec; findings go to the typer.

    `refused` are places of syntax errors: the form of a constraint there is not judged again.
    """
    starts = sorted(span.start for span in refused)
    check_labels(typer, spec)
    told: list[tuple[str, Modifiers]] = []
    sound: set[str] = set()
    stack: list[tuple[nodes.Constraint | nodes.Group, Scope]] = [
        (constraint, OUTSIDE) for constraint in reversed(list(spec.constraints()))
    ]
    using = next((item for item in spec.items if isinstance(item, nodes.Using)), None)
    while stack:
        current, scope = stack.pop()
        before = len(typer.found)
        inner = bind(typer, current.binders, scope)
        if isinstance(current, nodes.Group):
            stack.extend((member, inner) for member in reversed(current.constraints))
            continue
        label = current.label or ""
        found = check_modifiers(typer, current, inner)
        own = found.method is not None or found.soft is not None
        if using is not None and not own and settled.method.word not in SOLVERS:
            written = typer.slice(using.method)
            check_method(typer, current, settled.method, written, current.relation.span)
        broken = _holds(current.span, starts)
        if broken:
            check_names(typer, current, inner)
        else:
            check_relation(typer, current, inner, found)
            check_stand_in(typer, current, found)
            if not any(f.code == "CS310" for f in typer.found[before:]):
                check_gradient(typer, current)
        told.append((label, found))
        if len(typer.found) == before and not broken:
            sound.add(label)
    said = SaidByModifiers(
        methods={label: m.method for label, m in told if m.method is not None},
        soft={label: m.soft for label, m in told if m.soft is not None},
        within={label: m.within for label, m in told if m.within is not None},
    )
    check_contradictions(typer, spec, frozenset(sound), frozenset(said.soft))
    check_totals(typer, spec, frozenset(sound), frozenset(said.soft))
    check_entry_products(typer, spec)
    check_solver(typer, spec, settled.method)
    check_metrics(typer, spec)
    check_metric_words(typer, spec)
    check_verify(typer, spec, settled)
    check_lint(typer, spec, settled, said.methods, frozenset(sound))
    return said


def _holds(span: Span, starts: list[int]) -> bool:
    index = bisect_left(starts, span.start)
    return index < len(starts) and starts[index] <= span.end


_SPLIT = frozenset({"abs", "max", "min", "gap", "ratio"})
MOST_SUMS = 64
"""Sums of the pieces of `abs`, `max`, `gap` that a sum of them is split into."""
_INVERSES = {"sqrt": "{bound}^2", "exp": "log({bound})", "log": "exp({bound})"}


def check_lint(
    typer: Typer,
    spec: nodes.Spec,
    settled: Settled,
    methods: dict[str, Method],
    sound: frozenset[str],
) -> None:
    """Warnings about sound constraints, and errors that need the method in force."""
    full = settled.fit.batch_size == "full"
    for item in spec.items:
        _tails(typer, item)
        if isinstance(item, nodes.Objective) and item.expression is not None and not full:
            _biased(typer, item.expression, None)
    alone: nodes.Constraint | None = None
    for binders, constraint in flatten(spec):
        if constraint.label not in sound:
            continue
        _ratios(typer, constraint)
        if not full:
            for side in _sides(constraint.relation):
                _biased(typer, side, constraint)
        method = methods.get(constraint.label or "", settled.method)
        _redrawn(typer, binders, method)
        if alone is None and not binders and isinstance(method, Lagrangian):
            alone = constraint if isinstance(method.dual, Adam) else None
    if alone is not None:
        _adam(typer, spec, alone)


def _tails(typer: Typer, item: nodes.Item) -> None:
    """Warn about `cvar(v, 5%)`, the mean of nearly all, where the worst 5% may be meant."""
    for node in nodes.walk(item):
        match node:
            case nodes.Call(function=nodes.Name(id="cvar"), arguments=(values, level)):
                share = typer.value(level)
                if share is None or not 0 < share < 0.5 or "cvar" in typer.symbols.table:
                    continue
                tail, rest = f"{100 * share:g}%", f"{100 * (1 - share):g}%"
                text = typer.slice(values)
                said = f"{typer.text(node)} is the mean of the worst {rest} of the examples"
                label = f"the worst {tail}?"
                note = "the level is the share that is left out: what is better"
                help_ = f"for the worst {tail} write `cvar({text}, {rest})`"
                typer.warn("CS412", said, level.span, label, notes=(note,), helps=(help_,))


def _sides(relation: nodes.Expr) -> tuple[nodes.Expr, ...]:
    if isinstance(relation, nodes.Compare):
        return relation.operands
    return (relation.element,) if isinstance(relation, nodes.Membership) else ()


def _sampled(expr: nodes.Expr) -> bool:
    """Whether an expression holds a mean over the examples of a batch."""
    return any(isinstance(n, nodes.Expectation) and n.dataset is not None for n in nodes.walk(expr))


def _biased(typer: Typer, side: nodes.Expr, constraint: nodes.Constraint | None) -> None:
    """Warn about a non-linear function of a minibatch mean, after what is split is split."""
    found = _nonlinear(typer, side, constraint is not None)
    if found is None:
        return
    inner = next(
        n for n in nodes.walk(found) if isinstance(n, nodes.Expectation) and n is not found
    )
    mean = typer.slice(inner)
    helps: tuple[str, ...] = ("or measure on everything: `fit(batch_size=full)`",)
    match found:
        case nodes.Call(function=nodes.Name(id=word)) if (
            word in _INVERSES and constraint is not None
        ):
            bound = _INVERSES[word].format(bound="bound")
            helps = (f"bound the mean itself: `{mean} <= {bound}`", *helps)
    said = f"{typer.text(found)} is estimated with a bias from batches"
    label = "a non-linear function of a mean"
    related = also_at(inner.span, "this mean varies from batch to batch")
    note = "the mean of a non-linear function is not the function of the mean"
    typer.warn("CS405", said, found.span, label, related=related, notes=(note,), helps=helps)


def _nonlinear(typer: Typer, expr: nodes.Expr, splits: bool) -> nodes.Expr | None:
    """The outermost part that is non-linear in a batch mean."""
    match expr:
        case nodes.Expectation():
            return None
        case nodes.Sum(operands=operands):
            whole = [_nonlinear(typer, operand, False) for operand in operands]
            bent = [part for part in whole if isinstance(part, nodes.Call)]
            few = len(bent) < 2 or math.prod(map(_pieces, bent)) <= MOST_SUMS
            if splits and few:
                return _first(typer, operands, splits)
            return next((part for part in whole if part is not None), None)
        case nodes.Negate(operand=operand) | nodes.Index(value=operand):
            return _nonlinear(typer, operand, splits)
        case nodes.Product():
            return _product(typer, expr, splits)
        case nodes.Power(base=base, exponent=exponent):
            linear = typer.value(exponent) == 1
            return None if linear or not _sampled(base) else expr
        case nodes.Call(function=nodes.Name(id=word), arguments=arguments):
            if not any(_sampled(argument) for argument in arguments):
                return None
            if word in _SPLIT and splits:
                return _first(typer, arguments, splits)
            known = typer.signatures.get(word)
            return expr if known is not None and typer.symbols.role(word) is None else None
        case nodes.Comprehension(body=body, function=word):
            if word in ("sum", "mean") or (splits and word != "std"):
                return _nonlinear(typer, body, splits)
            return expr if word == "std" and _sampled(body) else None
    return None


def _pieces(function: nodes.Call) -> int:
    """How many functions canonical form makes of one in a sum; too many where it stays whole."""
    match function.function:
        case nodes.Name(id="abs"):
            return 2
        case nodes.Name(id="gap" | "max" | "min"):
            return len(function.arguments)
    return MOST_SUMS + 1


def _first(typer: Typer, parts: tuple[nodes.Expr, ...], splits: bool) -> nodes.Expr | None:
    return next((bad for p in parts if (bad := _nonlinear(typer, p, splits)) is not None), None)


def _product(typer: Typer, expr: nodes.Product, splits: bool) -> nodes.Expr | None:
    operands, operators = expr.operands, expr.operators
    sampled = [_sampled(operand) for operand in operands]
    if sum(sampled) <= 1:
        divided = any(s and o == "/" for s, o in zip(sampled[1:], operators, strict=True))
        return expr if divided and not splits else _first(typer, operands, splits)
    ratio = sum(sampled) == 2 and sampled[-1] and operators[-1] == "/"
    return None if ratio and splits else expr


def _ratios(typer: Typer, constraint: nodes.Constraint) -> None:
    """A ratio of means needs a denominator of known sign, to become a linear form."""
    for side in _sides(constraint.relation):
        quotient = _behind(typer, side)
        if quotient is None:
            continue
        for operator, operand in zip(quotient.operators, quotient.operands[1:], strict=True):
            if operator != "/" or not _sampled(operand):
                continue
            if not typer.quiet(operand, OUTSIDE).moves:
                continue  # made of columns: the data tell its sign
            known = typer.ranges.of(operand)
            if known.low < 0 < known.high:
                typer.report(
                    "CS406",
                    f"the sign of the denominator {typer.text(operand)} is not known",
                    operand.span,
                    "may be positive or negative",
                    notes=(
                        "a ratio is compiled to a linear form, which turns around with the sign",
                        *_undescribed(typer, operand),
                    ),
                    helps=_of_known_sign(typer, operand),
                )


def _behind(typer: Typer, expr: nodes.Expr) -> nodes.Product | None:
    """The quotient of means behind constant factors and terms: `A/B` of `1 - 2*(A/B)`."""
    match expr:
        case nodes.Negate(operand=operand):
            return _behind(typer, operand)
        case nodes.Product(operands=operands, operators=operators) if any(
            o == "/" and _sampled(e) for o, e in zip(operators, operands[1:], strict=True)
        ):
            return expr
        case nodes.Product(operands=operands) | nodes.Sum(operands=operands):
            moving = [e for e in operands if typer.value(e) is None]
            return _behind(typer, moving[0]) if len(moving) == 1 else None
    return None


def _of_known_sign(typer: Typer, denominator: nodes.Expr) -> tuple[str, ...]:
    """What the denominator may be written as: `E[w]` of a column that is never negative."""
    if not isinstance(denominator, nodes.Expectation) or not isinstance(
        denominator.body, nodes.Name
    ):
        return ("divide by something of known sign, such as `E[abs(...)]` or `P[...]`",)
    body = denominator.body
    absolute = typer.exchanged(denominator, body, f"abs({body.id})")
    truth = f"P{typer.exchanged(denominator, body, body.id)[1:]}"
    never = f"for a column that is never negative: `{absolute}`"
    return (never, f"for one of true and false: `{truth}`")


def _undescribed(typer: Typer, expr: nodes.Expr) -> tuple[str, ...]:
    """Imported functions in an expression that say nothing about their range."""
    return tuple(
        f"the range of `{n}` is not known: `@cspec.function(range=...)` above it would say"
        for n in sorted(names(expr))
        if typer.symbols.role(n) == "import" and n not in typer.signatures
    )


def _redrawn(typer: Typer, binders: tuple[nodes.Binder, ...], method: Method) -> None:
    """Points drawn anew each time can't each have a multiplier (or a copy) of their own."""
    keyword = next((k for b in binders for k in _redraws(b)), None)
    if keyword is None:
        return
    many = len(binders) > 1
    if many or method.word in ("admm", "sal", "projection"):
        why = "another quantifier around it" if many else f"`{method.word}` keeps state for each"
        said = "points that are drawn anew can't have a multiplier each"
        label = "the points change, their multipliers would not"
        help_ = "remove `redraw=true`: the points are then drawn once"
        note = f"`redraw=true` holds one multiplier on all points together; {why}"
        typer.report("CS537", said, keyword.span, label, notes=(note,), helps=(help_,))


def _redraws(binder: nodes.Binder) -> tuple[nodes.Keyword, ...]:
    match binder.domain:
        case nodes.Call(function=nodes.Attribute(name="sample"), keywords=keywords):
            return tuple(k for k in keywords if k.name == "redraw" and names(k.value) == {"true"})
    return ()


def _adam(typer: Typer, spec: nodes.Spec, constraint: nodes.Constraint) -> None:
    places = [m.method for m in constraint.modifiers if isinstance(m, nodes.By)]
    places += [item.method for item in spec.items if isinstance(item, nodes.Using)]
    for place in places:
        if (dual := setting(place, "dual")) is not None:
            said = "Adam moves a single multiplier by its step size, whatever the violation"
            label = f"for `{constraint.label}`"
            note = "Adam divides a gradient by its own size; of one number only a sign is left"
            help_ = "write `dual=sgd(lr=...)`, or `dual=nupi(...)` against oscillation"
            typer.warn("CS534", said, dual.value.span, label, notes=(note,), helps=(help_,))
            return
