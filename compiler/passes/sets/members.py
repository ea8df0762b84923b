"""Sets in members of quantifiers, once indices are numbers and shapes are known.

forall i in range(3): norm(W[i], 2) <= 1   ->   row i of W in ball(1, norm=2)
forall i in range(3): W[i] in simplex      ->   row i of W in simplex
forall i in range(3): sum(W[i]) == 1       ->   an affine row over the entries of W
forall i in range(9), j in range(i): W[i, j] == W[j, i], W[0, 1] <= 1   ->   rows of single entries

W[0:2, :] >= 0, W[:, 1] in simplex         ->   a part of W in the set

What `recognize` sees of whole tensors is seen here of a row, too: `W[i]` takes the place of a
tensor where it is all that a relation says of W.
"""

from typing import NamedTuple

from cspec.compiler.algebra.shapes import Shapes, places_of
from cspec.compiler.expressions.rewrite import rewrite, same
from cspec.compiler.passes.mapping import map_constraints
from cspec.compiler.passes.sets.between_tensors import between_tensors
from cspec.compiler.passes.sets.recognize import set_of
from cspec.compiler.passes.sets.rows import joint_rows
from cspec.compiler.records.problem import Constraint, ParameterRef, Problem, SetMember
from cspec.dsl.names.symbols import Symbols
from cspec.dsl.tree.constants import Values
from cspec.dsl.tree.nodes import Expr, Index, Name, Node, Vector, walk
from cspec.dsl.tree.nodes import shape as tree_shape
from cspec.dsl.values.shapes import Shape
from cspec.dsl.words.sets import BY_ROWS, COEFFICIENTS

TENSOR = "#tensor"
"""Stands for the only tensor of a relation; no name of a spec can be it."""


class TensorPart(NamedTuple):
    """A part of a tensor that a relation is about."""

    expr: Index
    shape: Shape
    places: tuple[int | tuple[int, int], ...]
    """An index or the ends of a slice, an axis."""


class Subject(NamedTuple):
    """The tensor that a relation is about."""

    expr: Expr
    shape: Shape


def member_sets(problem: Problem, shapes: Shapes, symbols: Symbols, params: Values) -> Problem:
    """The problem with sets on rows and entries of tensors; `shapes` are those of variables."""

    def seen(c: Constraint) -> Constraint:
        whole = c.set is not None and not isinstance(c.set.subject, Index)
        if whole or c.binders or c.event is not None:
            return c
        return c.model_copy(update={"set": _member_set(c, shapes, symbols, params)})

    return map_constraints(problem, seen)


def _member_set(
    c: Constraint, shapes: Shapes, symbols: Symbols, params: Values
) -> SetMember | None:
    subjects = _subjects(c, shapes)
    if len(subjects) > 1:
        return _between(c, subjects, params) or _joint_set(c, subjects, params)
    subject = subjects[0] if subjects else None
    if subject is None or not subject.shape:
        return None
    named = _replaced(c, subject.expr, Name(id=TENSOR))
    part = _only_part(named, subject.shape, params)
    found = of_part = None if part is None else _part_set(named, part, symbols, params)
    if of_part is None or not of_part.part:
        whole = set_of(named, symbols, params, {TENSOR: subject.shape})
        if whole is not None and same(whole.subject or named.value, Name(id=TENSOR)):
            found = whole
    if found is not None:
        return found.model_copy(update={"subject": subject.expr})
    return _between(c, subjects, params)


def _part_set(
    named: Constraint, part: TensorPart, symbols: Symbols, params: Values
) -> SetMember | None:
    """The set that a part of the tensor is in; affine rows are seen over the whole tensor."""
    inside = _replaced(named, part.expr, Name(id=TENSOR))
    found = set_of(inside, symbols, params, {TENSOR: part.shape})
    if found is None or found.word in COEFFICIENTS or not part.shape:
        return None
    place = tuple(p for p in part.places if isinstance(p, int))
    if len(place) < len(part.places) or found.word not in BY_ROWS:
        return found.model_copy(update={"part": part.places})
    arguments = {key: value for key, value in found.arguments.items() if key != "whole"}
    if found.word == "ball":
        arguments["rows"] = True
    return found.model_copy(update={"arguments": arguments, "rows": (place,)})


def _named(c: Constraint, subjects: list[Subject]) -> tuple[Constraint, Shapes]:
    """The relation with stand-in names for its tensors, and their shapes."""
    shapes: dict[str, Shape] = {}
    for place, subject in enumerate(subjects):
        name = f"{TENSOR}{place}"
        shapes[name] = subject.shape
        c = _replaced(c, subject.expr, Name(id=name))
    return c, shapes


def _between(c: Constraint, subjects: list[Subject], params: Values) -> SetMember | None:
    """The set of several weights together, or of all rows of one."""
    if not all(isinstance(subject.expr, ParameterRef) for subject in subjects):
        return None
    found = between_tensors(*_named(c, subjects), params)
    items = tuple(subject.expr for subject in subjects)
    subject = Vector(items=items) if len(items) > 1 else items[0]
    return found and found.model_copy(update={"subject": subject, "recognized": c.text})


def _joint_set(c: Constraint, subjects: list[Subject], params: Values) -> SetMember | None:
    """Affine rows over several tensors together: 0 <= A + B + C <= 1."""
    named, shapes = _named(c, subjects)
    found = joint_rows(named.value, named.relation, named.bound, shapes, params)
    if found is None:
        return None
    return SetMember(
        word=found.word,
        subject=Vector(items=tuple(subject.expr for subject in subjects)),
        arguments={"0": found.coefficients, "1": found.bounds},
        recognized=c.text,
        together=True,
    )


def _subjects(c: Constraint, shapes: Shapes) -> list[Subject]:
    """The tensors that a relation mentions."""
    found: dict[object, Subject] = {}
    for node in _nodes(c):
        match node:
            case ParameterRef(model=model, name=name, shape=shape):
                found[model, name] = Subject(node, shape)
            case Name(id=name) if name in shapes:
                found[name] = Subject(node, shapes[name])
    return list(found.values())


def _nodes(c: Constraint) -> list[Node]:
    return [node for side in (c.value, c.bound) for node in walk(side)]


def _replaced(c: Constraint, old: Expr, new: Expr) -> Constraint:
    def step(expr: Expr) -> Expr:
        return new if type(expr) is type(old) and same(expr, old) else expr

    sides = {"value": rewrite(c.value, step), "bound": rewrite(c.bound, step)}
    return c.model_copy(update=sides)


def _only_part(c: Constraint, shape: Shape, params: Values) -> TensorPart | None:
    """The part that is all that a relation says of its tensor: `W[0]`, `W[0:2, :]`, `W[:, 1]`."""
    parts: dict[object, Index] = {}
    mentions = 0
    for node in _nodes(c):
        if isinstance(node, Name) and node.id == TENSOR:
            mentions += 1
        if isinstance(node, Index) and node.value == Name(id=TENSOR):
            mentions -= 1
            parts[tree_shape(node)] = node
    if mentions or len(parts) != 1:
        return None
    (index,) = parts.values()
    places = places_of(index.indices, shape, params)
    if places is None:
        return None
    kept = [place[1] - place[0] for place in places if isinstance(place, tuple)]
    return TensorPart(index, (*kept, *shape[len(places) :]), places)
