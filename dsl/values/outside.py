"""Values of params that come from outside: numbers, vectors, tables by the values of a column.

--set eps=0.3   --set mu=[1, 2, 3]   --set mu=mu.csv   --set level=levels.csv
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from numbers import Real
from typing import Any, NamedTuple

from pydantic import BaseModel

from cspec.dsl.messages.wording import counted, number
from cspec.dsl.names.symbols import Symbols
from cspec.dsl.tree.constants import Values
from cspec.dsl.tree.nodes import Expr, FiniteSet, Interval, Name, Node, Number, Param
from cspec.dsl.tree.rebuild import mentions


class UnfitValueError(ValueError):
    """A value from outside that a param can't take."""


class GivenFile(NamedTuple):
    """What a file holds, and how it was named: rows of cells of a csv file, or what JSON says."""

    name: str
    content: object


class ParamTable(BaseModel, frozen=True):
    """A number for each value of a column, or for each combination of the values of several.

    `default` stands where the spec gives one number for all. A combination is named as a group is:
    by its values in the order of the columns, `Female, Black`.
    """

    columns: tuple[str, ...]
    values: dict[str, float] = {}
    keys: tuple[tuple[str, ...], ...] = ()
    """The values of the columns for each of `values`, in its order."""
    default: float | None = None

    @property
    def column(self) -> str:
        """The columns as one writes them: `sex, race`."""
        return ", ".join(self.columns)

    def given(self) -> dict[tuple[str, ...], float]:
        """As it is given from outside; empty where the spec gives one number for all."""
        return dict(zip(self.keys, self.values.values(), strict=True))


class OpenValues(dict[str, float | tuple[float, ...]]):
    """Values of params; `open` are those that are set from outside later."""

    def __init__(self, values: Values, open: Sequence[str]) -> None:
        super().__init__(values)
        self.open = frozenset(open)


def mentions_open(expr: Node, values: Values) -> bool:
    """Whether an expression needs a param that is not set yet."""
    if not isinstance(values, OpenValues):
        return False
    return mentions(expr, values.open)


def columns_of(item: Param, symbols: Symbols) -> tuple[str, ...]:
    """The columns whose values a param is a table over: `param level[hospital]`; () of others."""
    named = columns_among(item, symbols)
    return named if len(named) == len(item.dimensions) else ()


def columns_among(item: Param, symbols: Symbols) -> tuple[str, ...]:
    """The columns that are named where the sizes of a param stand."""
    return tuple(
        d.id
        for d in item.dimensions
        if isinstance(d, Name) and d.id in symbols.column_names and symbols.role(d.id) is None
    )


# --- reading -------------------------------------------------------------------------------------


def as_number(given: object) -> float:
    """A number, or text of one: `0.3`, `30%`.

    Raises:
        UnfitValueError: something else.
    """
    try:
        if isinstance(given, str):
            text = given.strip()
            return float(text[:-1]) / 100 if text.endswith("%") else float(text)
        if isinstance(given, bool):
            raise UnfitValueError(f"`{given}` is no number")
        if isinstance(given, Real):
            return float(given)
    except (ValueError, OverflowError) as error:
        raise UnfitValueError(f"`{given}` is no number") from error
    raise UnfitValueError(f"`{given}` is no number")


def as_vector(given: object) -> tuple[float, ...]:
    """Numbers in a row, or rows of them one after the other.

    Raises:
        UnfitValueError: something else.
    """
    content = given.content if isinstance(given, GivenFile) else given
    if isinstance(content, str) or not isinstance(content, Sequence):
        return (as_number(content),)
    rows = [row if _is_row(row) else (row,) for row in content]
    cells = tuple(chain.from_iterable(rows))
    # Millions of numbers are looked at once, not one by one.
    return cells if set(map(type, cells)) <= {float} else tuple(map(as_number, cells))


