"""Methods that can't do what they are asked, as far as the text tells.

W in psd by lagrangian           no function that a multiplier could act on
E[ce] <= 1 by projection         a mean over data is no set of parameters
using sqp                        beside data or a model
E[ce] <= 1 by construction       no construction is known, seen from the spec alone
"""

from cspec.dsl.explicit.parameters import held_in
from cspec.dsl.kinds.typer import Scope, Typer
from cspec.dsl.messages.wording import listing
from cspec.dsl.settings.methods import OF_FUNCTIONS, OF_SETS, SOLVERS, Method, Parametrization
from cspec.dsl.text.source import Span
from cspec.dsl.tree import nodes
from cspec.dsl.words.functions import STRUCTURE
from cspec.dsl.words.sets import FUNCTION_SETS, VERTICES, maps_of


def check_method(
    typer: Typer, constraint: nodes.Constraint, method: Method, written: str, place: Span
) -> None:
    """Report a method that can't enforce a constraint; `written` is the method as typed."""
    problem = (
        _mean(constraint, method)
        or _set(typer, constraint.relation, method)
        or _whole(typer, method)
    )
    if problem is not None:
        why, helps = problem
        said = f"`{written}` can't enforce {typer.text(constraint.relation)}: {why}"
        typer.report("CS521", said, place, "does not fit this constraint", helps=helps)


def check_solver(typer: Typer, spec: nodes.Spec, method: Method) -> None:
    """Report a solver of whole problems behind `using` that can't solve this one."""
    item = next((i for i in spec.items if isinstance(i, nodes.Using)), None)
    problem = None if item is None else _whole(typer, method)
    if item is not None and problem is not None:
        why, helps = problem
        said = f"`{typer.slice(item.method)}` can't solve this problem: {why}"
        typer.report("CS521", said, item.method.span, "does not fit this problem", helps=helps)


Problem = tuple[str, tuple[str, ...]] | None
_LEAVE = "leave the method to cspec: remove `by ...`"


def _mean(constraint: nodes.Constraint, method: Method) -> Problem:
    """Sets for means, decisions for what is no rate."""
    relation, word = constraint.relation, method.word
    averages = [node for node in nodes.walk(relation) if isinstance(node, nodes.Expectation)]
    if word in OF_SETS | {"output_projection"} and averages:
        rate = any(node.kind == "P" for node in averages)
        of = "a set of parameters" if word in OF_SETS else "about one example's outputs"
        other = "or write `by augmented_lagrangian`" + (", or `by threshold`" if rate else "")
        return f"a mean over data is not {of}", (_LEAVE, other)
    if word == "threshold" and not averages:
        rate_ = "a rate is written `P[pred == 1] <= 30%`"
        return "it moves decisions, which only rates count", (_LEAVE, rate_)
    return None


def _set(typer: Typer, relation: nodes.Expr, method: Method) -> Problem:
    """A set that is written as one, by a method that can't hold it."""
    word = _word(relation) or (
        _box(typer, relation) if isinstance(method, Parametrization) else None
    )
    if word is None:
        return None
    known = (_LEAVE, "or write `by projection`")
    if method.word == "output_projection":
        return "a set of weights is not about one example's outputs", known
    if method.word in OF_FUNCTIONS and word not in FUNCTION_SETS:
        return f"`{word}` has no function that a multiplier could act on", known
    if method.word == "frank_wolfe" and word not in VERTICES:
        have = listing(sorted(VERTICES), "and")
        return f"`{word}` has no vertex oracle (those that have one: {have})", known
    if isinstance(method, Parametrization):
        maps = maps_of(word)
        if not maps or (method.map or maps[0]) not in maps:
            reach = f"maps onto `{word}`: {', '.join(maps)}" if maps else f"no map onto `{word}`"
            return reach, (
                _LEAVE,
                f"or write `by {maps[0]}`, or `by projection`",
            ) if maps else known
        match relation:
            case nodes.Membership(set=nodes.Interval()) | nodes.Compare(operands=(_, _, _)) if (
                method.map == "softplus"
            ):
                return "softplus has one bound, and two are asked for", (
                    _LEAVE,
                    "or write `by sigmoid`",
                )
    return None


def _box(typer: Typer, relation: nodes.Expr) -> str | None:
    """`nonneg` or `box` of `W >= 0`, `W <= 1`, `0 <= W <= 1`: a name between constants."""
    if not isinstance(relation, nodes.Compare) or "==" in relation.operators:
        return None
    names = [o for o in relation.operands if typer.value(o) is None]
    if len(names) != 1 or not isinstance(names[0], nodes.Name):
        return None
    if typer.symbols.role(names[0].id) not in (None, "var"):
        return None
    match relation:
        case (
            nodes.Compare(operands=(nodes.Name(), bound), operators=(">=",))
            | nodes.Compare(operands=(bound, nodes.Name()), operators=("<=",))
        ) if typer.value(bound) == 0:
            return "nonneg"
    return "box"


def _word(relation: nodes.Expr) -> str | None:
    """The word of a set of parameters behind `in`."""
    match relation:
        case nodes.Membership(set=nodes.Interval()):
            return "box"
        case nodes.Membership(
            set=nodes.Name(id=word) | nodes.Call(function=nodes.Name(id=word))
        ) if word in STRUCTURE:
            return word
    return None


