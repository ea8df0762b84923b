"""Parameters by their ways in Python as what the language names them by, and variables that are
declared in a set as held in it.

    s.t. s: spectral(net.fc.weight) <= 1   ->   s: forall W in net.params("fc.weight"):
                                                     spectral(W) <= 1
    metric m = l2(net[0].weight)           ->   m = sum(l2(W) for W in net.params("0.weight"))
    var z[3] in ball(1, norm=2)            ->   z: z in ball(1, norm=2)

Such a quantifier goes over one parameter, so that the label of the requirement stays what it is. A
set becomes a requirement of the name of its variable, so that it is solved, measured and reported
like one; intervals stay with the variable.
"""

from collections.abc import Mapping
from functools import partial

from cspec.dsl.settings.models import MODELS, LinearModel
from cspec.dsl.text.source import Span
from cspec.dsl.tree.constants import is_whole
from cspec.dsl.tree.nodes import (
    Attribute,
    Binder,
    By,
    Call,
    Comprehension,
    Constraint,
    Expr,
    Group,
    Index,
    Item,
    Let,
    Membership,
    Metric,
    Model,
    Modifier,
    Name,
    Node,
    Number,
    Objective,
    Spec,
    String,
    SubjectTo,
    Using,
    Var,
)
from cspec.dsl.tree.rebuild import bound_names, fresh, head_word, names, rebuild
from cspec.dsl.words.functions import STRUCTURE

Models = Mapping[str, bool]
"""The models, and whether one may have a parameter that is called `weight` alone."""
LISTS = frozenset({"weights", "params"})
"""The parts of a model that the language has words for."""


def with_parameters(spec: Spec) -> Spec:
    """The spec with every parameter that is named by its way in Python named by a pattern."""
    in_layers = MODELS.keys() - {LinearModel.word}  # all parameters of these are in layers
    models = [item for item in spec.items if isinstance(item, Model)]
    declared = {item.name: head_word(item.source) not in in_layers for item in models}
    return rebuild(spec, partial(_item, models=declared or {"model": True}))


def way_of(expr: Node, models: Models) -> tuple[Name, str] | None:
    """The model and the name of the parameter or module that an expression leads to, if any.

    `net.layers[0].weight` leads to `layers.0.weight` of `net`.
    """
    if not isinstance(expr, Attribute) or expr.name == "T":
        return None
    parts: list[str] = []
    node: Expr = expr
    while True:
        match node:
            case Attribute(value=value, name=name):
                parts.append(name)
                node = value
            case Index(value=value, indices=(Number(value=place),)) if (
                is_whole(place) and place >= 0
            ):
                parts.append(str(int(place)))
                node = value
            case Name(id=name) if name in models and parts[-1] not in LISTS:
                path = ".".join(reversed(parts))
                return (node, path) if _is_parameter(path, models[name]) else None
            case _:
                return None


def _item(item: Node, models: Models) -> Node:
    match item:
        case SubjectTo() | Group():
            return rebuild(item, partial(_item, models=models))
        case Constraint():
            return _constraint(item, models)
        case Objective() | Metric() | Let():
            return rebuild(item, partial(_summed, models=models))
    return item


def _constraint(c: Constraint, models: Models) -> Constraint:
    taken = {*names(c), *bound_names(c.binders)}
    found: dict[tuple[str, str], Binder] = {}

    def named(node: Node) -> Node:
        way = way_of(node, models)
        if way is None:
            return rebuild(node, named)
        key = way[0].id, way[1]
        if key not in found:
            name = fresh("W", taken)
            taken.add(name)
            found[key] = _one(name, *way, node)
        return Name(id=found[key].names[0], span=node.span)

    relation = named(c.relation)
    if relation is c.relation:
        return c
    return c.changed(relation=relation, binders=(*c.binders, *found.values()))


def _summed(node: Node, models: Models) -> Node:
    """What is made of one parameter, as a sum over it: of an expression without a quantifier."""
    if isinstance(node, Call | Index):
        inside = node.arguments if isinstance(node, Call) else (node.value,)
        for part in inside:
            way = way_of(part, models)
            if way is None:
                continue
            name = fresh("W", names(node))
            stands = Name(id=name, span=part.span)
            body = rebuild(node, partial(_swapped, old=part, new=stands))
            binder = _one(name, *way, part)
            return Comprehension(function="sum", body=body, binders=(binder,), span=node.span)
    return rebuild(node, partial(_summed, models=models))


def _swapped(node: Node, old: Node, new: Node) -> Node:
    return new if node is old else node


def _one(name: str, model: Name, path: str, written: Node) -> Binder:
    span = written.span
    function = Attribute(value=model, name="params", name_span=span, span=span)
    domain = Call(function=function, arguments=(String(value=path, span=span),), span=span)
    return Binder(names=(name,), domain=domain, one=True, span=span)


def _is_parameter(path: str, alone: bool) -> bool:
    """Whether a way may lead to a parameter: `net.x` is more likely a slip for something else."""
    last = path.rpartition(".")[2]
    kind = last.startswith(("weight", "bias")) and last not in ("weights", "biases")
    return "." in path or (alone and kind)


WHOLE = frozenset({"auto", "sqp", "spg"})
"""Methods that take a set along with the rest of the problem; beside others it is projected."""


def held_in(domain: Expr | None) -> bool:
    """Whether a set is one of tensors that has a projection, and no interval."""
    return head_word(domain) in STRUCTURE


def with_var_sets(spec: Spec) -> Spec:
    """The spec with a requirement for every variable that is declared in a set."""
    found = [item for item in spec.items if isinstance(item, Var) and held_in(item.domain)]
    if not found:
        return spec
    taken = {c.label for c in spec.constraints()}
    method = next((head_word(i.method) for i in spec.items if isinstance(i, Using)), "auto")
    modifiers = () if method in WHOLE else (By(method=Name(id="projection")),)
    made = tuple(_requirement(var, fresh(var.name, taken), modifiers) for var in found)
    items: list[Item] = [
        item.changed(domain=None) if item in found else item for item in spec.items
    ]
    place = next((i for i, item in enumerate(items) if isinstance(item, SubjectTo)), len(items))
    return spec.changed(items=(*items[:place], SubjectTo(constraints=made), *items[place:]))


def _requirement(var: Var, label: str, modifiers: tuple[Modifier, ...]) -> Constraint:
    assert var.domain is not None
    span = Span(var.name_span.start, var.domain.span.end)
    relation = Membership(element=Name(id=var.name, span=var.name_span), set=var.domain, span=span)
    return Constraint(label=label, relation=relation, modifiers=modifiers, span=span)
