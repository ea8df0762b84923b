"""Axes in words."""

from __future__ import annotations

from cspec.compiler.axes.record import Axes
from cspec.dsl.messages.wording import some


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
