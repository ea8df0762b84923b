"""From the text of settings to a settings record.

adam(lr=1e-3, params="geneo*")  ->  AdamOptimizer(lr=0.001, params="geneo*")
"""

from typing import Any, Literal, NamedTuple, get_args, get_origin

from pydantic import ValidationError

from cspec.dsl.messages.diagnostic import Diagnostic, finding
from cspec.dsl.messages.wording import quoted
from cspec.dsl.settings.base import Every, Settings
from cspec.dsl.settings.duals import Network
from cspec.dsl.settings.findings import (
    Table,
    already_named,
    invalid,
    item_of,
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
    built_elsewhere,
    elsewhere,
    known_setting,
    known_word,
    no_record,
    unknown_setting,
    unknown_word,
)
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
    if (meant := known_word(word, table, noun)) is not None:
        _filled(table[meant], call.arguments, call.keywords, call.span, reader)


def _filled(
    cls: type[Settings],
    arguments: tuple[Expr, ...],
    keywords: tuple[Keyword, ...],
    span: Span,
    reader: Reader,
) -> Settings | None:
    """A record of `cls` from arguments and keywords; every wrong one is a finding."""
    found, source, filling = reader.found, reader.source, _Filling(cls, reader)
    before, written, raw = len(found), filling.written, filling.raw
    positional = getattr(cls, "positional", ())
    if single := list_of(cls, positional, arguments):
        found.append(no_list(cls, single, arguments, source))
        written[single], arguments = arguments[0], ()
    kept = frozenset(keyword.name for keyword in keywords)
    for index, argument in enumerate(arguments):
        if index >= len(positional):
            found.append(no_name(cls, argument, source, kept.union(positional)))
        elif positional[index] in kept:
            found.append(already_named(cls, argument, positional[index], source))
        else:
            filling.put(positional[index], argument)
    for keyword in keywords:
        if keyword.name not in cls.model_fields:
            found.append(unknown_setting(cls, keyword, source, kept))
            filling.put_misspelt(keyword)
        elif keyword.name in written:
            first = next((k for k in keywords if k.name == keyword.name), None)
            found.append(twice(cls, keyword, None if first is keyword else first, source))
        else:
            filling.put(keyword.name, keyword.value)
    try:
        return cls(**raw)
    except ValidationError as error:
        for problem in error.errors():
            name = str(problem["loc"][0]) if problem["loc"] else ""
            if name in written and name not in raw:
                continue
            found.append(invalid(cls, problem, written.get(name), span, source))
            if name in written:
                raw.pop(name, None)
        waits = any(mentions_open(value, reader.values) for value in written.values())
        if len(found) == before and not waits:
            raise
        return None


class _Filling:
    """What is read of a record so far: its settings as written, and their values."""

    def __init__(self, cls: type[Settings], reader: Reader) -> None:
        self.cls, self.reader = cls, reader
        self.written: dict[str, Expr] = {}
        self.raw: dict[str, Any] = {}

    def put(self, name: str, value: Expr) -> None:
        """Read a setting, unless it is set from outside, and checked then."""
        self.written[name] = value
        if mentions_open(value, self.reader.values):
            return
        try:
            slot = _Slot(self.cls, name, self.reader)
            self.raw[name] = slot.value(value, self.cls.model_fields[name].annotation)
        except WrongValueError as wrong:
            if wrong.found is not None:
                self.reader.found.append(wrong.found)

    def put_misspelt(self, keyword: Keyword) -> None:
        """Read a setting under the name that was most likely meant: its range is checked as well.

        That its value is of another kind is no second mistake: the guess may be wrong.
        """
        meant, found = known_setting(self.cls, keyword.name), self.reader.found
        if meant is None or meant in self.written:
            return
        before = len(found)
        self.put(meant, keyword.value)
        found[before:] = [f for f in found[before:] if f.code != "CS503"]


# --- values ---


class _Slot(NamedTuple):
    """The setting that a value is read for."""

    cls: type[Settings]
    name: str
    reader: Reader

    def value(self, expr: Expr, wanted: Any) -> Any:
        """The Python value of a setting, as far as its annotation asks."""
        options = options_of(wanted)
        records = [o for o in options if _is_record(o)]
        if records:
            return self._nested(expr, records)
        inner = item_of(options)
        if Every in options:
            return self._every(expr)
        if inner is not None and isinstance(expr, Vector):
            return tuple(self.value(item, inner) for item in expr.items)
        if _is_record(inner):
            return (self.value(expr, inner),)
        sized = any(get_origin(o) is dict for o in options)
        if sized and isinstance(expr, Call) and isinstance(expr.function, Name):
            return self._sizes(expr)
        return self._plain(expr, options)

    def _wrong(self, expr: Expr, wanted: str) -> WrongValueError:
        return WrongValueError(wrong_type(self.cls, self.name, expr, wanted, self.reader.source))

    def _nested(self, expr: Expr, records: list[type[Settings]]) -> Settings:
        table = _TABLES.get(records[0]) or {record.word: record for record in records}
        settings = _record(expr, table, _NOUNS.get(records[0], "dual optimizer"), self.reader)
        if settings is None:
            raise WrongValueError(None)
        return settings

    def _every(self, expr: Expr) -> Every:
        wanted = "a number of steps (`every=10`), `epoch`, or `epochs(5)`"
        match expr:
            case Name(id="step" | "steps"):
                return Every(1, "step")
            case Name(id="epoch" | "epochs"):
                return Every(1, "epoch")
            case Call(function=Name(id="step" | "steps"), arguments=(count,), keywords=()):
                return Every(self._whole(count, wanted), "step")
            case Call(function=Name(id="epoch" | "epochs"), arguments=(count,), keywords=()):
                return Every(self._whole(count, wanted), "epoch")
        return Every(self._whole(expr, wanted), "step")

    def _whole(self, expr: Expr, wanted: str) -> int:
        value = self._number(expr)
        if value is None or value < 1 or not is_whole(value):
            raise self._wrong(expr, wanted)
        return int(value)

    def _sizes(self, expr: Call) -> dict[str, int | str]:
        if function_name(expr) != "sizes" or expr.arguments or not expr.keywords:
            raise self._wrong(expr, "`sizes(train=64, ...)`")
        sizes: dict[str, int | str] = {}
        for keyword in expr.keywords:
            full = isinstance(keyword.value, Name) and keyword.value.id == "full"
            wanted = "a number of examples, or `full`"
            sizes[keyword.name] = "full" if full else self._whole(keyword.value, wanted)
        return sizes

    def _number(self, expr: Expr) -> float | None:
        try:
            return constant(expr, self.reader.values)
        except NotFiniteError as problem:
            raise WrongValueError(
                finding(
                    "CS316",
                    f"{quoted(self.reader.source, expr.span)} {problem}",
                    expr.span,
                    "can't be computed",
                    helps=("write the number that is meant",),
                )
            ) from problem

    def _plain(self, expr: Expr, options: tuple[Any, ...]) -> Any:
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
        if isinstance(expr, Name) and free_text and expr.id not in self.reader.values:
            return expr.id
        if {int, float} & {*options} or any(isinstance(v, int) for v in literals):
            value = self._number(expr)
            if value is not None:
                return value
        found = not_taken(expr, options, sorted(words), self.cls, self.name, self.reader.source)
        raise WrongValueError(found)


def _is_record(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Settings)
