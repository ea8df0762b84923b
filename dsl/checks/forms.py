"""The form of a constraint: a relation that training can move, mean or each, in its range."""

import re

from cspec.dsl.checks.modifiers import Modifiers
from cspec.dsl.checks.ranges import check_range, still_params
from cspec.dsl.checks.readings import OF_ENTRIES, OVER_ALL, readings
from cspec.dsl.checks.surrogates import check_atoms
from cspec.dsl.explicit.parameters import held_in
from cspec.dsl.kinds.by_group import each_group, given, grouped_part
from cspec.dsl.kinds.names import set_kind
from cspec.dsl.kinds.operands import no_gradient, operand_kind
from cspec.dsl.kinds.relations import require_set
from cspec.dsl.kinds.typer import Scope, Typer
from cspec.dsl.kinds.unknown_names import unknown_weight
from cspec.dsl.messages.diagnostic import Fix, edit, replacing
from cspec.dsl.messages.wording import listing
from cspec.dsl.settings.methods import Construction
from cspec.dsl.tree import nodes
from cspec.dsl.tree.rebuild import function_name, head_word, mentions, names
from cspec.dsl.words.functions import SIGNATURES, STRUCTURE
from cspec.dsl.words.kind import WORDS, Kind, joined


def check_relation(
    typer: Typer, constraint: nodes.Constraint, scope: Scope, modifiers: Modifiers
) -> None:
    """Check the relation of a constraint; findings go to the typer."""
    relation = constraint.relation
    match relation:
        case nodes.Compare():
            _comparison(typer, relation, scope, modifiers)
        case nodes.Membership():
            _membership(typer, relation, scope)
        case nodes.Implies() | nodes.Or() | nodes.And() | nodes.Not():
            _rule(typer, constraint, scope, modifiers)
        case _:
            typer.kind(relation, scope)


def _rule(typer: Typer, constraint: nodes.Constraint, scope: Scope, modifiers: Modifiers) -> None:
    relation, before = constraint.relation, len(typer.found)
    kind = typer.kind(relation, scope)
    if kind.per_example:
        _mean_or_each(typer, relation)
    elif len(typer.found) == before and scope.data is None:
        check_atoms(typer, relation, scope)
        if len(typer.found) == before:
            _moves(typer, relation, kind, modifiers, rule=True)


def check_names(typer: Typer, constraint: nodes.Constraint, scope: Scope) -> None:
    """Only the names and kinds of a constraint whose form the parser already refused."""
    relation = constraint.relation
    if isinstance(relation, nodes.Compare | nodes.And | nodes.Or):
        for operand in relation.operands:
            typer.kind(operand, scope)
    else:
        typer.kind(relation, scope)


def _comparison(typer: Typer, relation: nodes.Compare, scope: Scope, modifiers: Modifiers) -> None:
    before = len(typer.found)
    kinds = [operand_kind(typer, operand, scope) for operand in relation.operands]
    if len(typer.found) > before:
        return
    for operand, kind in zip(relation.operands, kinds, strict=True):
        if kind.what == "groups":
            _groups(typer, relation, operand)
            return
    if any(kind.per_example for kind in kinds):
        _mean_or_each(typer, relation)
        return
    if _against_a_list(typer, relation):
        return
    for operand, kind in zip(relation.operands, kinds, strict=True):
        part = grouped_part(operand, typer.explicit_lets) if kind.what == "unknown" else None
        if part is operand:
            _groups(typer, relation, operand, sure=False)
        elif part is not None:
            _of_groups(typer, relation, operand, part)
    joint = joined("number", *kinds)
    if check_range(typer, relation, scope, joint.moves):
        _moves(typer, relation, joint, modifiers)


def _against_a_list(typer: Typer, relation: nodes.Compare) -> bool:
    """Report `density(f) <= [100%, 10%]`: one number, and a list that it can't be compared with."""
    if len(relation.operands) != 2:
        return False
    left, right = relation.operands
    signature = SIGNATURES.get(function_name(left) or "")
    one = isinstance(left, nodes.Expectation) or (
        signature is not None and signature.family == "model"
    )
    if not one or not isinstance(right, nodes.Vector) or len(right.items) < 2:
        return False
    text, ends = typer.slice(left), [typer.slice(item) for item in right.items]
    helps: list[str] = ["write one number"]
    fixes: tuple[Fix, ...] = ()
    if len(ends) == 2:
        numbers = [typer.value(item) for item in right.items]
        rising = None not in numbers and numbers[0] < numbers[1]  # type: ignore[operator]
        ramp = f"{text} {relation.operators[0]} ramp({', '.join(ends)})"
        within = f"{text} in [{', '.join(ends if rising else ends[::-1])}]"
        forms = (within, ramp) if rising else (ramp, within)
        words = {ramp: "for a bound that moves", within: "for an interval"}
        helps = [f"{words[form]}: `{form}`" for form in forms]
        fixes = replacing(relation.span, *forms)
    said = f"`{text}` is one number, and {typer.text(right)} are {len(ends)}"
    typer.report("CS329", said, right.span, "a list", helps=helps, fixes=fixes)
    return True


