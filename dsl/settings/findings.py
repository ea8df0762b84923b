"""What is wrong with settings, in the words of the language, and what to write instead."""

import math
import re
import types
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from cspec.dsl.messages.diagnostic import Diagnostic, Fix, edit, finding, replacing
from cspec.dsl.messages.synonyms import FORMATS
from cspec.dsl.messages.wording import closest, counted, listing, number, quoted
from cspec.dsl.settings.base import Settings
from cspec.dsl.text.source import Source, Span
from cspec.dsl.tree.nodes import Expr, Keyword, Name, Number, String, Vector

Table = Mapping[str, type[Settings]]


def options_of(wanted: Any) -> tuple[Any, ...]:
    """The members of a union, without their constraints; a plain annotation is a union of one."""
    if get_origin(wanted) is Annotated:
        return options_of(get_args(wanted)[0])
    if get_origin(wanted) in (Union, types.UnionType):
        return tuple(plain for member in get_args(wanted) for plain in options_of(member))
    return (wanted,)


def options_in(cls: type[Settings], name: str) -> tuple[Any, ...]:
    """What a setting of a record may be."""
    return options_of(cls.model_fields[name].annotation)


def item_of(options: tuple[Any, ...]) -> Any:
    """What the items of a list may be, where one of the options is a list; else None."""
    return next((get_args(option)[0] for option in options if get_origin(option) is tuple), None)


def a(noun: str) -> str:
    """The noun with its article."""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def wrong_type(
    cls: type[Settings], name: str, expr: Expr, wanted: str, source: Source
) -> Diagnostic:
    """A value of another kind; what to type instead where the text tells."""
    meant = _meant(cls, name, expr, source)
    said = f"`{name}` of `{cls.word}` takes {wanted}, not {quoted(source, expr.span)}"
    help_ = f"write `{name}={meant}`" if meant else _usual(cls, name, wanted)
    help_ += ", or leave it out" if meant == "none" else ""
    told = {"notes": _about(cls, name), "fixes": replacing(expr.span, meant)}
    return finding("CS503", said, expr.span, "does not fit", helps=(help_,), **told)


def _usual(cls: type[Settings], name: str, wanted: str) -> str:
    """A value that fits: the default, where it is one that can be written."""
    default = cls.model_fields[name].default
    if isinstance(default, str) and default.isidentifier():
        return f"write {wanted}, for example `{name}={default}`"
    if isinstance(default, int | float) and not isinstance(default, bool):
        return f"write {wanted}, for example `{name}={number(default)}`"
    said = re.search(r"default:? ([\d.]+)\b", cls.model_fields[name].description or "")
    if said and wanted.startswith(("a number", "a whole number")):
        return f"write {wanted}, for example `{name}={said[1]}`"
    return f"write `{name}=...` with {wanted}"


_NOTHING = frozenset({"null", "none", "nil", "na", "nan", "undefined", "missing"})
"""Words of other languages for a value that is not there."""
_TEXT = re.compile(r"[\w./:*?-]+")
_NUMBERS = re.compile(r"[\[(]?[\d., e+-]+[\])]?")
_QUANTITY = re.compile(r"[-+]?\d[\d_]*(\.\d+)?(e[-+]?\d+)?%?")