def rows_of(given: object) -> tuple[int, int] | None:
    """Rows and columns of numbers that come in rows of one length; None of numbers in a row."""
    content = given.content if isinstance(given, GivenFile) else given
    if isinstance(content, str) or not isinstance(content, Sequence) or not content:
        return None
    lengths = {len(row) if _is_row(row) else 0 for row in content}
    return (len(content), lengths.pop()) if len(lengths) == 1 and 0 not in lengths else None


def as_table(given: object, columns: Sequence[str]) -> ParamTable:
    """Numbers by the values of columns: a mapping, or rows of a value a column and a number.

    The keys of a mapping are values, of several columns tuples of them, or mappings in mappings.
    The first row of a file may be a header.

    Raises:
        UnfitValueError: something else, or a value twice.
    """
    count = len(columns)
    content = given.content if isinstance(given, GivenFile) else given
    if isinstance(content, Mapping):
        pairs = list(_pairs(content, count))
    elif isinstance(content, Sequence) and all(
        _is_row(row) and len(row) == count + 1 for row in content
    ):
        pairs = [(tuple(row[:-1]), row[-1]) for row in content]
        if isinstance(given, GivenFile) and pairs and not _is_number(pairs[0][1]):
            pairs = pairs[1:]
    else:
        each = "the column" if count == 1 else "each column"
        raise UnfitValueError(f"a table has a value of {each} and a number in each row")
    found: dict[str, float] = {}
    named: list[tuple[str, ...]] = []
    for pair, value in pairs:
        named.append(tuple(map(as_key, pair)))
        text = combined(named[-1])
        if text in found:
            raise UnfitValueError(f"`{text}` is given twice")
        found[text] = as_number(value)
    return ParamTable(columns=tuple(columns), values=found, keys=tuple(named))


def _pairs(given: Mapping[Any, Any], columns: int) -> Iterator[tuple[tuple[object, ...], object]]:
    """Each number of a mapping, with a value for each column."""
    for key, value in given.items():
        keys = tuple(key) if _is_row(key) else (key,)
        if len(keys) == columns:
            yield keys, value
        elif len(keys) < columns and isinstance(value, Mapping):
            for rest, found in _pairs(value, columns - len(keys)):
                yield (*keys, *rest), found
        else:
            raise UnfitValueError(
                f"`{key}` is not {counted(columns, 'value')}, one for each column"
            )


def combined(values: Iterable[str]) -> str:
    """The name of a combination of values, as groups are named: `Female, Black`."""
    return ", ".join(values)


def as_key(value: object) -> str:
    """A value of a column as text: 1 and 1.0 are the same one."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def _is_row(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _is_number(value: object) -> bool:
    try:
        as_number(value)
    except UnfitValueError:
        return False
    return True


# --- how to set ----------------------------------------------------------------------------------


def how_to_set(item: Param, symbols: Symbols) -> str:
    """What to type for a param that has no value."""
    name, columns = item.name, columns_of(item, symbols)
    if len(columns) > 1:
        values = ", ".join(f'"{letter}"' for letter in "abcdefgh"[: len(columns)])
        return (
            f"`{name}={{({values}): 0.3, ...}}` in Python, a number for each combination of "
            f"`{', '.join(columns)}`, or `--set {name}={name}.csv` (rows of "
            f"{counted(len(columns), 'value')} and a number)"
        )
    if columns:
        (column,) = columns
        return (
            f'`{name}={{"a": 0.3, ...}}` in Python, a number for each value of `{column}`, or '
            f"`--set {name}={name}.csv` (rows of a value and a number; or .json)"
        )
    if item.dimensions:
        return f"`--set {name}=[1, 2]` or a file: `--set {name}={name}.csv`; in Python `{name}=...`"
    shown = _example(item.domain)
    return f"`--set {name}={shown}`, in Python `{name}={shown}`, or `param {name} = {shown}`"


def _example(domain: Expr | None) -> str:
    """A value of a set."""
    match domain:
        case Interval(lower=Number(value=low), upper=Number(value=high)):
            return number((low + high) / 2)
        case FiniteSet(items=(Number(value=first), *_)):
            return number(first)
    return "0.5"
