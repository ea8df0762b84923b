"""Functions of a person's own as signatures: one reading for the decorator and for its text.

    signature_of("share", [("w", True)], {"range": (0, 1), "gradient": False, ...})

`@cspec.function` calls this with values, `dsl/imports/functions.py` with the literals of the same
decorator in a file that is not imported; so both accept and refuse the same things.
"""

import math
from collections.abc import Mapping, Sequence

from cspec.dsl.messages.wording import closest, counted, listing
from cspec.dsl.words.functions import SIGNATURES, Parameter, Result, Signature
from cspec.dsl.words.kind import What

ANY: frozenset[What] = frozenset(
    {"number", "scores", "labels", "column", "value", "tensor", "model", "weights", "unknown"}
)
KINDS: dict[str, frozenset[What]] = {
    "any": ANY,
    "number": frozenset({"number", "scores", "labels", "column", "value", "tensor", "unknown"}),
    "scores": frozenset({"scores", "number", "tensor", "column", "unknown"}),
    "labels": frozenset({"labels", "column", "value", "number", "scores", "unknown"}),
    "column": frozenset({"column", "unknown"}),
    "weights": frozenset({"tensor", "weights", "number", "unknown"}),
    "model": frozenset({"model", "unknown"}),
}
"""What `kinds=` may say about an argument, and the kinds of the language that it takes."""

RESULTS: tuple[Result, ...] = ("number", "example", "like")
SETTINGS = ("name", "range", "gradient", "surrogate", "result", "kinds")
"""Settings of `@cspec.function`, in the order of the reference."""


class RefusedError(ValueError):
    """Why something can't be a function of the language; `help` says what to write."""

    def __init__(self, why: str, help: str) -> None:
        super().__init__(why)
        self.help = help


def signature_of(
    word: str, parameters: Sequence[tuple[str, bool]], settings: Mapping[str, object], doc: str = ""
) -> Signature:
    """The signature of a function called `word`; `parameters` are (name, needed).

    Raises:
        RefusedError: an unknown setting, an empty range, a name the language has, no argument.
    """
    for name in settings:
        if name not in SETTINGS:
            guess = closest(name, SETTINGS)
            hint = f"did you mean `{guess}`?" if guess else f"it has {listing(SETTINGS, 'and')}"
            raise RefusedError(f"`@cspec.function` has no setting `{name}`", hint)
    if word in SIGNATURES:
        raise RefusedError("the language has a function of this name", "give it another name")
    if not parameters:
        raise RefusedError("it takes no argument", "a constant is a `param`")
    pairs = zip(parameters, _kinds(settings.get("kinds"), len(parameters)), strict=True)
    return Signature(
        word,
        "imported",
        tuple(Parameter(name, kind, needed) for (name, needed), kind in pairs),
        _result(settings.get("result", "number")),
        doc,
        _range(settings.get("range", (-math.inf, math.inf))),
        gradient=_gradient(settings.get("gradient", True)),
        surrogate=_surrogate(settings),
        imported=True,
    )


def _range(given: object) -> tuple[float, float]:
    pair = given if isinstance(given, tuple | list) and len(given) == 2 else (None,)
    if not all(isinstance(end, int | float) and not isinstance(end, bool) for end in pair):
        raise RefusedError(f"its range {given!r} is no pair of numbers", "write range=(low, high)")
    low, high = map(float, pair)
    if not low <= high:
        raise RefusedError(f"its range ({low:g}, {high:g}) is empty", "write range=(low, high)")
    return low, high


def _gradient(given: object) -> bool:
    if not isinstance(given, bool):
        raise RefusedError("`gradient` is neither True nor False", "write gradient=False")
    return given


def _surrogate(settings: Mapping[str, object]) -> str | None:
    given = settings.get("surrogate")
    if given is not None and not isinstance(given, str):
        raise RefusedError(
            "`surrogate` names no function", 'write surrogate="name" of a function of that file'
        )
    if given is not None and settings.get("gradient", True) is True:
        raise RefusedError(
            "it has a gradient and a surrogate", "add gradient=False, or drop the surrogate"
        )
    return given


def _result(given: object) -> Result:
    for known in RESULTS:
        if given == known:
            return known
    raise RefusedError(f"`result` is {given!r}", f"it is {listing(RESULTS)}")


def _kinds(given: object, count: int) -> Sequence[frozenset[What]]:
    if given is None:
        return [ANY] * count
    words = [given] if isinstance(given, str) else given
    if not isinstance(words, tuple | list) or not all(word in KINDS for word in words):
        raise RefusedError(f"`kinds` is {given!r}", f"each is {listing(KINDS)}")
    if len(words) != count:
        raise RefusedError(
            f"`kinds` has {counted(len(words), 'word')} for {counted(count, 'argument')}",
            "write one word an argument",
        )
    return [KINDS[word] for word in words]