def _meant(cls: type[Settings], name: str, expr: Expr, source: Source) -> str | None:
    """What a value of another kind would be if it were written as the setting takes it."""
    options = options_in(cls, name)
    text = source.slice(expr.span)
    if name == "split" and isinstance(expr, Number) and 0 < expr.value < 1:
        percent = text.endswith("%")
        rest = f"{number(100 - 100 * expr.value)}%" if percent else number(1 - expr.value)
        return f"[{text}, {rest}]"
    if bool in options and isinstance(expr, Number) and expr.value in (0, 1):
        return "true" if expr.value else "false"
    shares = re.findall(r"\d+(?:\.\d+)?", expr.value) if isinstance(expr, String) else []
    if name == "split" and len(shares) > 1:
        total = sum(map(float, shares))
        return f"[{', '.join(number(float(share) / total) for share in shares)}]"
    if isinstance(expr, String) and _NUMBERS.fullmatch(expr.value) and "," in expr.value:
        return f"[{expr.value.strip('[]() ')}]" if item_of(options) is not None else None
    if isinstance(expr, Name) and expr.id.lower() in _NOTHING:
        return "none" if type(None) in options else None
    if (listed := item_of(options)) is not None:
        inside = source.text[: expr.span.start].rstrip().endswith(("[", ","))
        takes = options_of(listed)
        fits = {int, float} & set(takes) if isinstance(expr, Number) else str in takes
        plain = isinstance(expr, Number | Name | String) and fits and not inside
        return f"[{text}]" if plain else None
    if str in options and not isinstance(expr, String) and _TEXT.fullmatch(text):
        return f'"{text}"'
    if isinstance(expr, String) and {int, float} & set(options):
        return expr.value if _QUANTITY.fullmatch(expr.value) else None
    return None


def _about(cls: type[Settings], name: str) -> tuple[str, ...]:
    field = cls.model_fields.get(name)
    description = field.description if field else None
    return (f"`{name}`: {description}",) if description else ()


def not_taken(
    expr: Expr,
    options: tuple[Any, ...],
    words: list[str],
    cls: type[Settings],
    name: str,
    source: Source,
) -> Diagnostic:
    """A value that is none of the words, numbers or texts that a setting takes."""
    found = wrong_type(cls, name, expr, _described(options, words), source)
    guess = closest(expr.id, words) if isinstance(expr, Name) else None
    said = source.slice(expr.span).rpartition(".")[2].strip("\"'").lower()
    plain = {_MARKS.sub("", word.lower()): word for word in words}
    guess = guess or plain.get(_MARKS.sub("", said))
    if set(FORMATS.values()) <= {*words}:
        guess = guess or FORMATS.get(said) or closest(said, words)
    if guess is None:
        return found
    update = {"helps": (f"did you mean `{guess}`?",), "fixes": replacing(expr.span, guess)}
    return found.model_copy(update=update)


_MARKS = re.compile(r"[-_\s]")
"""What other tools put between the parts of a word, or leave out: `hard-concrete`."""


def _described(options: tuple[Any, ...], words: list[str]) -> str:
    """What an annotation takes, in words."""
    parts: list[str] = []
    if float in options:
        parts.append("a number")
    elif int in options:
        parts.append("a whole number")
    if str in options and bool not in options:
        parts.append("a text in quotes")
    if (inner := item_of(options)) is not None:
        parts.append(f"a list in brackets, each {_described(options_of(inner), [])}")
    if any(get_origin(o) is dict for o in options):
        parts.append("`sizes(...)`")
    literals = (v for o in options if get_origin(o) is Literal for v in get_args(o))
    numbers = (str(v) for v in literals if isinstance(v, int))
    parts.extend(f"`{word}`" for word in (*numbers, *words))
    if len(parts) < 2:
        return "".join(parts) or "a value"
    return f"{', '.join(parts[:-1])} or {parts[-1]}"


def list_of(cls: type[Settings], positional: tuple[str, ...], arguments: tuple[Expr, ...]) -> str:
    """The one list that several numbers without brackets are: `mlp(64, 64)`; else nothing."""
    if len(positional) != 1 or len(arguments) < 2:
        return ""
    numbers = all(isinstance(item, Number) for item in arguments)
    listed = item_of(options_in(cls, positional[0])) is not None
    return positional[0] if numbers and listed else ""


def no_list(
    cls: type[Settings], name: str, arguments: tuple[Expr, ...], source: Source
) -> Diagnostic:
    """Numbers without the brackets of their list."""
    span = Span(arguments[0].span.start, arguments[-1].span.end)
    meant = f"[{source.slice(span)}]"
    said = f"`{name}` of `{cls.word}` is one list"
    label = "brackets are missing"
    help_ = f"write `{cls.word}({meant})`"
    fixes = replacing(span, meant)
    return finding("CS503", said, span, label, notes=_about(cls, name), helps=(help_,), fixes=fixes)


