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

from cspec.dsl.messages.synonyms import OF_MODELS, meant
from cspec.dsl.messages.wording import closest
from cspec.dsl.settings.models import MODELS, LinearModel
from cspec.dsl.text.source import Span
from cspec.dsl.tree import nodes
from cspec.dsl.tree.constants import is_whole
from cspec.dsl.tree.nodes import walk
from cspec.dsl.tree.rebuild import bound_names, fresh, head_word, names, rebuild
from cspec.dsl.words.functions import SIGNATURES, STRUCTURE

Models = Mapping[str, frozenset[str] | None]
"""The models, and which single names are no parameter of it: `f.x`; None where no name is one."""
_SLIPS = frozenset(OF_MODELS) | {"biases", "kernel"}
"""Names that have an answer of their own: `f.sparsity`, `f.parameters`."""
LISTS = frozenset({"weights", "params"})
"""The parts of a model that the language has words for."""


def with_parameters(spec: nodes.Spec) -> nodes.Spec:
    """The spec with every parameter that is named by its way in Python named by a pattern."""
    in_layers = MODELS.keys() - {LinearModel.word}  # all parameters of these are in layers
    models = [item for item in spec.items if isinstance(item, nodes.Model)]
    others = _SLIPS | {"x", "y"} | {n.name for n in walk(spec) if isinstance(n, nodes.Column)}
    others |= {word for word, known in SIGNATURES.items() if known.family == "model"}
    declared = {
        item.name: None if head_word(item.source) in in_layers else others for item in models
    }
    return rebuild(spec, partial(_item, models=declared or {"model": others}))


def way_of(expr: nodes.Node, models: Models) -> tuple[nodes.Name, str] | None:
    """The model and the name of the parameter or module that an expression leads to, if any.

    `net.layers[0].weight` leads to `layers.0.weight` of `net`.
    """
    if not isinstance(expr, nodes.Attribute) or expr.name == "T":
        return None
    parts: list[str] = []
    node: nodes.Expr = expr
    while True:
        match node:
            case nodes.Attribute(value=value, name=name):
                parts.append(name)
                node = value
            case nodes.Index(value=value, indices=(nodes.Number(value=place),)) if (
                is_whole(place) and place >= 0
            ):
                parts.append(str(int(place)))
                node = value
            case nodes.Name(id=name) if name in models and parts[-1] not in LISTS:
                path = ".".join(reversed(parts))
                return (node, path) if _is_parameter(path, models[name]) else None
            case _:
                return None


def _item(item: nodes.Node, models: Models) -> nodes.Node:
    match item:
        case nodes.SubjectTo() | nodes.Group():
            return rebuild(item, partial(_item, models=models))
        case nodes.Constraint():
            return _constraint(item, models)
        case nodes.Objective() | nodes.Metric() | nodes.Let():
            return rebuild(item, partial(_summed, models=models))
    return item


def _constraint(c: nodes.Constraint, models: Models) -> nodes.Constraint:
    taken = {*names(c), *bound_names(c.binders)}
    found: dict[tuple[str, str], nodes.Binder] = {}

    def named(node: nodes.Node) -> nodes.Node:
        way = way_of(node, models)
        if way is None:
            return rebuild(node, lambda part: part if _is_method(part, node) else named(part))
        key = way[0].id, way[1]
        if key not in found:
            name = fresh("W", taken)
            taken.add(name)
            found[key] = _one(name, *way, node)
        return nodes.Name(id=found[key].names[0], span=node.span)

    relation = named(c.relation)
    if relation is c.relation:
        return c
    return c.changed(relation=relation, binders=(*c.binders, *found.values()))


