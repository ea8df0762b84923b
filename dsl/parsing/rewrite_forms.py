"""What a row of rewritten lines is made of: its pattern, and what a match becomes."""

import re
from collections.abc import Callable, Container, Iterable, Iterator
from fractions import Fraction
from typing import NamedTuple

from cspec.dsl.messages.synonyms import FAIRNESS
from cspec.dsl.messages.wording import closest, number, split_arguments
from cspec.dsl.mistakes.foreign.rows import Pattern
from cspec.dsl.settings.fit import OPTIMIZERS
from cspec.dsl.settings.methods import METHODS
from cspec.dsl.text.clauses import ITEM_WORDS
from cspec.dsl.text.defined_names import defined_names, model_names
from cspec.dsl.text.source import Span
from cspec.dsl.words.functions import SIGNATURES
from cspec.dsl.words.losses import LOSSES

Make = str | Callable[[re.Match[str]], str]


class Row(NamedTuple):
    """A form of a line: its `patterns` are searched in it, `make` is what is written there.

    With `codes`, only for findings of those. `{n}` in the message is a group of the pattern, and
    `{new}` what is written.
    """

    patterns: tuple[Pattern, ...]
    make: Make
    message: str
    codes: tuple[str, ...] = ()
    on: bool = False
    """Whether what is behind the line belongs to it."""


class Rewrite(NamedTuple):
    """A piece of the text, what is written in its place, and why."""

    span: Span
    new: str
    message: str


_WORD = r"[A-Za-z_]\w*"
_NUM = r"[-+]?(?:\d[\d_]*(?:\.\d+)?|\.\d+)(?:e[-+]?\d+)?%?"
_ROUND = r"\((?:[^()\n]|\([^()\n]*\))*\)"
_IN = rf"(?:[^()\[\]\n]|{_ROUND}|\[(?:[^()\[\]\n]|{_ROUND}|\[[^\[\]\n]*\])*\])"
"""A character, or a bracket with all that it holds."""
_RATE = r"[EP]\[(?:[^\[\]\n]|\[[^\[\]\n]*\])*\]"
HEAD = r"^([ \t]*(?:s\.t\.[ \t]*)?(?:\w+:(?!=)[ \t]*)?)"
SHAPED = r"WORD(?:\([^()\n]*\)|\[[^\[\]\n]*\])?"
"""A name that a line declares, with its axes or its sizes."""


def any_of(words: Iterable[str]) -> str:
    """A pattern of one of some words, the longest first."""
    return "|".join(sorted(words, key=len)[::-1])


def functions_of(*families: str) -> list[str]:
    """The names of the functions of some families."""
    return [name for name, signature in SIGNATURES.items() if signature.family in families]


SETS = "|".join(
    name for name in functions_of("set") if not any(p.required for p in SIGNATURES[name].parameters)
)
METHOD_WORDS = any_of(METHODS)
OPTIMIZER_WORDS = any_of(OPTIMIZERS)
SIZED = "rank|channels|sparse|nuclear|grid"
CALLED = any_of(n for n, s in SIGNATURES.items() if s.parameters and n not in LOSSES)
_OF_MODELS = "|".join(functions_of("model"))
BOUNDED = any_of((*functions_of("model", "weights"), "gap"))


def row(pattern: str | tuple[str, ...], make: Make, message: str = "", codes: str = "") -> Row:
    """A row of one pattern, or of several that are tried in turn, and of codes parted by blanks.

    `WORD`, `NUM`, `RATE`, `HEAD` (a label) and `IN` stand for their patterns, a blank for blanks or
    none, `~` for at least one.
    """
    written = (pattern,) if isinstance(pattern, str) else pattern
    shaped = [_NAMED.sub(lambda found: _PATTERNS[found[0]], one) for one in written]
    on = any(r"|\n)*" in one for one in shaped)
    return Row(tuple(map(Pattern, shaped)), make, message, tuple(codes.split()), on)


_PATTERNS = {"WORD": _WORD, "NUM": _NUM, "RATE": _RATE, "HEAD": HEAD, "IN": _IN}
_NAMED = re.compile(rf"\b(?:{'|'.join(_PATTERNS)})\b")


def put(pattern: str, new: str, text: str) -> str:
    """The text with `new` as it is, whatever marks it holds, in the place of every match."""
    return re.sub(pattern, lambda _: new, text)


