"""From the text of settings to a settings record.

adam(lr=1e-3, params="geneo*")  ->  AdamOptimizer(lr=0.001, params="geneo*")
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, get_args, get_origin

from pydantic import ValidationError

from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.dsl.messages.wording import quoted
from cspec.dsl.settings.base import Every, Settings
from cspec.dsl.settings.duals import Network
from cspec.dsl.settings.elsewhere import built_elsewhere, elsewhere
from cspec.dsl.settings.findings import (
    Table,
    already_named,
    invalid,
    list_of,
    no_list,
    no_name,
    not_taken,
    options_of,
    twice,
    wrong_type,
)
from cspec.dsl.settings.fit import OPTIMIZERS, SCHEDULES, Optimizer, Schedule
from cspec.dsl.settings.record_findings import (
    known_word,
    no_record,
    unknown_word,
)
from cspec.dsl.settings.unknown_settings import known_setting, unknown_setting
from cspec.dsl.text.source import Source, Span
from cspec.dsl.tree.constants import NotFiniteError, Values, constant, is_whole
from cspec.dsl.tree.nodes import Attribute, Call, Expr, Keyword, Name, String, Vector
from cspec.dsl.tree.rebuild import function_name
from cspec.dsl.values.outside import mentions_open

_TABLES: dict[type[Settings], Table] = {Optimizer: OPTIMIZERS, Schedule: SCHEDULES}
_NOUNS: dict[type[Settings], str] = {
    Optimizer: "optimizer",
    Schedule: "schedule",
    Network: "network",
}


class WrongValueError(Exception):
    """A value that does not fit; carries the finding (None: it is among the findings already)."""

    def __init__(self, found: Diagnostic | None) -> None:
        self.found = found
        super().__init__(found.message if found else "")


class Reader(NamedTuple):
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
    reader = Reader({} if values is None else values, source or Source(text=""), [])
    settings = _record(expr, table, noun, reader)
    return settings, tuple(reader.found)


def read_keywords(
    keywords: tuple[Keyword, ...],
    cls: type[Settings],
    span: Span,
    values: Values | None = None,
    source: Source | None = None,
) -> tuple[Settings | None, tuple[Diagnostic, ...]]:
    """The settings record that bare `name=value` pairs write: `fit(...)`, `soft(...)`."""
    reader = Reader({} if values is None else values, source or Source(text=""), [])
    settings = _filled(cls, (), keywords, span, reader)
    return settings, tuple(reader.found)


def _record(expr: Expr, table: Table, noun: str, reader: Reader) -> Settings | None:
    other = elsewhere(expr, noun, reader.source)
    if other is not None and function_name(expr) not in table:
        reader.found.append(built_elsewhere(expr, other, noun, reader.source))
        return None
    match expr:
        case Name(id=word):
            arguments: tuple[Expr, ...] = ()
            keywords: tuple[Keyword, ...] = ()
        case Call(function=Name(id=word), arguments=arguments, keywords=keywords):
            pass
        case _:
            reader.found.append(no_record(expr, table, noun, reader.source))
            if isinstance(expr, Call) and isinstance(expr.function, Attribute):
                _guessed(expr.function.name, expr, table, noun, reader)
            return None
    cls = table.get(word)
    if cls is None:
        head = expr.function.span if isinstance(expr, Call) else expr.span
        reader.found.append(unknown_word(word, head, table, noun))
        if isinstance(expr, Call):
            _guessed(word, expr, table, noun, reader)
        return None
    return _filled(cls, arguments, keywords, expr.span, reader)


def _guessed(word: str, call: Call, table: Table, noun: str, reader: Reader) -> None:
    """Check the settings of an unknown word as those of the word that was most likely meant."""
    meant = known_word(word, table, noun)
    if meant is not None:
        _filled(table[meant], call.arguments, call.keywords, call.span, reader)


def _filled(
    cls: type[Settings],
    arguments: tuple[Expr, ...],
    keywords: tuple[Keyword, ...],
    span: Span,
    reader: Reader,
) -> Settings | None:
    """A record of `cls` from arguments and keywords; every wrong one is a finding."""
    before = len(reader.found)
    written: dict[str, Expr] = {}
    raw: dict[str, Any] = {}
    positional = getattr(cls, "positional", ())
    single = list_of(cls, positional, arguments)
    if single:
        reader.found.append(no_list(cls, single, arguments, reader.source))
        written[single], arguments = arguments[0], ()
    kept = frozenset(keyword.name for keyword in keywords)
    for index, argument in enumerate(arguments):
        if index < len(positional) and positional[index] in kept:
            reader.found.append(already_named(cls, argument, positional[index], reader.source))
            continue
        if index >= len(positional):
            given = frozenset(positional) | {keyword.name for keyword in keywords}
            reader.found.append(no_name(cls, argument, reader.source, given))
            continue
        _put(cls, positional[index], argument, raw, written, reader)
    for keyword in keywords:
        if keyword.name not in cls.model_fields:
            named = frozenset(k.name for k in keywords)
            reader.found.append(unknown_setting(cls, keyword, reader.source, named))
            _put_misspelt(cls, keyword, raw, written, reader)
        elif keyword.name in written:
            first = next((k for k in keywords if k.name == keyword.name), None)
            first = None if first is keyword else first
            reader.found.append(twice(cls, keyword, first, reader.source))
        else:
            _put(cls, keyword.name, keyword.value, raw, written, reader)
    try:
        return cls(**raw)
    except ValidationError as error:
        for problem in error.errors():
            name = str(problem["loc"][0]) if problem["loc"] else ""
            if name in written and name not in raw:
                continue
            reader.found.append(invalid(cls, problem, written.get(name), span, reader.source))
            if name in written:
                raw.pop(name, None)
        waits = any(mentions_open(value, reader.values) for value in written.values())
        if len(reader.found) == before and not waits:
            raise
        return None


def _put(
    cls: type[Settings],
    name: str,
    value: Expr,
    raw: dict[str, Any],
    written: dict[str, Expr],
    reader: Reader,
) -> None:
    written[name] = value
    if mentions_open(value, reader.values):
        return  # set from outside, and checked then
    try:
        raw[name] = _value(value, cls.model_fields[name].annotation, cls, name, reader)
    except WrongValueError as wrong:
        if wrong.found is not None:
            reader.found.append(wrong.found)


def _put_misspelt(
    cls: type[Settings],
    keyword: Keyword,
    raw: dict[str, Any],
    written: dict[str, Expr],
    reader: Reader,
) -> None:
    """Read a setting under the name that was most likely meant: its range is checked as well.

    That its value is of another kind is no second mistake: the guess may be wrong.
    """
    meant = known_setting(cls, keyword.name)
    if meant is None or meant in written:
        return
    before = len(reader.found)
    _put(cls, meant, keyword.value, raw, written, reader)
    reader.found[before:] = [f for f in reader.found[before:] if f.code != "CS503"]


# --- values ---


def _value(expr: Expr, wanted: Any, cls: type[Settings], name: str, reader: Reader) -> Any:
    """The Python value of a setting, as far as its annotation asks."""
    options = options_of(wanted)
    records = [o for o in options if isinstance(o, type) and issubclass(o, Settings)]
    if records:
        return _nested(expr, records, reader)
    sequence = next((o for o in options if get_origin(o) is tuple), None)
    if Every in options:
        return _every(expr, cls, name, reader)
    if sequence is not None and isinstance(expr, Vector):
        inner = get_args(sequence)[0]
        return tuple(_value(item, inner, cls, name, reader) for item in expr.items)
    if sequence is not None and _is_records(sequence):
        return (_value(expr, get_args(sequence)[0], cls, name, reader),)
    if any(get_origin(o) is dict for o in options):
        sizes = _sizes(expr, cls, name, reader)
        if sizes is not None:
            return sizes
    return _plain(expr, options, cls, name, reader)


def _is_records(sequence: Any) -> bool:
    inner = get_args(sequence)[0]
    return isinstance(inner, type) and issubclass(inner, Settings)


def _nested(expr: Expr, records: list[type[Settings]], reader: Reader) -> Settings:
    table = _TABLES.get(records[0]) or {record.word: record for record in records}
    noun = _NOUNS.get(records[0], "dual optimizer")
    settings = _record(expr, table, noun, reader)
    if settings is None:
        raise WrongValueError(None)
    return settings


def _every(expr: Expr, cls: type[Settings], name: str, reader: Reader) -> Every:
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
            number_of = _count(count, cls, name, reader)
            return Every(number_of, "epoch" if unit.startswith("epoch") else "step")
        case _:
            return Every(_count(expr, cls, name, reader), "step")


def _count(expr: Expr, cls: type[Settings], name: str, reader: Reader) -> int:
    value = _number(expr, reader)
    if value is None or value < 1 or not is_whole(value):
        wanted = "a number of steps (`every=10`), `epoch`, or `epochs(5)`"
        raise WrongValueError(wrong_type(cls, name, expr, wanted, reader.source))
    return int(value)


def _sizes(
    expr: Expr, cls: type[Settings], name: str, reader: Reader
) -> dict[str, int | str] | None:
    if not (isinstance(expr, Call) and isinstance(expr.function, Name)):
        return None
    if expr.function.id != "sizes" or expr.arguments or not expr.keywords:
        raise WrongValueError(wrong_type(cls, name, expr, "`sizes(train=64, ...)`", reader.source))
    sizes: dict[str, int | str] = {}
    for keyword in expr.keywords:
        if isinstance(keyword.value, Name) and keyword.value.id == "full":
            sizes[keyword.name] = "full"
        else:
            value = _number(keyword.value, reader)
            if value is None or value < 1 or not is_whole(value):
                wanted = "a number of examples, or `full`"
                raise WrongValueError(wrong_type(cls, name, keyword.value, wanted, reader.source))
            sizes[keyword.name] = int(value)
    return sizes


def _number(expr: Expr, reader: Reader) -> float | None:
    try:
        return constant(expr, reader.values)
    except NotFiniteError as problem:
        raise WrongValueError(
            Diagnostic(
                code="CS316",
                message=f"{quoted(reader.source, expr.span)} {problem}",
                span=expr.span,
                label="can't be computed",
                helps=("write the number that is meant",),
            )
        ) from problem


def _plain(
    expr: Expr, options: tuple[Any, ...], cls: type[Settings], name: str, reader: Reader
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
    if isinstance(expr, Name) and free_text and expr.id not in reader.values:
        return expr.id
    takes_number = int in options or float in options
    takes_number = takes_number or any(isinstance(v, int) for v in literals)
    if takes_number:
        value = _number(expr, reader)
        if value is not None:
            return value
    raise WrongValueError(not_taken(expr, options, sorted(words), cls, name, reader.source))