def _summed(node: nodes.Node, models: Models) -> nodes.Node:
    """What is made of one parameter, as a sum over it: of an expression without a quantifier."""
    turned = node if isinstance(node, nodes.Attribute) and node.name == "T" else None
    if (alone := way_of(node if turned is None else turned.value, models)) is not None:
        stands = nodes.Name(id="W", span=node.span)
        of_it: nodes.Expr = stands if turned is None else turned.changed(value=stands)
        binders = (_one("W", *alone, node),)
        return nodes.Comprehension(function="sum", body=of_it, binders=binders, span=node.span)
    if isinstance(node, nodes.Call | nodes.Index):
        inside = node.arguments if isinstance(node, nodes.Call) else (node.value,)
        for part in inside:
            way = way_of(part, models)
            if way is None:
                continue
            name = fresh("W", names(node))
            stands = nodes.Name(id=name, span=part.span)
            body = rebuild(node, partial(_swapped, old=part, new=stands))
            binder = _one(name, *way, part)
            return nodes.Comprehension(function="sum", body=body, binders=(binder,), span=node.span)
    return rebuild(node, lambda part: part if _is_method(part, node) else _summed(part, models))


def _is_method(part: nodes.Node, of: nodes.Node) -> bool:
    """Whether it is what a call calls, `net.predict`: no parameter can be called."""
    called = isinstance(of, nodes.Call) and part is of.function
    return called and isinstance(part, nodes.Attribute) and isinstance(part.value, nodes.Name)


def _swapped(node: nodes.Node, old: nodes.Node, new: nodes.Node) -> nodes.Node:
    return new if node is old else node


def _one(name: str, model: nodes.Name, path: str, written: nodes.Node) -> nodes.Binder:
    span = written.span
    function = nodes.Attribute(value=model, name="params", name_span=span, span=span)
    domain = nodes.Call(
        function=function, arguments=(nodes.String(value=path, span=span),), span=span
    )
    return nodes.Binder(names=(name,), domain=domain, one=True, span=span)


def _is_parameter(path: str, others: frozenset[str] | None) -> bool:
    """Whether a way may lead to a parameter: `net.x` is a slip for something else."""
    if "." in path:
        return True
    if others is None or path in LISTS or path in others:
        return False
    known = meant(path)  # `net.nnz` for `params(net)`
    slip = closest(path, LISTS) is not None or (known is not None and known.word in others)
    return path in ("weight", "bias") or not slip


WHOLE = frozenset({"auto", "sqp", "spg"})
"""Methods that take a set along with the rest of the problem; beside others it is projected."""


def held_in(domain: nodes.Expr | None) -> bool:
    """Whether a set is one of tensors that has a projection, and no interval."""
    return head_word(domain) in STRUCTURE


def with_var_sets(spec: nodes.Spec) -> nodes.Spec:
    """The spec with a requirement for every variable that is declared in a set."""
    found = [item for item in spec.items if isinstance(item, nodes.Var) and held_in(item.domain)]
    if not found:
        return spec
    taken = {c.label for c in spec.constraints()}
    method = next((head_word(i.method) for i in spec.items if isinstance(i, nodes.Using)), "auto")
    modifiers = () if method in WHOLE else (nodes.By(method=nodes.Name(id="projection")),)
    made = tuple(_requirement(var, fresh(var.name, taken), modifiers) for var in found)
    items: list[nodes.Item] = [
        item.changed(domain=None) if item in found else item for item in spec.items
    ]
    place = next(
        (i for i, item in enumerate(items) if isinstance(item, nodes.SubjectTo)), len(items)
    )
    return spec.changed(items=(*items[:place], nodes.SubjectTo(constraints=made), *items[place:]))


def _requirement(
    var: nodes.Var, label: str, modifiers: tuple[nodes.Modifier, ...]
) -> nodes.Constraint:
    assert var.domain is not None
    span = Span(var.name_span.start, var.domain.span.end)
    relation = nodes.Membership(
        element=nodes.Name(id=var.name, span=var.name_span), set=var.domain, span=span
    )
    return nodes.Constraint(label=label, relation=relation, modifiers=modifiers, span=span)
