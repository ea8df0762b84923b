"""What a row of rewritten lines is made of: its pattern, and what a match becomes."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from cspec.dsl.messages.wording import number, split_arguments
from cspec.dsl.mistakes.foreign.rows import compiled
from cspec.dsl.settings.duals import DUALS
from cspec.dsl.settings.fit import OPTIMIZERS
from cspec.dsl.text.clauses import ITEM_WORDS
from cspec.dsl.text.defined_names import defined_names, model_names
from cspec.dsl.words.functions import SIGNATURES
from cspec.dsl.words.losses import LOSSES

Make = str | Callable[[re.Match[str]], str]


class Row(NamedTuple):
    """A form of a line: `pattern` is searched in it, `make` is what is written there.

    With `codes`, only for findings of those. `{n}` in the message is a group of the pattern, and
    `{new}` what is written.
    """

    pattern: re.Pattern[str]
    make: Make
    message: str
    codes: tuple[str, ...] = ()
    on: bool = False
    """Whether what is behind the line belongs to it."""


_WORD = r"[A-Za-z_]\w*"
_NUM = r"[-+]?(?:\d[\d_]*(?:\.\d+)?|\.\d+)(?:e[-+]?\d+)?%?"
_ROUND = r"\((?:[^()\n]|\([^()\n]*\))*\)"
_IN = rf"(?:[^()\[\]\n]|{_ROUND}|\[(?:[^()\[\]\n]|{_ROUND}|\[[^\[\]\n]*\])*\])"
"""A character, or a bracket with all that it holds."""
_RATE = r"[EP]\[(?:[^\[\]\n]|\[[^\[\]\n]*\])*\]"
HEAD = r"^([ \t]*(?:s\.t\.[ \t]*)?(?:\w+:(?!=)[ \t]*)?)"
SETS = "|".join(
    name
    for name, s in SIGNATURES.items()
    if s.family == "set" and not any(p.required for p in s.parameters)
)
SIZED = "rank|channels|sparse|nuclear|grid"
CALLED = "|".join(
    sorted((n for n, s in SIGNATURES.items() if s.parameters and n not in LOSSES), key=len)[::-1]
)
BOUNDED = "|".join(
    name for name, s in SIGNATURES.items() if s.family in ("model", "weights") or name == "gap"
)


def row(pattern: str, make: Make, message: str, *codes: str) -> Row:
    """A row. `WORD`, `NUM`, `RATE`, `HEAD` (a label) and `IN` stand for their patterns, a blank for
    blanks or none, `~` for at least one.
    """
    shaped = _NAMED.sub(lambda found: _PATTERNS[found[0]], pattern)
    return Row(compiled(shaped), make, message, codes, r"|\n)*" in shaped)


_PATTERNS = {"WORD": _WORD, "NUM": _NUM, "RATE": _RATE, "HEAD": HEAD, "IN": _IN}
_NAMED = re.compile(rf"\b(?:{'|'.join(_PATTERNS)})\b")


def sure(match: re.Match[str]) -> str:
    """`95%`, `significance 5%`, `alpha=0.05`: how sure."""
    text, word = match["value"], match["word"] or ""
    share = float(text.rstrip("%")) / (100 if float(text.rstrip("%")) >= 1 else 1)
    share = 1 - share if word.startswith(("sig", "alpha")) else share
    return f"{match['head']} with confidence {number(round(100 * share, 6))}%"


def verified(match: re.Match[str]) -> str:
    sure = f" with confidence {match['sure']}" if match["sure"] else ""
    return f"verify {match['what']} on {match['data']}{sure}"


def area(match: re.Match[str]) -> str:
    """An area under a curve: how often an example of class 1 is ahead of one of class 0."""
    models = model_names(match.string)
    data = re.search(r"^[ \t]*data[ \t]+(\w+)", match.string, re.MULTILINE)
    own = re.search(r"\bon[ \t]*=?[ \t]*(\w+)", match[0])
    f, on = (models or ("model",))[0], own[1] if own else data[1] if data else "data"
    return f"P[{f}(a.x) > {f}(b.x) | a.y == 1 and b.y == 0 for (a, b) in pairs({on})]"


def bits(match: re.Match[str]) -> str:
    levels = int(match[1])
    return f"grid(bits={max(1, (levels - 1).bit_length())})"


def without(match: re.Match[str]) -> str:
    name = match["name"]
    each = " and ".join(f"{name} != {part}" for part in split_arguments(match["gone"]))
    return f"{match['head']} {name} in {match['set']} where {each}"


def shares(match: re.Match[str]) -> str:
    parts = [float(part.strip(" %")) for part in re.split("[/:-]", match[1])]
    return f"split=[{', '.join(number(part / sum(parts)) for part in parts)}]"


def boxed(match: re.Match[str]) -> str:
    ends = split_arguments(match["ends"])
    if len(ends) % 2 or len(ends) < 4:
        return ""
    pairs = zip(ends[::2], ends[1::2], strict=True)
    return f"box({', '.join(f'[{low}, {high}]' for low, high in pairs)})"


def thousands(match: re.Match[str]) -> str:
    return f"{match[1].replace('.', '')}.{match[2]}"


def product_of(match: re.Match[str]) -> str:
    inner = match[2].strip()
    return f"{match[1]}({inner[1:-1] if inner.startswith('(') else inner})"


def dual(match: re.Match[str]) -> str:
    return f"using lagrangian(dual={match[1]}{match[2] or ''})" if match[1] in DUALS else ""


def optimizer(match: re.Match[str]) -> str:
    return f"fit(optimizer={match[1]}{match[2] or ''})" if match[1] in OPTIMIZERS else ""


def parts(match: re.Match[str]) -> str:
    of, by, again = match[1], match[2], match[3]
    return f"diff({of}, {', '.join([by] * (1 + len(again)))})"


def scheduled(match: re.Match[str]) -> str:
    """`schedule=cosine, warmup=50`: a setting of the schedule stands behind it."""
    inside = ", ".join(part for part in (match["in"], match["name"]) if part)
    return f"schedule={match['word']}({inside}){match['between'] or ''}"


def stops(match: re.Match[str]) -> str:
    rest = f"{match[1].rstrip(', ')}{', ' if match[3] and match[1][-1:] != '(' else ''}{match[3]}"
    fit = "" if rest.strip() == "fit(" else f"{rest.rstrip(', ')})\n"
    return f"{fit}stop when stalled(epochs={match[2]})"


def named(match: re.Match[str]) -> str:
    """`model = mlp(...)`: a name that the rest of the spec calls, else a usual one."""
    called = re.search(r"\b(net|model|f|g|h)\(", match.string[match.end() :])
    return f"model {called[1] if called else 'f'} = "


def labelled(match: re.Match[str]) -> str:
    """A word before a constraint, where it is no name of the language or of the spec."""
    word = match[2]
    taken = word in SIGNATURES or word in defined_names(match.string) or word == "forall"
    taken = taken or word.partition("_")[0] in (*SIGNATURES, "def", "function", "fn", "func")
    return "" if taken or word.upper() in ITEM_WORDS else f"{match[1]}{word}: "


def near(match: re.Match[str]) -> str:
    """`A within 5% of B`, `A == B +- 5%`: the distance is bounded."""
    left, right = match["left"].strip(), match["right"].strip()
    if re.fullmatch(_NUM, right):
        return ""
    return f"{match[1]}abs({left} - {right}) <= {match['by']}"


def each_weight(match: re.Match[str]) -> str:
    models = model_names(match.string)
    if len(models) != 1 or "forall" in match[0]:
        return ""
    return f"{match[1]}forall {match['word']} in {models[0]}.weights: {match[2]}"
