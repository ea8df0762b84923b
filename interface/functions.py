"""`@cspec.function`: functions of your own in a spec."""

import inspect
import math
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, Literal, TypeVar

from cspec.dsl.imports.signatures import RefusedError, signature_of
from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.dsl.words.functions import Signature

F = TypeVar("F", bound=Callable[..., Any])

_REGISTRY: dict[str, tuple[Signature, Callable[..., Any]]] = {}

IMPORTED_FOR_A_SPEC = "cspec_bound_"
"""Modules that `from "file.py" import ...` loads: their functions are words of that spec alone."""


def function(
    body: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    range: tuple[float, float] = (-math.inf, math.inf),
    gradient: bool = True,
    surrogate: str | Callable[..., Any] | None = None,
    result: Literal["number", "example", "like"] = "number",
    kinds: Sequence[str] | None = None,
) -> Any:
    """Add a function to the language: `@cspec.function(range=(0, 1), gradient=False)`.

    `range` bounds its values (a bound outside it is an error before training), `gradient` says
    whether it has one with respect to its arguments, `surrogate` names the function that lends
    its gradient where it has none: values stay exact, the model's step follows the surrogate.
    `result` is `number` for one number, `example` for one an example, `like` for as many as the
    arguments have; `kinds` says what each argument is (`weights`, `model`, `scores`, `labels`,
    `column`, `number`, `any`). All arrive as torch tensors, models as modules.

    In a file that a spec imports these settings are read from the text: write literals.

    Raises:
        SpecError: a name that the language has already, a range that is empty, a function of no
            or of keyword-only arguments, a gradient beside a surrogate.
    """

    def register(made: F) -> F:
        word = name or made.__name__
        called = surrogate if isinstance(surrogate, str | None) else surrogate.__name__
        settings = {"range": range, "gradient": gradient, "surrogate": called, "result": result}
        try:
            doc = (inspect.getdoc(made) or "").split("\n")[0]
            signature = signature_of(word, _parameters(made), settings | {"kinds": kinds}, doc)
        except RefusedError as error:
            message = f"`{word}` can't become a function of the language: {error}"
            raise Diagnostic(code="CS214", message=message, helps=(error.help,)).error() from error
        ready: Any = made if gradient else _without_gradient(made, surrogate)
        if not made.__module__.startswith(IMPORTED_FOR_A_SPEC):
            _REGISTRY[word] = (signature, ready)
        return ready  # type: ignore[no-any-return]

    return register if body is None else register(body)


def registered() -> tuple[Signature, ...]:
    """Signatures of all functions that were added, in order."""
    return tuple(signature for signature, _ in _REGISTRY.values())


def bodies() -> dict[str, Callable[..., Any]]:
    """The Python behind them by name."""
    return {word: body for word, (_, body) in _REGISTRY.items()}


def _without_gradient(
    made: Callable[..., Any], surrogate: str | Callable[..., Any] | None
) -> Callable[..., Any]:
    """`made`, cut off from its arguments; with a surrogate, its gradient: f + (s - stop(s))."""

    @wraps(made)
    def exact(*arguments: Any) -> Any:
        value = made(*arguments)
        value = value.detach() if hasattr(value, "detach") else value
        if surrogate is None:
            return value
        lent = made.__globals__[surrogate] if isinstance(surrogate, str) else surrogate
        soft = lent(*arguments)
        return value + (soft - soft.detach()) if getattr(soft, "requires_grad", False) else value

    return exact


def _parameters(body: Callable[..., Any]) -> list[tuple[str, bool]]:
    """(name, needed) of each argument that a spec can write."""
    found = []
    for parameter in inspect.signature(body).parameters.values():
        if parameter.kind not in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            raise RefusedError(f"`{parameter}` can't be written in a spec", "use plain arguments")
        found.append((parameter.name, parameter.default is parameter.empty))
    return found
