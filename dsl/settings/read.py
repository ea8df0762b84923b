"""From the text of settings to a settings record.

adam(lr=1e-3, params="geneo*")  ->  AdamOptimizer(lr=0.001, params="geneo*")
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin

from pydantic import ValidationError

from cspec.dsl.constants import NotFiniteError, Values, constant
from cspec.dsl.diagnostics import Diagnostic, Fix
from cspec.dsl.nodes import Call, Expr, Keyword, Name, Number, String, Vector
from cspec.dsl.settings.base import Every, Settings
from cspec.dsl.settings.fit import OPTIMIZERS, SCHEDULES, Optimizer, Schedule
from cspec.dsl.source import Source, Span
from cspec.dsl.wording import closest, listing, number, quoted

Table = Mapping[str, type[Settings]]

_TABLES: dict[type[Settings], Table] = {Optimizer: OPTIMIZERS, Schedule: SCHEDULES}
_NOUNS: dict[type[Settings], str] = {Optimizer: "optimizer", Schedule: "schedule"}


class WrongValueError(Exception):
    """A value that does not fit; carries the finding (None: it is among the findings already)."""

    def __init__(self, found: Diagnostic | None) -> None:
        self.found = found
        super().__init__(found.message if found else "")


class Reading(NamedTuple):
    """What reading needs besides the tree."""

    values: Values
    source: Source
    found: list[Diagnostic]


def read_settings(
    expr: Expr,
    table: Table,
    values: Values | None = None,
    noun: str = "method",
    source: Source | None = None,
) -> tuple[Settings | None, tuple[Diagnostic, ...]]:
    """The settings record that `expr` (a word or a call) writes, or what is wrong with it."""
    reading = Reading(values or {}, source or Source(text=""), [])
    settings = _record(expr, table, noun, reading)
    return settings, tuple(reading.found)


def read_keywords(
    keywords: tuple[Keyword, ...],
    cls: type[Settings],
    span: Span,
    values: Values | None = None,
    source: Source | None = None,
) -> tuple[Settings | None, tuple[Diagnostic, ...]]:
    """The settings record that bare `name=value` pairs write: `fit(...)`, `soft(...)`."""
    reading = Reading(values or {}, source or Source(text=""), [])
    settings = _filled(cls, (), keywords, span, reading)
    return settings, tuple(reading.found)


def _record(expr: Expr, table: Table, noun: str, reading: Reading) -> Settings | None:
    match expr:
        case Name(id=word):
            arguments: tuple[Expr, ...] = ()
            keywords: tuple[Keyword, ...] = ()
        case Call(function=Name(id=word), arguments=arguments, keywords=keywords):
            pass
        case _:
            reading.found.append(
                Diagnostic(
                    code="CS503",
                    message=f"{quoted(reading.source, expr.span)} is no {noun}",
                    span=expr.span,
                    label=f"the name of {_a(noun)} goes here",
                    helps=(f"one of {listing(table)}",),
                )
            )
            return None
    cls = table.get(word)
    if cls is None:
        head = expr.function.span if isinstance(expr, Call) else expr.span
        reading.found.append(_unknown_word(word, head, table, noun))
        return None
    return _filled(cls, arguments, keywords, expr.span, reading)


def _a(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def _unknown_word(word: str, span: Span, table: Table, noun: str) -> Diagnostic:
    guess = closest(word, table)
    fixes = (Fix(span=span, replacement=guess, title=f"write {guess}"),) if guess else ()
    plural = f"{noun}s" if noun[-1] != "y" else f"{noun[:-1]}ies"
    return Diagnostic(
        code="CS501",
        message=f"unknown {noun} `{word}`",
        span=span,
        label=f"no {noun} of this name",
        notes=(f"{plural}: {', '.join(table)}",),
        helps=(f"did you mean `{guess}`?",) if guess else (f"one of {listing(table)}",),
        fixes=fixes,
    )


def _filled(
    cls: type[Settings],
    arguments: tuple[Expr, ...],
    keywords: tuple[Keyword, ...],
    span: Span,
    reading: Reading,
) -> Settings | None:
    """A record of `cls` from arguments and keywords; every wrong one is a finding."""
    before = len(reading.found)
    spans: dict[str, Span] = {}
    raw: dict[str, Any] = {}
    positional = getattr(cls, "positional", ())
    for index, argument in enumerate(arguments):
        if index >= len(positional):
            reading.found.append(_no_name(cls, argument, reading.source))
            continue
        _put(cls, positional[index], argument, argument.span, raw, spans, reading)
    for keyword in keywords:
        if keyword.name not in cls.model_fields:
            reading.found.append(_unknown_setting(cls, keyword))
        elif keyword.name in spans:
            reading.found.append(_twice(cls, keyword))
        else:
            _put(cls, keyword.name, keyword.value, keyword.span, raw, spans, reading)
    try:
        return cls(**raw)
    except ValidationError as error:
        for problem in error.errors():
            name = str(problem["loc"][0]) if problem["loc"] else ""
            if name in spans and name not in raw:
                continue
            if problem["type"] == "missing" and name in spans:
                continue
            reading.found.append(_invalid(cls, name, problem, spans.get(name, span), reading))
            spans[name] = spans.get(name, span)
            raw.pop(name, None)
        if len(reading.found) == before:
            raise
        return None


def _put(
    cls: type[Settings],
    name: str,
    value: Expr,
    span: Span,
    raw: dict[str, Any],
    spans: dict[str, Span],
    reading: Reading,
) -> None:
    spans[name] = value.span
    try:
        raw[name] = _value(value, cls.model_fields[name].annotation, cls, name, reading)
    except WrongValueError as wrong:
        if wrong.found is not None:
            reading.found.append(wrong.found)


# --- values ---


def _value(expr: Expr, wanted: Any, cls: type[Settings], name: str, reading: Reading) -> Any:
    """The Python value of a setting, as far as its annotation asks."""
    options = _options(wanted)
    records = [o for o in options if isinstance(o, type) and issubclass(o, Settings)]
    if records:
        return _nested(expr, records, reading)
    sequence = next((o for o in options if get_origin(o) is tuple), None)
    if Every in options:
        return _every(expr, cls, name, reading)
    if sequence is not None and isinstance(expr, Vector):
        inner = get_args(sequence)[0]
        return tuple(_value(item, inner, cls, name, reading) for item in expr.items)
    if sequence is not None and _is_records(sequence):
        return (_value(expr, get_args(sequence)[0], cls, name, reading),)
    if any(get_origin(o) is dict for o in options):
        sizes = _sizes(expr, cls, name, reading)
        if sizes is not None:
            return sizes
    return _plain(expr, options, cls, name, reading)


def _is_records(sequence: Any) -> bool:
    inner = get_args(sequence)[0]
    return isinstance(inner, type) and issubclass(inner, Settings)


def _options(wanted: Any) -> tuple[Any, ...]:
    """The members of a union; a plain annotation is a union of one."""
    if get_origin(wanted) in (Union, types.UnionType):
        return get_args(wanted)
    return (wanted,)


def _nested(expr: Expr, records: list[type[Settings]], reading: Reading) -> Settings:
    table = _TABLES.get(records[0]) or {record.word: record for record in records}
    noun = _NOUNS.get(records[0], "dual optimizer")
    settings = _record(expr, table, noun, reading)
    if settings is None:
        raise WrongValueError(None)
    return settings


def _every(expr: Expr, cls: type[Settings], name: str, reading: Reading) -> Every:
    match expr:
        case Name(id="step" | "steps"):
            return Every(1, "step")
        case Name(id="epoch" | "epochs"):
            return Every(1, "epoch")
        case Call(function=Name(id=unit), arguments=(count,), keywords=()) if unit in (
            "epochs",
            "steps",
            "epoch",
            "step",
        ):
            number_of = _count(count, cls, name, reading)
            return Every(number_of, "epoch" if unit.startswith("epoch") else "step")
        case _:
            return Every(_count(expr, cls, name, reading), "step")


def _count(expr: Expr, cls: type[Settings], name: str, reading: Reading) -> int:
    value = _number(expr, reading)
    if value is None or value < 1 or value != int(value):
        wanted = "a number of steps (`every=10`), `epoch`, or `epochs(5)`"
        raise WrongValueError(_wrong_type(cls, name, expr, wanted, reading.source))
    return int(value)


def _sizes(
    expr: Expr, cls: type[Settings], name: str, reading: Reading
) -> dict[str, int | str] | None:
    if not (isinstance(expr, Call) and isinstance(expr.function, Name)):
        return None
    if expr.function.id != "sizes" or expr.arguments or not expr.keywords:
        raise WrongValueError(
            _wrong_type(cls, name, expr, "`sizes(train=64, ...)`", reading.source)
        )
    sizes: dict[str, int | str] = {}
    for keyword in expr.keywords:
        if isinstance(keyword.value, Name) and keyword.value.id == "full":
            sizes[keyword.name] = "full"
        else:
            value = _number(keyword.value, reading)
            if value is None or value < 1 or value != int(value):
                wanted = "a number of examples, or `full`"
                raise WrongValueError(_wrong_type(cls, name, keyword.value, wanted, reading.source))
            sizes[keyword.name] = int(value)
    return sizes


def _number(expr: Expr, reading: Reading) -> float | None:
    try:
        return constant(expr, reading.values)
    except NotFiniteError as problem:
        raise WrongValueError(
            Diagnostic(
                code="CS316",
                message=f"{quoted(reading.source, expr.span)} {problem}",
                span=expr.span,
                label="can't be computed",
                helps=("write the number that is meant",),
            )
        ) from problem


def _plain(
    expr: Expr, options: tuple[Any, ...], cls: type[Settings], name: str, reading: Reading
) -> Any:
    literals = [v for o in options if get_origin(o) is Literal for v in get_args(o)]
    words = {v for v in literals if isinstance(v, str)}
    if bool in options:
        words |= {"true", "false"}
    free_text = str in options or (Any in options)
    if isinstance(expr, Name) and expr.id in words:
        return expr.id
    if isinstance(expr, Name) and expr.id == "none" and type(None) in options:
        return None
    if isinstance(expr, String) and (free_text or expr.value in words):
        return expr.value
    if isinstance(expr, Name) and free_text and expr.id not in reading.values:
        return expr.id
    takes_number = int in options or float in options
    takes_number = takes_number or any(isinstance(v, int) for v in literals)
    if takes_number:
        value = _number(expr, reading)
        if value is not None:
            return value
    raise WrongValueError(_not_taken(expr, options, sorted(words), cls, name, reading.source))


# --- findings ---


def _title(cls: type[Settings]) -> str:
    return cls.word


def _wrong_type(
    cls: type[Settings], name: str, expr: Expr, wanted: str, source: Source
) -> Diagnostic:
    return Diagnostic(
        code="CS503",
        message=f"`{name}` of `{_title(cls)}` takes {wanted}, not {quoted(source, expr.span)}",
        span=expr.span,
        label="does not fit",
        notes=_about(cls, name),
        helps=(f"write `{name}=...` with {wanted}",),
    )


def _about(cls: type[Settings], name: str) -> tuple[str, ...]:
    field = cls.model_fields.get(name)
    description = field.description if field else None
    return (f"`{name}`: {description}",) if description else ()


def _not_taken(
    expr: Expr,
    options: tuple[Any, ...],
    words: list[str],
    cls: type[Settings],
    name: str,
    source: Source,
) -> Diagnostic:
    found = _wrong_type(cls, name, expr, _described(options, words), source)
    guess = closest(expr.id, words) if isinstance(expr, Name) else None
    if guess is None:
        return found
    return found.model_copy(
        update={
            "helps": (f"did you mean `{guess}`?",),
            "fixes": (Fix(span=expr.span, replacement=guess, title=f"write {guess}"),),
        }
    )


def _described(options: tuple[Any, ...], words: list[str]) -> str:
    """What an annotation takes, in words."""
    parts: list[str] = []
    if float in options:
        parts.append("a number")
    elif int in options:
        parts.append("a whole number")
    if str in options and bool not in options:
        parts.append("a text in quotes")
    sequence = next((o for o in options if get_origin(o) is tuple), None)
    if sequence is not None:
        inner = _described(_options(get_args(sequence)[0]), [])
        parts.append(f"a list in brackets, each {inner}")
    if any(get_origin(o) is dict for o in options):
        parts.append("`sizes(...)`")
    numbers = [
        v for o in options if get_origin(o) is Literal for v in get_args(o) if isinstance(v, int)
    ]
    parts.extend(f"`{v}`" for v in numbers)
    parts.extend(f"`{word}`" for word in words)
    if len(parts) < 2:
        return "".join(parts) or "a value"
    return f"{', '.join(parts[:-1])} or {parts[-1]}"


def _unknown_setting(cls: type[Settings], keyword: Keyword) -> Diagnostic:
    known = tuple(cls.model_fields)
    guess = closest(keyword.name, known)
    span = keyword.name_span
    fixes = (Fix(span=span, replacement=guess, title=f"write {guess}"),) if guess else ()
    takes = f"`{_title(cls)}` takes {listing(known, 'and')}"
    return Diagnostic(
        code="CS502",
        message=f"`{_title(cls)}` has no setting `{keyword.name}`",
        span=span,
        label="unknown setting",
        notes=(takes if known else f"`{_title(cls)}` takes no settings",),
        helps=(f"did you mean `{guess}`?",) if guess else (f"remove `{keyword.name}`",),
        fixes=fixes,
    )


def _twice(cls: type[Settings], keyword: Keyword) -> Diagnostic:
    return Diagnostic(
        code="CS505",
        message=f"`{keyword.name}` of `{_title(cls)}` is given twice",
        span=keyword.span,
        label="given again here",
        helps=("remove one of the two",),
    )


def _no_name(cls: type[Settings], argument: Expr, source: Source) -> Diagnostic:
    known = tuple(cls.model_fields)
    text = source.slice(argument.span)
    numeric = [n for n in known if isinstance(argument, Number) and _takes_number(cls, n)]
    first = (numeric or list(known) or [""])[0]
    if not known:
        return Diagnostic(
            code="CS502",
            message=f"`{_title(cls)}` takes no settings",
            span=argument.span,
            label="nothing goes here",
            helps=(f"write `{_title(cls)}`",),
        )
    return Diagnostic(
        code="CS506",
        message=f"settings of `{_title(cls)}` are given by name",
        span=argument.span,
        label="which setting is this?",
        notes=(f"`{_title(cls)}` takes {listing(known, 'and')}",),
        helps=(f"write `{first}={text}`",),
        fixes=(Fix(span=argument.span, replacement=f"{first}={text}", title=f"set {first}"),),
    )


def _takes_number(cls: type[Settings], name: str) -> bool:
    options = _options(cls.model_fields[name].annotation)
    return int in options or float in options


def _invalid(
    cls: type[Settings], name: str, problem: Any, span: Span, reading: Reading
) -> Diagnostic:
    """A pydantic finding in the words of the language."""
    bounds = problem.get("ctx", {})
    given = problem.get("input")
    shown = number(given) if isinstance(given, int | float) else quoted(reading.source, span)
    match problem["type"]:
        case "missing":
            return Diagnostic(
                code="CS507",
                message=f"`{_title(cls)}` needs `{name}`",
                span=span,
                label=f"`{name}` is missing",
                notes=_about(cls, name),
                helps=(f"add `{name}=...`",),
            )
        case "greater_than":
            wanted = f"above {number(bounds['gt'])}"
        case "greater_than_equal":
            wanted = f"at least {number(bounds['ge'])}"
        case "less_than":
            wanted = f"below {number(bounds['lt'])}"
        case "less_than_equal":
            wanted = f"at most {number(bounds['le'])}"
        case "int_from_float" | "int_type":
            wanted = "a whole number"
        case _:
            options = _options(cls.model_fields[name].annotation)
            return Diagnostic(
                code="CS503",
                message=f"`{name}` of `{_title(cls)}` takes {_described(options, [])}, "
                f"not {quoted(reading.source, span)}",
                span=span,
                label="does not fit",
                notes=_about(cls, name),
                helps=(f"write `{name}=...` with {_described(options, [])}",),
            )
    return Diagnostic(
        code="CS504",
        message=f"`{name}` of `{_title(cls)}` must be {wanted}, not {shown}",
        span=span,
        label="out of range",
        notes=_about(cls, name),
        helps=(f"choose {wanted if wanted.startswith('a ') else 'a number ' + wanted}",),
    )