def already_named(cls: type[Settings], argument: Expr, name: str, source: Source) -> Diagnostic:
    """`mlp(x, hidden=[64])`: a value for a setting that is given by its name."""
    text = source.slice(argument.span)
    end = argument.span.end
    rest = source.text[end:]
    comma = len(rest) - len(rest.lstrip(" \t\n,"))
    said = f"`{name}` of `{cls.word}` is given twice: by `{text}`, and by its name"
    label = f"stands for `{name}=`"
    fixes = edit(Span(argument.span.start, end + comma), "", f"remove {text}")
    return finding("CS505", said, argument.span, label, helps=(f"remove `{text}`",), fixes=fixes)


def twice(
    cls: type[Settings], keyword: Keyword, first: Keyword | None, source: Source
) -> Diagnostic:
    """A setting that is given again."""
    said = f"`{keyword.name}` of `{cls.word}` is given twice"
    help_ = "remove one of the two"
    fixes = _one_of_two(keyword, first, source)
    return finding("CS505", said, keyword.span, "given again here", helps=(help_,), fixes=fixes)


def _one_of_two(keyword: Keyword, first: Keyword | None, source: Source) -> tuple[Fix, ...]:
    """Two readings: what stands first, or what stands last."""
    if first is None:
        return ()
    text = source.text
    comma = text.rfind(",", 0, keyword.span.start)
    later = text.find(",", first.span.end)
    if comma < first.span.end - 1 or later < 0:
        return ()
    end = later + 1 + len(text[later + 1 :]) - len(text[later + 1 :].lstrip())
    later_one, first_one = Span(comma, keyword.span.end), Span(first.span.start, end)
    return edit(later_one, "", "keep the first") + edit(first_one, "", "keep the last")


def no_name(
    cls: type[Settings], argument: Expr, source: Source, given: frozenset[str] = frozenset()
) -> Diagnostic:
    """A value without the name of its setting; `given` are those that have a value."""
    known = tuple(cls.model_fields)
    text = source.slice(argument.span)
    free = [n for n in known if n not in given]
    counted = isinstance(argument, Number)
    fitting = [n for n in free if not counted or {int, float} & {*options_in(cls, n)}]
    bare = getattr(cls, "bare", "")
    if not fitting or (bare and counted):
        code, what = ("CS506", "value without a name") if known else ("CS502", "settings")
        said, label = f"`{cls.word}` takes no {what}", "nothing goes here"
        help_ = f"remove it, or give the setting's name: {listing(known)}"
        helps, notes = (help_ if known else f"write `{cls.word}`",), (bare,) if bare else ()
        return finding(code, said, argument.span, label, notes=notes, helps=helps)
    setting = f"{fitting[0]}={text}"
    fixes = edit(argument.span, setting, f"set {fitting[0]}")
    said, label = f"settings of `{cls.word}` are given by name", "which setting is this?"
    told = {"notes": (f"`{cls.word}` takes {listing(known, 'and')}",), "fixes": fixes}
    return finding("CS506", said, argument.span, label, helps=(f"write `{setting}`",), **told)


_SAMPLES = {"target": '"y"', "path": '"data.csv"', "share": "10%"}
"""What a setting that is needed may be, where any text or number is right."""


def _sample(cls: type[Settings], name: str) -> str:
    """What a setting that is needed may be, for example."""
    whole = name in cls.model_fields and cls.model_fields[name].annotation is int
    return _SAMPLES.get(name, "8" if whole else "...")


_RANGES = {
    "greater_than": ("gt", "above"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "below"),
    "less_than_equal": ("le", "at most"),
}
_OF = {"greater_than_equal": "of ", "less_than_equal": "of "}