def declared(text: str, words: str, name: str, rest: str = r"\b") -> re.Match[str] | None:
    """The line that defines a name by one of some words, up to a pattern behind it."""
    return re.search(rf"^[ \t]*(?:{words})[ \t]+{re.escape(name)}{rest}", text, re.MULTILINE)


def sizes_of(text: str, name: str) -> list[str]:
    """The sizes of a variable or a param as its line writes them."""
    line = declared(text, "var|param", name, r"[ \t]*\[([^\]\n]*)\]")
    return split_arguments(line[1]) if line else []


def occurs(name: str, text: str) -> bool:
    """Whether a name is a word of a text."""
    return re.search(rf"\b{re.escape(name)}\b", text) is not None


def where_known(names: Callable[[str], Container[str]], group: str, form: str) -> Make:
    """What a form makes of a match where a group of it is one of the names that a text has."""
    return lambda match: match.expand(form) if match[group] in names(match.string) else ""


def sure(match: re.Match[str]) -> str:
    """`95%`, `significance 5%`, `alpha=0.05`: how sure."""
    text, word = match["value"], match["word"] or ""
    share = float(text.rstrip("%")) / (100 if float(text.rstrip("%")) >= 1 else 1)
    share = 1 - share if word.startswith(("sig", "alpha", "delta")) else share
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


def without(match: re.Match[str]) -> str:
    name, gone = match["name"], match["gone"] or match["bare"]
    each = " and ".join(f"{name} != {part}" for part in split_arguments(gone))
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


def scheduled(match: re.Match[str]) -> str:
    """`schedule=cosine, warmup=50`: a setting of the schedule, or optimizer, stands behind it."""
    inside = ", ".join(part for part in (match["in"], match["name"]) if part)
    return f"{match['of']}={match['word']}({inside}){match['between'] or ''}"


def stops(match: re.Match[str]) -> str:
    rest = f"{match[1].rstrip(', ')}{', ' if match[3] and match[1][-1:] != '(' else ''}{match[3]}"
    fit = "" if rest.strip() == "fit(" else f"{rest.rstrip(', ')})\n"
    return f"{fit}stop when stalled(epochs={match[2]})"


def stalled(match: re.Match[str]) -> str:
    """`stop after 5 epochs without improvement`, `early_stopping(patience=5)`."""
    unit = "steps" if re.search(r"\b(?:steps?|iterations?)\b", match[0]) else "epochs"
    return f"stop when stalled({unit}={match['n'] or match['m']})"


def named(match: re.Match[str]) -> str:
    """`model = mlp(...)`: a name that the rest of the spec calls, else a usual one."""
    rest = match.string[match.end() :]
    taken = {*defined_names(match.string), *SIGNATURES}
    used = (name for found in _OF_A_MODEL.finditer(rest) if (name := found[1] or found[2]))
    return f"{match[1]}model {next((name for name in used if name not in taken), 'f')} = "


_OF_A_MODEL = re.compile(
    rf"\b(?:{_OF_MODELS})\([ \t]*([A-Za-z_]\w*)[ \t]*\)"
    r"|(?<![\w.])([A-Za-z_]\w*)(?:\([ \t]*x\b|\.(?:weights|params)\b)"
)


def named_data(match: re.Match[str]) -> str:
    """`data = digits()`: the name behind the rest's first `on`, else a usual one."""
    used = re.search(r"\bon[ \t]+([A-Za-z_]\w*)", match.string[match.end() :])
    return f"data {used[1] if used else 'train'}(x, y) = "


def labelled(match: re.Match[str]) -> str:
    """A word before a constraint, where it is no name of the language or of the spec."""
    word = match[2]
    taken = word in SIGNATURES or word in defined_names(match.string) or word == "forall"
    taken = taken or word.partition("_")[0] in (*SIGNATURES, "def", "function", "fn", "func")
    taken = taken or closest(word, [item.lower() for item in ITEM_WORDS]) is not None
    return "" if taken else f"{match[1]}{word}: "


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


def radians(match: re.Match[str]) -> str:
    """`90 deg` is `pi/2`."""
    turn = Fraction(match[1]) / 180
    head = {0: "0", 1: "pi"}.get(turn.numerator, f"{turn.numerator}*pi")
    return head if turn.denominator == 1 or not turn else f"{head}/{turn.denominator}"


def bound(match: re.Match[str]) -> str:
    """`r in values(race): ... race == h`: the name of the quantifier, where nothing uses it."""
    used = match[4] in defined_names(match.string) or occurs(match[1], match[3])
    return "" if used else f"{match[1]} in values({match[2]}){match[3]}{match[1]}"


