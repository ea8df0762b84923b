"""Kinds: what an expression is, as far as a spec alone can tell."""

from __future__ import annotations

from typing import Literal, NamedTuple

What = Literal[
    "number",
    "event",
    "scores",
    "labels",
    "column",
    "value",
    "tensor",
    "groups",
    "set",
    "string",
    "dataset",
    "model",
    "weights",
    "domain",
    "function",
    "unknown",
]

WORDS: dict[str, str] = {
    "number": "a number",
    "event": "an event (true or false)",
    "scores": "an output of a model",
    "labels": "a class label",
    "column": "a column of the data",
    "value": "a value of a column",
    "tensor": "a tensor",
    "groups": "one number a group",
    "set": "a set",
    "string": "a text",
    "dataset": "a dataset",
    "model": "a model",
    "weights": "a list of weights",
    "domain": "a domain",
    "function": "a function",
    "unknown": "of unknown kind",
}
"""How messages name a kind."""


class Kind(NamedTuple):
    """What an expression is.

    `per_example`: it has one value an example (and no `E`, `P`, `forall` or `sum` around it yet).
    `moves`: training can change it (it depends on a variable, a trained model, a given value).
    `gradient`: a gradient reaches what it depends on.
    """

    what: What
    per_example: bool = False
    moves: bool = False
    gradient: bool = False

    def flat(self) -> Kind:
        """The same kind inside something that takes care of the examples."""
        return self._replace(per_example=False)


CONSTANT = Kind("number")
UNKNOWN = Kind("unknown", moves=True, gradient=True)

NUMERIC: frozenset[str] = frozenset(
    {"number", "scores", "labels", "column", "value", "tensor", "unknown"}
)
"""Kinds that take part in arithmetic. Columns may be categorical: known when data are bound."""


def joined(what: What, *parts: Kind) -> Kind:
    """A kind made of parts: it moves where one of them does, with a gradient if one has it."""
    return Kind(
        what,
        any(part.per_example for part in parts),
        any(part.moves for part in parts),
        any(part.gradient for part in parts),
    )