def _whole(typer: Typer, method: Method) -> Problem:
    """Solvers of problems of decision variables."""
    symbols, word = typer.symbols, method.word
    if word not in SOLVERS:
        return None
    leave = ("leave the method to cspec",)
    if word == "sqp" and (symbols.models() or symbols.datasets()):
        return "it solves problems of decision variables, without data and models", leave
    if word == "spg" and symbols.models():
        return "it solves problems of decision variables, without models", leave
    several = [var.dimensions for var in symbols.vars().values()] != [()]
    if word == "bisection" and (several or symbols.models()):
        return "more than one number moves", leave
    return None


_BALLS = frozenset({"norm", "l1", "l2", "sumsq", "spectral", "nuclear"})


def check_construction(
    typer: Typer, constraint: nodes.Constraint, by: nodes.Expr, scope: Scope
) -> None:
    """Report `by construction` behind a constraint that has none."""
    relation = constraint.relation
    known = _known_set(typer, relation, scope) or _affine_output(typer, relation)
    if known or not isinstance(relation, nodes.Compare | nodes.Membership):
        return
    if typer.quiet(relation, scope).what == "unknown":
        return
    helps: tuple[str, ...] = ("remove `by construction`: the method in force then enforces it",)
    if any(isinstance(node, nodes.Expectation) for node in nodes.walk(relation)):
        why = "it is a mean over data, which no single parameter or output decides"
        helps = (*helps, "for a rate of predictions: `by threshold` moves the decision afterwards")
    else:
        why = "it is not a set of one parameter, nor affine in the outputs of one example"
    said = f"{typer.text(relation)} can't hold by construction"
    notes = ("tried: projection of a parameter, parametrization, projection of the outputs", why)
    typer.report("CS533", said, by.span, "no construction is known", notes=notes, helps=helps)


def _parameter(typer: Typer, expr: nodes.Expr, scope: Scope) -> bool:
    """Whether an expression is a weight, a variable, or all weights of a model."""
    match expr:
        case nodes.Name(id=name):
            if (local := scope.local.get(name)) is not None:
                return local.what == "tensor" and local.moves
            return typer.symbols.role(name) == "var"
        case nodes.Index(value=value):
            return _parameter(typer, value, scope)
        case nodes.Attribute(value=nodes.Name(id=name), name="weights" | "params"):
            return typer.symbols.role(name) == "model"
        case nodes.Call(function=nodes.Attribute() as part):
            return _parameter(typer, part, scope)
    return False


def _known_set(typer: Typer, relation: nodes.Expr, scope: Scope) -> bool:
    match relation:
        case nodes.Membership(element=element, set=members):
            known = held_in(members) or isinstance(members, nodes.Interval)
            return known and _parameter(typer, element, scope)
        case nodes.Compare(operands=operands, operators=operators):
            sides = [o for o in operands if typer.value(o) is None]
            if any(_parameter(typer, side, scope) for side in sides):
                return True
            return any(_bounded(typer, side, operators, scope) for side in sides)
    return False


def _bounded(typer: Typer, side: nodes.Expr, operators: tuple[str, ...], scope: Scope) -> bool:
    """A norm, a density, a sum or a Gram matrix of a parameter."""
    match side:
        case nodes.Call(function=nodes.Name(id="density")):
            return True
        case nodes.Call(function=nodes.Name(id=word), arguments=(first, *_)) if word in _BALLS:
            return _parameter(typer, first, scope)
        case nodes.Call(function=nodes.Name(id="sum"), arguments=(first,)):
            return "==" in operators and _parameter(typer, first, scope)
        case nodes.Comprehension(
            function="sum", body=nodes.Call(function=nodes.Name(id="sumsq" | "l1"))
        ):
            return True
        case nodes.Product(operands=(nodes.Attribute(name="T"), nodes.Name()), operators=("@",)):
            return "==" in operators
    return False


def _affine_output(typer: Typer, relation: nodes.Expr) -> bool:
    """Whether both sides are affine in the outputs of a model, one example at a time."""
    if not isinstance(relation, nodes.Compare):
        return False
    found = [_affine(typer, operand) for operand in relation.operands]
    return all(degree is not None for degree in found) and 1 in found


def _affine(typer: Typer, expr: nodes.Expr) -> int | None:
    """The degree in the model's outputs: 0, 1, or None for something else."""
    match expr:
        case nodes.Call(function=nodes.Name(id=name)) if typer.symbols.role(name) == "model":
            return 1
        case nodes.Index(value=value) | nodes.Attribute(value=value) | nodes.Negate(operand=value):
            return _affine(typer, value)
        case nodes.Sum(operands=operands):
            degrees = [_affine(typer, operand) for operand in operands]
            return None if None in degrees else max(d for d in degrees if d is not None)
        case nodes.Product(operands=operands, operators=operators):
            degrees = [_affine(typer, operand) for operand in operands]
            total = sum(d for d in degrees if d is not None)
            divides = ("/", 1) in zip(operators, degrees[1:], strict=True)
            return None if None in degrees or total > 1 or divides else total
        case nodes.Expectation() | nodes.Comprehension():
            return None
        case _:
            models = (n for n in nodes.walk(expr) if isinstance(n, nodes.Name))
            return None if any(typer.symbols.role(n.id) == "model" for n in models) else 0