def _groups(typer: Typer, relation: nodes.Compare, operand: nodes.Expr, sure: bool = True) -> None:
    """Report a rate by group that is compared; a warning where its column may hold truths."""
    text = typer.slice(operand)
    options = tuple(f"{word}({text})" for word in ("max", "min", "gap"))
    each, event = each_group(operand, typer.slice), given(operand, typer.slice)
    forms = () if each is None else (f"{each[0]} {typer.exchanged(relation, operand, each[1])}",)
    both = (
        f"for the largest, the smallest, their distance: {listing(options)}",
        *(f"for one constraint a group: `{form}`" for form in forms),
    )
    said = f"{typer.text(operand)} is one number a group, and a constraint compares one number"
    fixes, severity, label = replacing(operand.span, *options), "error", "a number a group"
    if not sure:
        said = f"{typer.text(operand)} is one number a group, unless its column is true or false"
        both, fixes, severity = both[::-1], replacing(relation.span, *forms), "warning"
    helps = both if event is None else (*both, f"for a column of true and false: `{event}`")
    told = {"notes": ("a column alone after `|` means by group",), "helps": helps, "fixes": fixes}
    typer.report("CS312", said, operand.span, label, severity=severity, **told)


def _of_groups(
    typer: Typer, relation: nodes.Compare, operand: nodes.Expr, part: nodes.Expr
) -> None:
    """Warn of arithmetic with a rate by group that is compared, `P[.. | sex] - P[..] <= 5%`."""
    text, first = typer.slice(operand), relation.operands[0] is operand
    word = "max" if relation.operators[0].startswith("<") == first else "min"
    which = "largest" if word == "max" else "smallest"
    said = f"{typer.text(operand)} is one number a group, as {typer.text(part)} is"
    said, label = f"{said}, unless its column is true or false", "a number a group"
    note, meant = "a constraint compares one number", f"{word}({text})"
    truths = f"for a column of true and false: `{given(part, typer.slice)}`"
    helps = (f"for the {which}, so that it holds for each group: `{meant}`", truths)
    fixes = replacing(operand.span, meant)
    typer.warn("CS312", said, operand.span, label, notes=(note,), helps=helps, fixes=fixes)


def _mean_or_each(typer: Typer, relation: nodes.Expr) -> None:
    if "initial" in names(relation) and typer.symbols.role("initial") is None:
        return  # it is known in metrics alone, which is said of it
    found = [*readings(typer, relation)]
    total = OF_ENTRIES.search(typer.slice(relation)) if found[0].words == OVER_ALL else None
    said, at, label = "has one value an example", relation.span, "the mean, or each example?"
    said += f": `{total[1]}` goes over what one example has, not over the examples" if total else ""
    note = "the two are different constraints, so the spec must say which"
    helps = tuple(f"{reading.words}: `{reading.text}`" for reading in found)
    fixes = tuple(fix for r in found if r.title for fix in edit(at, r.text, r.title))
    said = f"{typer.text(relation)} {said}"
    typer.report("CS305", said, at, label, notes=(note,), helps=helps, fixes=fixes)


_OF_COLUMN = re.compile(r"\b(pred|prob|sigmoid|softmax)\((\w+)\)")


def _of_a_model(typer: Typer, relation: nodes.Expr) -> str:
    """`pred(f(x))` for `pred(x)`: what a class is chosen from are outputs of a model."""
    found = _OF_COLUMN.search(typer.slice(relation))
    models = [m for m in typer.symbols.models() if not typer.symbols.frozen(m)]
    if found is None or found[2] not in typer.symbols.column_names or not models:
        return ""
    return f"write `{found[1]}({models[0]}({found[2]}))`"


def _moves(
    typer: Typer, relation: nodes.Expr, kind: Kind, modifiers: Modifiers, rule: bool = False
) -> None:
    """Report a requirement that training can't move."""
    if not kind.moves:
        if still := still_params(typer, relation):
            still["message"] += f": {typer.text(relation)} is no requirement"
            typer.report("CS309", span=relation.span, label="the same whatever is learned", **still)
            return
        frozen = [name for name in typer.symbols.models() if typer.symbols.frozen(name)]
        used = [name for name in frozen if name in typer.slice(relation)]
        said = f"{typer.text(relation)} does not depend on anything that training moves"
        why = f"{listing(used, 'and')} never moves" if used else "the same whatever is learned"
        other = "use a model that is not frozen, a `var` or a given value"
        help_ = _of_a_model(typer, relation) or other
        typer.report("CS309", said, relation.span, why, helps=(help_,))
        return
    by_set = isinstance(modifiers.method, Construction)
    word = modifiers.method.word if modifiers.method is not None else ""
    handled = by_set or word in ("projection", "threshold", "admm")
    over_data = kind.per_example or names(relation) & typer.symbols.column_names
    if _bare_class(relation) and not over_data and not modifiers.surrogate:
        _no_class_gradient(typer, relation)
    elif not kind.gradient and not modifiers.surrogate and not handled and not rule:
        note = "small changes of the parameters do not change it"
        stand_in = "add a stand-in with one: `with surrogate ...`"
        no_gradient(typer, relation, note, *_with_a_surrogate(relation), stand_in)


