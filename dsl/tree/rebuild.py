"""Rebuilding trees, substituting in them, and what is asked of them; labels: `c1, c2, ...` for
constraints without one, paths for members of groups.
"""

from collections.abc import Callable, Container, Iterator, Mapping
from typing import TypeVar

from cspec.dsl.tree import nodes

N = TypeVar("N", bound=nodes.Node)


def rebuild(node: N, change: Callable[[nodes.Node], nodes.Node]) -> N:
    """`node` with every node directly below it changed; the same object if nothing changed."""
    values = node.__dict__
    updates: dict[str, object] = {}
    for name in nodes.parts(type(node)):
        value = values[name]
        if isinstance(value, nodes.Node):
            new = change(value)
            if new is not value:
                updates[name] = new
        elif value and isinstance(value[0], nodes.Node):
            items = tuple([change(item) for item in value])
            if any(a is not b for a, b in zip(items, value, strict=True)):
                updates[name] = items
    return node.model_copy(update=updates) if updates else node


def depth(node: nodes.Node) -> int:
    """Levels of a tree; 1 for a name or a number."""
    deepest = 0
    stack = [(node, 1)]
    while stack:
        current, level = stack.pop()
        deepest = max(deepest, level)
        stack.extend((child, level + 1) for child in current.children())
    return deepest


def head_name(node: nodes.Node | None) -> nodes.Name | None:
    """The name that stands alone or is called: `ball` of `ball` and `ball(1)`; None of others."""
    head = node.function if isinstance(node, nodes.Call) else node
    return head if isinstance(head, nodes.Name) else None


def head_word(node: nodes.Node | None) -> str:
    """The word that stands alone or is called; empty for anything else."""
    head = head_name(node)
    return "" if head is None else head.id


def sides_of(relation: nodes.Expr) -> tuple[nodes.Expr, ...]:
    """What a comparison compares, an interval's ends too; none of other relations."""
    match relation:
        case nodes.Compare(operands=operands):
            return operands
        case nodes.Membership(element=element, set=nodes.Interval(lower=lower, upper=upper)):
            return (element, lower, upper)
    return ()


def function_name(expr: nodes.Node) -> str | None:
    """`f` of a call `f(...)`; None for anything else."""
    if isinstance(expr, nodes.Call) and isinstance(expr.function, nodes.Name):
        return expr.function.id
    return None


def setting(expr: nodes.Expr | None, name: str) -> nodes.Keyword | None:
    """The setting of a call by name."""
    keywords = expr.keywords if isinstance(expr, nodes.Call) else ()
    return next((keyword for keyword in keywords if keyword.name == name), None)


def calls_of(node: nodes.Node, words: Container[str]) -> Iterator[nodes.Call]:
    """Every call of one of these functions in a tree."""
    for item in nodes.walk(node):
        if (
            isinstance(item, nodes.Call)
            and isinstance(item.function, nodes.Name)
            and item.function.id in words
        ):
            yield item


def names(node: nodes.Node) -> frozenset[str]:
    """Every name that stands anywhere in a tree."""
    return frozenset(item.id for item in nodes.walk(node) if isinstance(item, nodes.Name))


def condition_names(spec: nodes.Spec) -> Iterator[str]:
    """Names in the conditions of means that requirements are made of, in the order of the spec."""
    for item in spec.constraints():
        for mean in nodes.walk(item):
            for condition in mean.conditions if isinstance(mean, nodes.Expectation) else ():
                yield from (
                    node.id for node in nodes.walk(condition) if isinstance(node, nodes.Name)
                )


def mentions(node: nodes.Node, names: Container[str]) -> bool:
    """Whether any of the names occurs in a tree."""
    return any(isinstance(item, nodes.Name) and item.id in names for item in nodes.walk(node))


def substitute(expr: nodes.Expr, values: Mapping[str, nodes.Expr]) -> nodes.Expr:
    """`expr` with names replaced, without capture: a bound name that a value uses is renamed."""
    if not values:
        return expr
    free = frozenset[str]().union(*(names(value) for value in values.values()))
    changed = _substitute(expr, dict(values), free)
    assert isinstance(changed, nodes.Expr)
    return changed


def _substitute(
    node: nodes.Node, values: dict[str, nodes.Expr], free: frozenset[str]
) -> nodes.Node:
    if isinstance(node, nodes.Name):
        return values.get(node.id, node)
    if isinstance(node, nodes.Comprehension | nodes.Expectation) and node.binders:
        return _under_binders(node, values, free)
    if isinstance(node, nodes.Call) and not _callable(node.function, values):
        # A value of a quantifier is never called: `g(x)` stays the model of that name.
        rest = _substitute(node.changed(function=_NOTHING), values, free)
        return rest.changed(function=node.function)
    return rebuild(node, lambda item: _substitute(item, values, free))


_NOTHING = nodes.Name(id="")