def invalid(
    cls: type[Settings], problem: Any, value: Expr | None, record: Span, source: Source
) -> Diagnostic:
    """A pydantic finding about one setting (or, without `value`, about the record)."""
    place = problem["loc"]
    name = str(place[0]) if place else ""
    kind = problem["type"]
    if not name:
        said = f"`{cls.word}`: {problem['ctx']['error']}"
        label = "these settings together"
        return finding("CS503", said, record, label, helps=("change one of them",))
    if value is None:
        said, new = f"`{cls.word}` needs `{name}`", f"{name}={_sample(cls, name)}"
        told = {"notes": _about(cls, name), "fixes": _put_in(new, record, source)}
        label = f"`{name}` is missing"
        return finding("CS507", said, record, label, helps=(f"add `{new}`",), **told)
    if isinstance(value, Vector) and (len(place) == 1 or kind in ("missing", "too_long")):
        size = _length(cls, name)
        if size is not None and size != len(value.items):
            return wrong_type(cls, name, value, counted(size, "number") + " in brackets", source)
    item = value
    if isinstance(value, Vector) and len(place) > 1 and isinstance(place[1], int):
        item = value.items[place[1]]
    given = problem.get("input")
    shown = number(given) if isinstance(given, int | float) else quoted(source, item.span)
    if kind in _RANGES:
        key, word = _RANGES[kind]
        wanted = f"{word} {number(problem['ctx'][key])}"
    elif kind in ("int_from_float", "int_type"):
        wanted = "a whole number"
    else:
        described = _described(options_in(cls, name), [])
        return wrong_type(cls, name, item, described, source)
    near = _of_the_run(cls, name, given, source) or _nearest(name, given, wanted)
    chosen = wanted if wanted.startswith("a ") else f"a number {_OF.get(kind, '')}{wanted}"
    each = f"each of `{name}`" if item is not value else f"`{name}`"
    said = f"{each} of `{cls.word}` must be {wanted}, not {shown}"
    fixes = replacing(item.span, near.partition("=")[2].partition("`")[0])
    told = {"notes": _about(cls, name), "helps": (near or f"choose {chosen}",), "fixes": fixes}
    return finding("CS504", said, item.span, "out of range", **told)


def _put_in(setting: str, record: Span, source: Source) -> tuple[Fix, ...]:
    """A setting that is missing, behind the others."""
    text = source.slice(record)
    if "..." in setting or not text.endswith(")"):
        return ()
    new = setting if text[:-1].rstrip().endswith("(") else f", {setting}"
    return edit(Span(record.end - 1, record.end - 1), new, f"add {setting}")


_LENGTH = re.compile(r"\b(epochs|steps)[ \t]*=[ \t]*(\d[\d_]*)(k?)\b")


def _of_the_run(cls: type[Settings], name: str, given: object, source: Source) -> str:
    """`ramp=0.5` for 20 where a run has 40 epochs: a share of the run, no count."""
    share = (cls.model_fields[name].description or "").startswith("share of the run")
    fit = re.search(r"^[ \t]*fit\([^#\n]*", source.text, re.MULTILINE)
    length = _LENGTH.search(fit[0]) if fit else None
    if not share or length is None or not isinstance(given, int | float):
        return ""
    whole = float(length[2]) * (1000 if length[3] else 1)
    if not 1 <= given < whole:
        return ""
    part = f"{number(given)} of its {number(whole)} {length[1]}"
    return f"write `{name}={number(given / whole)}`: a share of the run, {part}"


def _nearest(name: str, given: object, wanted: str) -> str:
    """`epochs=2` for 1.5, the whole number that is not below; `30%` for 30, where 1 is the most."""
    if wanted in ("below 1", "at most 1") and isinstance(given, int | float) and 1 < given <= 100:
        return f"did you mean `{name}={number(given)}%`?"
    above = wanted in ("above 0", "at least 0", "at least 1")
    if above and isinstance(given, int | float) and given < 0:
        return f"did you mean `{name}={number(-given)}`?"
    if wanted != "a whole number" or not isinstance(given, float) or not 0 < given < 1e6:
        return ""
    return f"write a whole number: `{name}={math.ceil(given)}`"


def _length(cls: type[Settings], name: str) -> int | None:
    """How many items a list of fixed length has."""
    for option in options_in(cls, name):
        if get_origin(option) is tuple and Ellipsis not in get_args(option):
            return len(get_args(option))
    return None
