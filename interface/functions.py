"""`@cspec.function`: functions of your own in a spec."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any, Literal, TypeVar

from cspec.dsl.diagnostics import Diagnostic, SpecError
from cspec.dsl.kinds import What
from cspec.dsl.signatures import SIGNATURES, Parameter, Signature

F = TypeVar("F", bound=Callable[..., Any])
ANY: frozenset[What] = frozenset(
    {"number", "scores", "labels", "column", "value", "tensor", "model", "weights", "unknown"}
)

_REGISTRY: dict[str, tuple[Signature, Callable[..., Any]]] = {}


def function(
    body: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    range: tuple[float, float] = (-math.inf, math.inf),
    gradient: bool = True,
    surrogate: str | None = None,
    result: Literal["number", "example", "like"] = "number",
) -> Any:
    """Add a function to the language: `@cspec.function(range=(0, 1), gradient=False)`.

    `range` bounds its values (a bound outside it is an error before training), `gradient` says
    whether it has one with respect to its arguments, `surrogate` names the function that stands
    in for the model's step where it has none. `result` is `number` for one number, `example` for
    one an example, `like` for as many as the arguments have. All are torch tensors.

    Raises:
        SpecError: a name that the language has already, a range that is empty, a function of no
            or of keyword-only arguments.
    """

    def register(made: F) -> F:
        word = name or made.__name__
        signature = _signature(made, word, range, result)._replace(
            gradient=gradient, surrogate=surrogate
        )
        _REGISTRY[word] = (signature, made)
        return made

    return register if body is None else register(body)


def registered() -> tuple[Signature, ...]:
    """Signatures of all functions that were added, in order."""
    return tuple(signature for signature, _ in _REGISTRY.values())


def bodies() -> dict[str, Callable[..., Any]]:
    """The Python behind them by name."""
    return {word: body for word, (_, body) in _REGISTRY.items()}


def _signature(
    body: Callable[..., Any],
    word: str,
    bounds: tuple[float, float],
    result: Literal["number", "example", "like"],
) -> Signature:
    if word in SIGNATURES:
        raise _refused(word, "the language has a function of this name", "give it another name")
    if len(bounds) != 2 or not bounds[0] <= bounds[1]:
        raise _refused(word, f"its range {bounds} is empty", "write range=(low, high)")
    parameters = []
    for parameter in inspect.signature(body).parameters.values():
        if parameter.kind not in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            raise _refused(word, f"`{parameter}` can't be written in a spec", "use plain arguments")
        parameters.append(Parameter(parameter.name, ANY, parameter.default is parameter.empty))
    if not parameters:
        raise _refused(word, "it takes no argument", "a constant is a `param`")
    doc = (inspect.getdoc(body) or "").split("\n")[0]
    limits = (float(bounds[0]), float(bounds[1]))
    return Signature(word, "imported", tuple(parameters), result, doc, limits, imported=True)


def _refused(word: str, why: str, help_: str) -> SpecError:
    message = f"`{word}` can't become a function of the language: {why}"
    return SpecError([Diagnostic(code="CS214", message=message, helps=(help_,))])
