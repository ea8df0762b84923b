"""The records of inference: what an expression is, what an index means, what has to be run.

And how several expressions come together entry by entry, and what they are in words.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from cspec.dsl.messages.wording import some
from cspec.dsl.tree.nodes import Expr
from cspec.dsl.values.shapes import Shape
from cspec.dsl.values.shapes import together as broadcast

What = Literal["number", "whole", "event", "category", "record", "model", "set"]
"""A real number, a whole one, something true or false, a value of a column of text (its code), an
output with parts, a model, a set."""


class OutputPart(NamedTuple):
    """One part of an output that has several: a place of a tuple, a key, a field."""

    key: str | int
    axes: Axes


class By(NamedTuple):
    """Groups of the data: the columns that make them, and what they are called, in order."""

    columns: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


class Axes(NamedTuple):
    """What an expression is: its axes, and what stands at each place.

    A value has the shape (examples, *tokens, *shape) where `each` names a dataset, else `shape`.
    """

    what: What = "number"
    each: str | None = None
    """The dataset whose examples it has a value for; None: it has no axis of examples."""
    tokens: Shape = ()
    """Positions within an example that are averaged together with the examples."""
    shape: Shape | None = ()
    """Further axes: classes, features, entries of a tensor, groups; None: not known yet."""
    names: tuple[str, ...] = ()
    """Names of the places along the last axis: of classes or features."""
    classes: tuple[str | int | float | bool, ...] = ()
    """What the codes of a category stand for, in code order."""
    parts: tuple[OutputPart, ...] = ()
    """Of a tuple, a mapping or a record."""
    style: Literal["", "index", "key", "field"] = ""
    """How a part is taken out: `z[0]`, `z["logits"]`, `z.logits`."""
    groups: By | None = None
    """The groups of the data that the last axis goes over."""

    @property
    def known(self) -> bool:
        """Whether the axes are known."""
        return self.shape is not None

    @property
    def single(self) -> bool:
        """One number an example, or one number at all (as far as is known)."""
        return not self.shape

    @property
    def rank(self) -> int:
        """Axes besides that of the examples."""
        return len(self.tokens) + len(self.shape or ())

    @property
    def text(self) -> bool:
        """Whether values are texts: they are equal or not, and have no arithmetic."""
        return self.what == "category" and any(isinstance(c, str) for c in self.classes)

    def number(self) -> Axes:
        """The same axes with a plain number at each place."""
        return self._replace(what="number", names=(), classes=(), parts=())

    def event(self) -> Axes:
        """The same axes with true or false at each place."""
        return self._replace(what="event", names=(), classes=(), parts=())

    def entry(self) -> Axes:
        """One place of the last axis."""
        shape = self.shape[:-1] if self.shape else self.shape
        return self._replace(shape=shape, names=(), groups=None)


NUMBER = Axes()
UNKNOWN = Axes(shape=None)


class Misfit(NamedTuple):
    """Two of the things that were to come together, by their places, and why they do not."""

    first: int
    second: int
    why: Literal["examples", "shapes", "groups"]


def together(items: Sequence[Axes]) -> Axes | Misfit:
    """The axes of several values entry by entry.

    One number an example goes with anything of the same examples; several numbers an example go
    with as many of the same example, or with a tensor of that shape. Tensors without examples
    broadcast as torch does.
    """
    each = [i for i, item in enumerate(items) if item.each is not None]
    for i in each[1:]:
        if items[i].each != items[each[0]].each:
            return Misfit(each[0], i, "examples")
    grouped = [i for i, item in enumerate(items) if item.groups is not None]
    for i in grouped[1:]:
        if items[i].groups != items[grouped[0]].groups:
            return Misfit(grouped[0], i, "groups")
    groups = items[grouped[0]].groups if grouped else None
    if any(not item.known for item in items):
        owner = items[each[0]].each if each else None
        return Axes(each=owner, shape=None)
    if not each:
        plain = _plain(items)
        return plain if isinstance(plain, Misfit) else plain._replace(groups=groups)
    tokens = next((item.tokens for item in items if item.tokens), ())
    settled = [as_tokens(item, tokens) for item in items]
    widths = [(len(item.shape or ()), item.each is not None) for item in settled]
    wide = widths.index(max(widths))
    shape = settled[wide].shape or ()
    for i, item in enumerate(settled):
        if item.tokens not in ((), tokens) or not _fits(item, shape):
            return Misfit(min(wide, i), max(wide, i), "shapes")
    return Axes(each=items[each[0]].each, tokens=tokens, shape=shape, groups=groups)


def as_tokens(item: Axes, tokens: Shape) -> Axes:
    """A value with one number a token, seen so where tokens are what it meets: a mask, labels."""
    if tokens and item.each is not None and not item.tokens and item.shape == tokens:
        return item._replace(tokens=tokens, shape=())
    return item


def _fits(item: Axes, shape: Shape) -> bool:
    if not item.shape:
        return True
    if item.each is not None:
        return item.shape == shape
    return broadcast([item.shape, shape]) == shape


def _plain(items: Sequence[Axes]) -> Axes | Misfit:
    shape: Shape | None = ()
    for i, item in enumerate(items):
        shape = broadcast([shape, item.shape])
        if shape is None:
            before = next(j for j in range(i) if broadcast([items[j].shape, item.shape]) is None)
            return Misfit(before, i, "shapes")
    return Axes(shape=shape)


def size(shape: tuple[int, ...]) -> str:
    """`3`, `3 x 4`."""
    return " x ".join(str(length) for length in shape)


def what(axes: Axes) -> str:
    """`3 numbers an example`, `one number an example`, `a 3 x 4 tensor`, `one number`."""
    if axes.parts:
        keys = ", ".join(str(part.key) for part in axes.parts)
        return f"several parts ({keys})"
    noun = {"event": "truth value", "category": "category"}.get(axes.what, "number")
    if axes.each is None:
        if axes.groups:
            return "one number a group"
        return f"a tensor of {size(axes.shape)} numbers" if axes.shape else f"one {noun}"
    place = "token" if axes.tokens else "example"
    if not axes.shape:
        return f"one {noun} {'an' if place == 'example' else 'a'} {place}"
    many = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{size(axes.shape)} {many} {'an' if place == 'example' else 'a'} {place}"


def places(axes: Axes) -> str:
    """The places of the last axis by name or number, for people."""
    names = axes.names or tuple(str(i) for i in range((axes.shape or (0,))[-1]))
    return some(names, 6)


class Whole(NamedTuple):
    """The value itself: the only number that there is."""


class Entry(NamedTuple):
    """The same place of the last axis for every example (or of a vector)."""

    place: int


class Own(NamedTuple):
    """Of each example the place that another value of it names: `prob[y]`."""

    place: Expr


class PartOf(NamedTuple):
    """One part of an output that has several."""

    key: str | int
    style: Literal["index", "key", "field"]


class Bound(NamedTuple):
    """A column that was bound under this name: a feature in the units of its file."""

    column: str


class Plain(NamedTuple):
    """Entries of a tensor that has no axis of examples."""


Place = Whole | Entry | Own | PartOf | Bound | Plain


class Argument(NamedTuple):
    """What one argument is made of."""

    source: Literal[
        "column", "model", "parameter", "variable", "weights", "number", "filled", "like"
    ]
    name: str = ""
    """Of the column (where a number is `filled` in, that of its place), model, variable; of a
    parameter, behind its model: `net.fc1.weight`."""
    number: float = 0.0
    shape: Shape = ()
    """Of one example, where values of that form have to do."""
    each: bool = True
    what: str = "number"


class Asked(NamedTuple):
    """A call of a model or of a person's own function, as something that can be run."""

    key: str
    function: str
    dataset: str | None
    arguments: tuple[Argument, ...]
    keywords: tuple[tuple[str, Argument], ...] = ()
