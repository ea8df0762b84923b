"""One right line of a clause that does not parse, made of the names that the spec has.

Candidates only: `dsl/messages/examples.py` shows the first that checks clean in its place.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from cspec.dsl.messages.diagnostic import Fix
from cspec.dsl.mistakes.failure import Failure
from cspec.dsl.text.source import Span

_MODEL = re.compile(r"^[ \t]*model[ \t]+([^\W\d]\w*)[ \t]*(\([\w ,]*\))?", re.MULTILINE)
_DATA = re.compile(r"^[ \t]*data[ \t]+([^=#\n]+)", re.MULTILINE)
_SET = re.compile(r"([^\W\d]\w*)[ \t]*\(([\w ,]*)\)")
_VAR = re.compile(r"^[ \t]*var[ \t]+([^\W\d]\w*)[ \t]*(\[)?", re.MULTILINE)
_GIVEN = re.compile(r"^[ \t]*given[ \t]+([^\W\d]\w*)", re.MULTILINE)
_WORD = re.compile(r"[^\W\d]\w*")
_NOT_GROUPS = frozenset(["x", "y"])


class Names(NamedTuple):
    """What a spec declares, as far as its lines tell: `vectors` are vars with entries."""

    models: tuple[str, ...]
    data: dict[str, tuple[str, ...]]
    numbers: tuple[str, ...]
    vectors: tuple[str, ...]
    given: tuple[str, ...]


@lru_cache(maxsize=16)
def names_of(text: str) -> Names:
    """The names of a spec that may hold clauses which do not parse."""
    sets = [found for line in _DATA.finditer(text) for found in _SET.finditer(line[1])]
    variables = list(_VAR.finditer(text))
    return Names(
        tuple(found[1] for found in _MODEL.finditer(text) if not found[2]),
        {found[1]: tuple(_WORD.findall(found[2])) for found in sets},
        tuple(found[1] for found in variables if not found[2]),
        tuple(found[1] for found in variables if found[2]),
        tuple(found[1] for found in _GIVEN.finditer(text)),
    )


def relations(names: Names) -> Iterator[str]:
    """Constraints that such a spec may have."""
    if names.data:
        groups = [c for columns in names.data.values() for c in columns if c not in _NOT_GROUPS]
        yield from (f"gap(P[pred == 1 | {column}]) <= 5%" for column in groups[:1])
        yield "P[pred == 1] <= 30%"
        yield from (f"E[{model}(x)] <= 1" for model in names.models[:1])
    yield from (f"density({model}) <= 50%" for model in names.models[:1])
    yield from (f"sum({vector}) <= 1" for vector in names.vectors)
    yield from (f"{number} <= 1" for number in names.numbers)
    yield from (f"{value} <= 1" for value in names.given)


def objectives(names: Names) -> Iterator[str]:
    """What may stand behind `minimize`."""
    for model in names.models[:1]:
        yield from (f"{loss}({model}(x), y)" for loss in ("ce", "mse"))
        yield "ce"
    yield from (f"sumsq({vector})" for vector in names.vectors)
    yield from (f"{number}^2" for number in names.numbers)
    yield from names.given


def measured(names: Names) -> Iterator[str]:
    """What a line `metric` may record."""
    if names.data:
        yield f"P[pred == y on {list(names.data)[-1]}]"
    yield from (f"density({model})" for model in names.models[:1])
    yield from (f"sum({vector})" for vector in names.vectors)
    yield from (f"{number}" for number in names.numbers)


def lines(word: str, typed: str, names: Names) -> Iterator[str]:
    """Whole lines that begin with a word of the language; `typed` is the name that stands there."""
    sets = list(names.data)
    if word in ("minimize", "maximize"):
        yield from (f"{word} {objective}" for objective in objectives(names))
    elif word == "metric":
        yield from (f"metric {typed or 'm'} = {value}" for value in measured(names))
    elif word == "verify":
        yield from (f"verify all on {name}" for name in reversed(sets))
        yield "verify all"
    elif word in _FORMS:
        yield from (form.format(name=typed or default) for form, default in _FORMS[word])


_FORMS: dict[str, tuple[tuple[str, str], ...]] = {
    "param": (("param {name} = 0.5", "eps"),),
    "var": (("var {name} = 1 in [0, 2]", "x"), ("var {name} = 1", "x"), ("var {name}[3] = 0", "x")),
    "data": (("data {name}(x, y)", "train"),),
    "model": (("model {name} = mlp(hidden=[64])", "net"), ("model {name}", "net")),
    "domain": (("domain {name}(t, x) = box([0, 1], [-1, 1])", "q"),),
    "given": (("given {name}", "loss"),),
    "using": (("using lagrangian", ""),),
    "fit": (("fit(epochs=30)", ""), ("fit(steps=1000)", "")),
    "stop": (("stop when stalled(epochs=5)", ""), ("stop when feasible(1e-3)", "")),
}


def of_clause(f: Failure) -> tuple[Fix, ...]:
    """Candidates for a clause, those first that say the most of what it says."""
    names, end = names_of(f.source.text), f.tokens[-1].end if f.tokens else f.first.end
    if f.kind == "item":
        word = f.first.text
        typed = f.at(1).text if f.at(1).kind == "NAME" else ""
        found, start, title = [*lines(word, typed, names)], f.first.start, reads(word)
    else:
        found, title = [*relations(names)], reads("")
        start = f.at(f.body).start if f.body < len(f.tokens) else end
    said = set(_WORD.findall(f.source.text[start:end]))
    found.sort(key=lambda line: -len(said & set(_WORD.findall(line))))
    return tuple(Fix(span=Span(start, end), replacement=line, title=title) for line in found)


def reads(word: str) -> str:
    """How an example is introduced."""
    return (
        f"a line with `{word}` reads, for example," if word else "a constraint reads, for example,"
    )
