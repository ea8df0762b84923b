"""What differs between a run as it was recorded and as it is found again, by name."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple, TypeVar

from cspec.runtime.evidence.circumstances import Circumstances
from cspec.runtime.evidence.code_files import CodeFile
from cspec.runtime.evidence.digests import DataDigest, ModelDigest
from cspec.runtime.evidence.manifest import Origins

Part = Literal[
    "file", "spec", "plan", "weights", "data", "model", "code", "version", "value", "verdict"
]
T = TypeVar("T")
SHOWN = 60
"""Characters of a value that are shown."""
MOST = 6
"""Places of one file that are named."""


class Difference(NamedTuple):
    """One thing that is not as recorded."""

    part: Part
    what: str
    was: str = ""
    now: str = ""

    def __str__(self) -> str:
        if not self.was and not self.now:
            return self.what
        return f"{self.what}: was {self.was}, is {self.now}"

    def as_json(self) -> dict[str, str]:
        """As an object of JSON."""
        return {"part": self.part, "what": self.what, "was": self.was, "now": self.now}


def short(value: object) -> str:
    """A value as it is shown."""
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."


def digest(text: str) -> str:
    """A digest as it is shown; what is gone has none."""
    return f"sha256 {text[:12]}" if text else "missing"


# --- trees of plain values -----------------------------------------------------------------------


def unequal(was: Any, now: Any, where: str = "") -> Iterator[tuple[str, Any, Any]]:
    """The places at which two trees of plain values differ: `constraints[dp].tolerance`.

    Entries of lists are called by their label or name, where they have one.
    """
    if isinstance(was, dict) and isinstance(now, dict):
        for key, a, b in _both(was, now):
            yield from unequal(a, b, f"{where}.{key}" if where else str(key))
    elif isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        for place, (a, b) in enumerate(zip(was, now, strict=True)):
            yield from unequal(a, b, f"{where}[{_name(b, place)}]")
    elif was != now and not _both_nan(was, now):
        yield where, was, now


def _both(was: Mapping[str, T], now: Mapping[str, T]) -> Iterator[tuple[str, T | None, T | None]]:
    """Every name of two mappings, and what each of them has under it."""
    for name in dict.fromkeys([*was, *now]):
        yield name, was.get(name), now.get(name)


def _name(item: Any, place: int) -> str:
    if isinstance(item, dict):
        return str(item.get("label") or item.get("name") or place)
    return str(place)


def _both_nan(a: Any, b: Any) -> bool:
    numbers = isinstance(a, float) and isinstance(b, float)
    return numbers and math.isnan(a) and math.isnan(b)


def trees(part: Part, file: str, was: Any, now: Any) -> list[Difference]:
    """The differences of a file's content; the first few, and how many more."""
    found = list(unequal(was, now))
    named = [Difference(part, f"{file}: {at}", *around(a, b)) for at, a, b in found[:MOST]]
    if len(found) > MOST:
        named.append(Difference(part, f"{file}: and {len(found) - MOST} more places"))
    return named


def around(was: object, now: object) -> tuple[str, str]:
    """Two values as they are shown: of long texts the part in which they differ."""
    if not isinstance(was, str) or not isinstance(now, str):
        return short(was), short(now)
    start = _alike(was, now) - SHOWN // 3
    if start <= 0 or max(len(was), len(now)) < SHOWN:
        return short(was), short(now)
    return f"...{short(was[start:])}", f"...{short(now[start:])}"


def lines(part: Part, file: str, was: str, now: str) -> list[Difference]:
    """The first line in which two texts differ."""
    if was == now:
        return []
    old, new = was.splitlines(), now.splitlines()
    at = _alike(old, new)
    if at >= min(len(old), len(new)):
        counts = (f"{len(text):,} lines" for text in (old, new))
        return [Difference(part, f"{file}, from line {at + 1} on", *counts)]
    return [Difference(part, f"{file}, line {at + 1}", *around(old[at].strip(), new[at].strip()))]


def _alike(was: Sequence[str], now: Sequence[str]) -> int:
    """How far two texts, or two lists of lines, are the same."""
    places = enumerate(zip(was, now, strict=False))
    return next((i for i, (a, b) in places if a != b), min(len(was), len(now)))


# --- what a run is made from ---------------------------------------------------------------------


def of_origins(was: Origins, now: Origins) -> list[Difference]:
    """Data, models and code that are not as recorded."""
    return [
        *_of_data(was.data, now.data),
        *_of_models(was.models, now.models),
        *of_code(was.code, {name: entry.sha256 for name, entry in now.code.items()}),
    ]


def _of_data(was: Mapping[str, DataDigest], now: Mapping[str, DataDigest]) -> Iterator[Difference]:
    for name, a, b in _both(was, now):
        if a is not None and b is not None and a.rows == b.rows:
            yield from _of_entries("data", f"data `{name}`, column", a.columns, b.columns)
        else:
            rows = ("none" if data is None else f"{data.rows:,} rows" for data in (a, b))
            yield Difference("data", f"data `{name}`", *rows)


def _of_entries(
    part: Part, what: str, was: Mapping[str, object], now: Mapping[str, object]
) -> Iterator[Difference]:
    """The entries that are others now; `what` is said before the name of each."""
    for name, a, b in _both(was, now):
        if a != b:
            yield Difference(part, f"{what} `{name}`", str(a or "none"), str(b or "none"))


def _of_models(
    was: Mapping[str, ModelDigest], now: Mapping[str, ModelDigest]
) -> Iterator[Difference]:
    for name, a, b in _both(was, now):
        if a is None or b is None:
            there = ("none" if model is None else "bound" for model in (a, b))
            yield Difference("model", f"model `{name}`", *there)
        elif a.tensors != b.tensors:
            yield from _of_entries("model", f"model `{name}`,", a.tensors, b.tensors)
        elif a.layers != b.layers:
            layers = digest(a.layers), digest(b.layers)
            yield Difference("model", f"model `{name}`: its layers", *layers)


def of_code(was: Mapping[str, CodeFile], now: Mapping[str, str]) -> list[Difference]:
    """Files of code whose digests are others now; `now` has empty text for what is gone."""
    digests = {name: entry.sha256 for name, entry in was.items()}
    return [
        Difference("code", f"code `{name}`", digest(old or ""), digest(new or ""))
        for name, old, new in _both(digests, now)
        if (old or "") != (new or "")
    ]


def of_versions(was: Circumstances, now: Circumstances) -> list[Difference]:
    """Packages whose versions are others now."""
    return [
        Difference("version", f"version of {name}", a or "none", b or "none")
        for name, a, b in _both(was.versions, now.versions)
        if a != b
    ]


def roundings(was: Circumstances, now: Circumstances) -> list[str]:
    """Threads and machine, where others: what last bits may differ by, in words."""
    a, b = was.rounding(), now.rounding()
    return [
        f"{name}: was {a[name]}, is {b[name]}; sums are rounded in another order, so last bits may "
        "differ"
        for name in a
        if a[name] != b[name]
    ]
