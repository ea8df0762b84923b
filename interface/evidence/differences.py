"""What differs between a run as it was recorded and as it is found again, by name."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

from cspec.runtime.evidence.circumstances import Circumstances
from cspec.runtime.evidence.code_files import CodeFile
from cspec.runtime.evidence.digests import DataDigest, ModelDigest
from cspec.runtime.evidence.manifest import Origins

Part = Literal[
    "file", "spec", "plan", "weights", "data", "model", "code", "version", "value", "verdict"
]
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
        for key in dict.fromkeys([*was, *now]):
            inner = f"{where}.{key}" if where else str(key)
            yield from unequal(was.get(key), now.get(key), inner)
    elif isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        for place, (a, b) in enumerate(zip(was, now, strict=True)):
            yield from unequal(a, b, f"{where}[{_name(b, place)}]")
    elif was != now and not _both_nan(was, now):
        yield where, was, now


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
    both = zip(was, now, strict=False)
    at = next((i for i, (a, b) in enumerate(both) if a != b), min(len(was), len(now)))
    start = at - SHOWN // 3
    if start <= 0 or max(len(was), len(now)) < SHOWN:
        return short(was), short(now)
    return f"...{short(was[start:])}", f"...{short(now[start:])}"


def lines(part: Part, file: str, was: str, now: str) -> list[Difference]:
    """The first line in which two texts differ."""
    if was == now:
        return []
    old, new = was.splitlines(), now.splitlines()
    both = zip(old, new, strict=False)
    at = next((i for i, (a, b) in enumerate(both) if a != b), min(len(old), len(new)))
    if at >= min(len(old), len(new)):
        counts = (f"{len(text):,} lines" for text in (old, new))
        return [Difference(part, f"{file}, from line {at + 1} on", *counts)]
    return [Difference(part, f"{file}, line {at + 1}", *around(old[at].strip(), new[at].strip()))]


# --- what a run is made from ---------------------------------------------------------------------


def of_origins(was: Origins, now: Origins) -> list[Difference]:
    """Data, models and code that are not as recorded."""
    return [
        *_of_data(was.data, now.data),
        *_of_models(was.models, now.models),
        *of_code(was.code, {name: entry.sha256 for name, entry in now.code.items()}),
    ]


def _of_data(was: Mapping[str, DataDigest], now: Mapping[str, DataDigest]) -> Iterator[Difference]:
    for name in dict.fromkeys([*was, *now]):
        a, b = was.get(name), now.get(name)
        if a is None or b is None:
            have = "none" if a is None else f"{a.rows:,} rows"
            found = "none" if b is None else f"{b.rows:,} rows"
            yield Difference("data", f"data `{name}`", have, found)
        elif a.rows != b.rows:
            yield Difference("data", f"data `{name}`", f"{a.rows:,} rows", f"{b.rows:,} rows")
        else:
            yield from _of_columns(name, a, b)


def _of_columns(name: str, was: DataDigest, now: DataDigest) -> Iterator[Difference]:
    for column in dict.fromkeys([*was.columns, *now.columns]):
        a, b = was.columns.get(column), now.columns.get(column)
        if a != b:
            what = f"data `{name}`, column `{column}`"
            yield Difference("data", what, str(a or "none"), str(b or "none"))


def _of_models(
    was: Mapping[str, ModelDigest], now: Mapping[str, ModelDigest]
) -> Iterator[Difference]:
    for name in dict.fromkeys([*was, *now]):
        a, b = was.get(name), now.get(name)
        if a is None or b is None:
            there = ("none" if model is None else "bound" for model in (a, b))
            yield Difference("model", f"model `{name}`", *there)
        elif a.tensors != b.tensors:
            for key in dict.fromkeys([*a.tensors, *b.tensors]):
                old, new = a.tensors.get(key, "none"), b.tensors.get(key, "none")
                if old != new:
                    yield Difference("model", f"model `{name}`, `{key}`", old, new)
        elif a.layers != b.layers:
            layers = digest(a.layers), digest(b.layers)
            yield Difference("model", f"model `{name}`: its layers", *layers)


def of_code(was: Mapping[str, CodeFile], now: Mapping[str, str]) -> list[Difference]:
    """Files of code whose digests are others now; `now` has empty text for what is gone."""
    found = []
    for name in dict.fromkeys([*was, *now]):
        old = was[name].sha256 if name in was else ""
        new = now.get(name, "")
        if old != new:
            found.append(Difference("code", f"code `{name}`", digest(old), digest(new)))
    return found


def of_versions(was: Circumstances, now: Circumstances) -> list[Difference]:
    """Packages whose versions are others now."""
    a, b = was.versions, now.versions
    return [
        Difference("version", f"version of {name}", a.get(name, "none"), b.get(name, "none"))
        for name in dict.fromkeys([*a, *b])
        if a.get(name) != b.get(name)
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