_COUNTS = {
    **dict.fromkeys(("other", "second", "two", "2nd"), "2"),
    **dict.fromkeys(("third", "three", "3rd"), "3"),
    **dict.fromkeys(("fourth", "four", "4th"), "4"),
    **dict.fromkeys(("fifth", "five", "5th"), "5"),
    **dict.fromkeys(("tenth", "ten", "10th"), "10"),
}


def every(match: re.Match[str]) -> str:
    """`every second epoch`, `each 5 epochs`, `per epoch`."""
    word = match[1] or "1"
    count = _COUNTS.get(word, word)
    if not count.isdigit():
        return ""
    return f"every {match[2]}" if count == "1" else f"every {count} {match[2]}s"


def domains(text: str) -> Iterator[tuple[str, list[str], list[str]]]:
    """Each domain of a text: its name, its axes and their intervals as far as they are written."""
    line = re.compile(r"^[ \t]*domain[ \t]+(\w+)\(([^()\n]*)\)[ \t]*=[ \t]*(?:box\((.*)\))?", re.M)
    for domain in line.finditer(text):
        ends = [end.strip() for end in re.findall(r"\[([^\[\]]*)\]", domain[3] or "")]
        yield domain[1], split_arguments(domain[2]), ends


def _first_domain(text: str) -> tuple[str, list[str], list[str]]:
    return next(domains(text), ("", [], []))


_AXIS = re.compile(r"(\w+)[ \t]*(?:=|:|\bin\b|∈)[ \t]*(\[[^\[\]\n]*\])")


def axes_in_place(match: re.Match[str]) -> str:
    """`domain q(t in [0, 1], x in [-1, 1])`."""
    axes = _AXIS.findall(match[2])
    names, ends = (", ".join(parts) for parts in zip(*axes, strict=True))
    return f"{match[1]}({names}) = box({ends})"


def by_axis(match: re.Match[str]) -> str:
    """`box(x=[-1, 1], t=[0, 1])`, in the order of the axes of its domain."""
    ends = dict(_AXIS.findall(match[1]))
    line = match.string[match.string.rfind("\n", 0, match.start()) + 1 : match.start()]
    names = _first_domain(line)[1]
    return f"box({', '.join(ends[name] for name in names)})" if set(names) == set(ends) else ""


def everywhere(match: re.Match[str]) -> str:
    """`diff(u, t) == diff(u, x, x)`: at points of the domain."""
    name, axes, _ = _first_domain(match.string)
    names = f"({', '.join(axes)})" if len(axes) > 1 else "".join(axes)
    used = any(occurs(axis, match[2]) for axis in axes)
    return f"{match[1]}forall {names} in {name}.sample(100): {match[2]}" if used else ""


def verified_but(match: re.Match[str]) -> str:
    names = re.findall(r"^[ \t]*(?:s\.t\.[ \t]*)?(\w+):(?!=)", match.string, re.MULTILINE)
    kept = [name for name in names if name != match[1]]
    return f"verify {', '.join(kept)}{match[2]}" if kept else ""


def turned_round(match: re.Match[str]) -> str:
    """`diff(t, u)`, `diff(x, u, u)`, wherever a model stands behind what is derived by."""
    models = model_names(match.string)

    def turned(call: re.Match[str]) -> str:
        names = split_arguments(call[1])
        of, by = [n for n in names if n in models], [n for n in names if n not in models]
        if names[0] in models or len({*of}) != 1 or len({*by}) != 1:
            return call[0]
        return f"diff({of[0]}, {', '.join(by * (len(names) - 1) if len(by) == 1 else by)})"

    return re.sub(r"\bdiff\(([\w \t]+(?:,[\w \t]+)+)\)", turned, match[0])


def columns_of(text: str) -> tuple[str, ...]:
    """The columns of the first dataset of a text."""
    found = re.search(r"^[ \t]*data[ \t]+\w+\(([^()\n]*)\)", text, re.MULTILINE)
    parts = found[1].split(",") if found else ("x", "y")
    return tuple(part.split()[-1] for part in parts if part.strip())


def untupled(match: re.Match[str]) -> str:
    """`((x1, y1), (x2, y2)) in pairs(train)`: two names, and their columns."""
    found = re.search(r"\([ \t]*\(([^()]*)\)[ \t]*,[ \t]*\(([^()]*)\)[ \t]*\)", match[0])
    if found is None:
        return ""
    line = f"{match[0][: found.start()]}(a, b){match[0][found.end() :]}"
    for name, group in zip("ab", found.groups(), strict=True):
        for part, column in zip(split_arguments(group), columns_of(match.string), strict=False):
            line = re.sub(rf"(?<![\w.]){re.escape(part)}\b", f"{name}.{column}", line)
    return line