def _bare_class(relation: nodes.Expr) -> bool:
    """Whether a class stands outside of `E[...]` and `P[...]`: `pred(f(z)) == 1` of a `var z`."""
    if isinstance(relation, nodes.Expectation):
        return False
    match relation:
        case nodes.Call(function=nodes.Name(id="pred")):
            return True
    return any(_bare_class(child) for child in relation.children() if isinstance(child, nodes.Expr))


def _no_class_gradient(typer: Typer, relation: nodes.Expr) -> None:
    help_ = "say it of the outputs: `f(z)[1] >= max(f(z))` for class 1, `f(z) >= 0` of one logit"
    match relation:
        case nodes.Compare(operands=(nodes.Call(arguments=(z,)), label), operators=("==",)):
            outputs, k = typer.slice(z), typer.slice(label)
            help_ = f"say it of the outputs: `{outputs}[{k}] >= max({outputs})`"
    note = "a class is a whole number: small changes do not change it"
    no_gradient(typer, relation, note, help_)


def _with_a_surrogate(relation: nodes.Expr) -> tuple[str, ...]:
    """The word with a surrogate of its own in place of one that has none: `cost[y, pred(f(x))]`."""
    words = set(map(function_name, nodes.walk(relation)))
    if "argmax" in words:
        return ("the class of a model's outputs is `pred(z)`, which has one",)
    entries = (n for n in nodes.walk(relation) if isinstance(n, nodes.Index))
    if any(mentions(chosen, {"pred"}) for entry in entries for chosen in entry.indices):
        return ("a sum over the classes has one: `sum(c[k] * (pred == k) for k in range(3))`",)
    return ("of an event write `P[...]`, which has one",) if "where" in words else ()


def _each_weight(typer: Typer, relation: nodes.Membership) -> None:
    element, members = (typer.slice(s) for s in (relation.element, relation.set))
    if re.fullmatch(r"ball\([^,()]*\)", members):  # which norm is not said: the usual one
        members = f"{members[:-1]}, norm=2)"
    helps = [f"write `forall W in {element}: W in {members}`"]
    if members.startswith("sparse(") and element.endswith(".weights"):
        model, share = element.removesuffix(".weights"), members[7:-1]
        helps.append(f"for all of them together: `density({model}) <= {share}`")
    said = f"`{element}` is a list of weights, and a set holds one at a time"
    place, new = relation.element.span, f"forall W in {element}: W"
    fixes = edit(place, new, "each of them")
    typer.report("CS302", said, place, "each of them?", helps=helps, fixes=fixes)


def _membership(typer: Typer, relation: nodes.Membership, scope: Scope) -> None:
    before = len(typer.found)
    members = relation.set
    element = relation.element
    if isinstance(element, nodes.Name) and typer.name_unknown(element, scope) and held_in(members):
        unknown_weight(typer, element, scope, typer.slice(relation))
        set_kind(typer, members, scope)
        return
    listed = isinstance(relation.element, nodes.Attribute | nodes.Call)
    if listed and typer.kind(relation.element, scope).what == "weights":
        _each_weight(typer, relation)
        return
    del typer.found[before:]
    kind = operand_kind(typer, relation.element, scope)
    bounds = set_kind(typer, members, scope)
    if isinstance(members, nodes.Interval):
        kind = joined(kind.what, kind, bounds)
    elif len(typer.found) == before:
        require_set(typer, element, members, bounds)
    if len(typer.found) > before:
        return
    word = head_word(members)
    if isinstance(members, nodes.FiniteSet):
        said = f"{typer.text(relation)} asks for one of a few values"
        label = "an interval, or these values?"
        note = "a gradient can't move between separate values"
        helps = ("for an interval: `in [lo, hi]`", "for quantized weights: `in grid(bits=4)`")
        typer.report("CS325", said, members.span, label, notes=(note,), helps=helps)
    elif kind.per_example:
        _mean_or_each(typer, relation)
    elif word and word not in STRUCTURE and typer.symbols.role(word) is None:
        said = f"{typer.text(members)} is no set that a parameter can lie in"
        help_ = f"one of {listing(sorted(STRUCTURE))}, or an interval `[lo, hi]`"
        typer.report("CS317", said, members.span, "a set of parameters goes here", helps=(help_,))
    elif word in STRUCTURE and kind.what in ("number", "scores") and word not in ("nonneg", "grid"):
        said = f"{typer.text(relation.element)} is {WORDS[kind.what]}, `{word}` holds tensors"
        help_ = f'write `forall W in net.weights("*"): W in {word}`'
        typer.report("CS302", said, relation.element.span, "a weight goes here", helps=(help_,))
    elif not kind.moves and not (isinstance(members, nodes.Interval) and kind.what == "unknown"):
        _moves(typer, relation, kind, Modifiers())