def _callable(function: nodes.Expr, values: Mapping[str, nodes.Expr]) -> bool:
    """Whether what a call stands on is something that can be called once names are replaced."""
    if not isinstance(function, nodes.Name) or function.id not in values:
        return True
    return isinstance(values[function.id], nodes.Name | nodes.Attribute)


def _under_binders(
    node: nodes.Comprehension | nodes.Expectation,
    values: dict[str, nodes.Expr],
    free: frozenset[str],
) -> nodes.Node:
    if not mentions(node, values):
        return node
    inner = dict(values)
    binders = []
    for binder in node.binders:
        domain = _substitute(binder.domain, inner, free)
        renamed = tuple(fresh(name, free) for name in binder.names)
        for old, new in zip(binder.names, renamed, strict=True):
            inner.pop(old, None)
            if old != new:
                inner[old] = nodes.Name(id=new, span=binder.span)
        condition = binder.condition
        update: dict[str, object] = {"domain": domain, "names": renamed}
        if condition is not None:
            update["condition"] = _substitute(condition, inner, free)
        binders.append(binder.model_copy(update=update))
    body = _substitute(node.body, inner, free)
    changes: dict[str, object] = {"binders": tuple(binders), "body": body}
    if isinstance(node, nodes.Expectation):
        changes["conditions"] = tuple(_substitute(c, inner, free) for c in node.conditions)
    return node.model_copy(update=changes)


def fresh(name: str, taken: Container[str | None]) -> str:
    """The name, with as many `_` behind it as make it a new one."""
    while name in taken:
        name += "_"
    return name


def binders_of(node: nodes.Node) -> tuple[nodes.Binder, ...]:
    """The binders of a sum, a quantifier or an expectation; none of any other node."""
    binders: tuple[nodes.Binder, ...] = node.__dict__.get("binders", ())
    return binders


def bound_names(binders: tuple[nodes.Binder, ...]) -> frozenset[str]:
    """The names that binders bind."""
    return frozenset(name for binder in binders for name in binder.names)


def column_of(expr: nodes.Expr) -> str | None:
    """The name under which the column behind an expression is bound: `sex`, `x.age`; else None."""
    match expr:
        case nodes.Name(id=name):
            return name
        case nodes.Attribute(value=nodes.Name(id=column), name=name):
            return f"{column}.{name}"
        case nodes.Index(value=nodes.Name(id=column), indices=(nodes.String(value=name),)):
            return f"{column}.{name}"
    return None


def entry_name(column: str, place: int) -> str:
    """The name of an entry of a column of several numbers that is a column of its own: `x[3]`."""
    return f"{column}[{place}]"


def entry_of(name: str) -> tuple[str, int] | None:
    """Column and place of such a name; None of other names."""
    column, bracket, place = name.removesuffix("]").partition("[")
    return (column, int(place)) if bracket else None


def column_of_variable(variable: nodes.Expr) -> str | None:
    """The column that a variable is, or is a feature of: `x`, `x.age`, `x[3]`."""
    match variable:
        case (
            nodes.Name(id=name)
            | nodes.Attribute(value=nodes.Name(id=name))
            | nodes.Index(value=nodes.Name(id=name))
        ):
            return name
    return None


def labeled(spec: nodes.Spec) -> nodes.Spec:
    """The spec with a full label on every constraint and group."""
    taken = {c.label for c in spec.constraints() if c.label is not None}
    count = 0
    items: list[nodes.Item] = []
    for item in spec.items:
        if isinstance(item, nodes.SubjectTo):
            named, count = _members(item.constraints, "", taken, count)
            item = item.changed(constraints=named)
        items.append(item)
    return spec.changed(items=tuple(items))


def chain_parts(relation: nodes.Expr) -> tuple[str, ...]:
    """What the constraints of a chain are called behind its label; empty where it is none.

    `lo`, `hi` of an expression between two bounds, else the numbers of the links.
    """
    match relation:
        case (
            nodes.Compare(operators=("<=" | ">=", "<=" | ">="))
            | nodes.Membership(set=nodes.Interval())
        ):
            return ("lo", "hi")
        case nodes.Compare(operators=(_, _, *_) as operators):
            return tuple(str(place) for place in range(1, len(operators) + 1))
    return ()


def _members(
    members: tuple[nodes.Constraint | nodes.Group, ...], prefix: str, taken: set[str], count: int
) -> tuple[tuple[nodes.Constraint | nodes.Group, ...], int]:
    named: list[nodes.Constraint | nodes.Group] = []
    for member in members:
        label = member.label
        if label is None:
            count += 1
            while f"c{count}" in taken:
                count += 1
            label = f"c{count}"
        path = prefix + label
        update: dict[str, object] = {"label": path}
        if isinstance(member, nodes.Group):
            inside = {m.label for m in member.constraints if m.label is not None}
            update["constraints"], _ = _members(member.constraints, path + ".", inside, 0)
        named.append(member.model_copy(update=update))
    return tuple(named), count