def by_place(match: re.Match[str]) -> str:
    """`a[0]` of a pair is its first column."""
    names = re.search(r"\([ \t]*(\w+)[ \t]*,[ \t]*(\w+)[ \t]*\)[ \t]+in[ \t]+pairs", match[0])
    columns = columns_of(match.string)
    if names is None:
        return ""

    def column(part: re.Match[str]) -> str:
        place = int(part[2])
        return f"{part[1]}.{columns[place]}" if place < len(columns) else part[0]

    return re.sub(
        rf"\b({re.escape(names[1])}|{re.escape(names[2])})\[[ \t]*(\d)[ \t]*\]", column, match[0]
    )


def dashed(match: re.Match[str]) -> str:
    word = re.sub(r"[-. ]+", "_", match[2]).lower()
    known = word if word in METHODS else "" if " " in match[2] else closest(word, METHODS)
    return f"{match[1]} {known}{match[3] or ''}" if known else ""


def parity(match: re.Match[str]) -> str:
    """`DemographicParity(difference_bound=0.05)` of fairlearn, of the third column."""
    word = re.sub(r"(?<!^)(?=[A-Z])", "_", match[2]).lower()
    word = {"true_positive_rate_parity": "equal_opportunity"}.get(word, word)
    columns = columns_of(match.string)
    if word not in FAIRNESS or len(columns) < 3:
        return ""
    relation = ">=" if "ratio(" in FAIRNESS[word] else "<="
    return f"{match[1]}{FAIRNESS[word].format(g=columns[2])} {relation} {match[3]}"


def from_to(first: int, last: int, step: int) -> str:
    """The numbers from the first to the last, as a set."""
    if step < 1 or not 0 <= last - first <= 20 * step:
        return ""
    if first == 0 and step == 1:
        return f"in range({last + 1})"
    return "in {" + ", ".join(map(str, range(first, last + 1, step))) + "}"


def primed(match: re.Match[str]) -> str:
    """`x'` is another name, wherever it stands on the line."""
    name = match["name"]
    new = "z" if name == "x" and not re.search(r"\bz\b", match.string) else f"{name}_new"
    return put(rf"\b{re.escape(name)}['′]", new, match[0])


def boundary(match: re.Match[str]) -> str:
    """`forall (t, x) in q.boundary(100): C`: points of each face of the box."""
    _, axes, ends = _first_domain(match.string)
    if len(axes) != 2 or len(ends) != 2:
        return ""
    count = max(1, int(match[2]) // 4)
    faces = []
    for axis, here, other, there in zip(axes, ends, axes[::-1], ends[::-1], strict=True):
        for end in split_arguments(here):
            held = put(rf"(?<![\w.]){re.escape(axis)}\b", end, match[3])
            faces.append(f"forall {other} in uniform({there}).sample({count}): {held}")
    return match[1] + "; ".join(faces)


COPIED = (
    "deepcopy|copy|clone|freeze|frozen|detach|stop_gradient|stop_grad|no_grad|eval|snapshot"
    "|requires_grad_"
)
"""What other libraries call a copy of a model that is not trained."""
COPY = rf"(?:(?:WORD\.)*(?:{COPIED})\( (?P<a>WORD) \)|(?P<b>WORD)\.(?:{COPIED})(?:\( \))?)"


def copy_of(match: re.Match[str]) -> str:
    """`model ref = net.detach()`: of a model of the spec."""
    of = match["a"] or match["b"]
    return f"{match[1]}frozen({of})" if of in model_names(match.string) else ""


def implied_product(match: re.Match[str]) -> str:
    """`2 sin pi x`: `2*sin(pi*x)`."""
    factors = [part for part in re.split(r"[ \t*]+", match["in"]) if part]
    by = f"{match['by']}*" if match["by"] else ""
    return f"{by}{match['of']}({'*'.join(factors)})"


def shared(match: re.Match[str]) -> str:
    """`var a, b in [0, 1]`, `model u(t), v(t) = mlp`: what is said of the last is said of each."""
    names = split_arguments(match["names"])
    rest = match["rest"] or ""
    if len(split_arguments(rest)) > 1:
        return ""
    return "\n".join(f"{match['word']} {name}{rest}" for name in names)
