"""What stands behind `=` in `data`, `model` and `domain` lines."""

import math
import re
from collections.abc import Sequence
from itertools import pairwise

from cspec.dsl.kinds.typer import OUTSIDE, Typer
from cspec.dsl.kinds.unknown_names import unknown_model
from cspec.dsl.messages.diagnostic import Fix, also_at, edit, replacing, writing
from cspec.dsl.messages.wording import counted, listing, number
from cspec.dsl.names.symbols import columns_of
from cspec.dsl.settings.base import Settings
from cspec.dsl.settings.models import MODELS
from cspec.dsl.settings.read import read_settings
from cspec.dsl.settings.sources import SOURCES, DataSource
from cspec.dsl.settings.usual import usual_shares
from cspec.dsl.text.limits import WEIGHTS
from cspec.dsl.text.source import Span
from cspec.dsl.tree.nodes import Call, Data, Domain, Expr, Model, Name, Power, Product, Vector
from cspec.dsl.tree.rebuild import head_word, setting


def _brought_in(typer: Typer, expr: Expr) -> bool:
    """Whether a source is a Python callable that the spec imports."""
    return typer.symbols.role(head_word(expr)) in ("import", "function")


def check_data(typer: Typer, item: Data) -> Settings | None:
    """The settings of a data source; None where data are bound from outside or imported."""
    if item.source is None or _brought_in(typer, item.source):
        return None
    settings, found = read_settings(item.source, SOURCES, typer.values, "data source", typer.source)
    typer.extend(found)
    if not isinstance(settings, DataSource):
        return None
    if not found:
        _targets(typer, item, settings)
    if not settings.tabular:
        _no_columns(typer, item, settings.word)
    return settings


def _no_columns(typer: Typer, item: Data, word: str) -> None:
    """Report columns beside the inputs and the target of a source that has no others.

    All of them go at once, unless an expression needs them.
    """
    columns = [column for target in item.targets for column in target.columns[2:]]
    if not columns:
        return
    names = dict.fromkeys(column.name for column in columns)
    start, end = item.targets[0].span.start, item.targets[-1].span.end
    bare = typer.source.text[start:end]
    for column in reversed(columns):
        head = bare[: column.span.start - start].rstrip().removesuffix(",").rstrip()
        bare = head + bare[column.span.end - start :]
    used = names.keys() & typer.symbols.uses.keys()
    said, place = f"`{word}` has no column {listing(names)}", columns[0].span
    label = "it gives inputs and a target, named `x` and `y` here"
    helps = [f"a table has further columns: `csv(...)`; else remove {listing(names, 'and')}"]
    if not used:
        helps = [f"write `data {bare} = ...`", "or use a table: `csv(...)`"]
    fixes = () if used else replacing(Span(start, end), bare)
    typer.report("CS320", said, place, label, helps=helps, fixes=fixes)


def _shares(split: Sequence[float], count: int) -> list[float]:
    """Percentages and parts as shares; else the first as it is, the others of what it leaves."""
    if min(split) <= 0 or len(split) != count or count < 2:
        rest = 0.4 / max(1, count - 1)
        return [0.6, *[round(rest, 2)] * (count - 1)]
    if min(split) >= 1 and sum(split) != 100 and max(split) < 10:
        split = [share / sum(split) for share in split]  # parts: `[8, 2]`
    elif max(split) > 1:
        split = [share / 100 for share in split]
    first, others = split[0], sum(split[1:])
    if first >= 1:
        first = max(1 - others, 0.5)
    return [round(share, 6) for share in (first, *(s / others * (1 - first) for s in split[1:]))]


def _as_shares(
    typer: Typer, item: Data, source: Expr, split: Sequence[float]
) -> tuple[str, tuple[Fix, ...]]:
    """Help and edit of shares that add up to more than 1; datasets get names where some lack."""
    names = _named_splits(item, len(split))
    if min(split) <= 0 or len(split) < 2 or len(split) == len(item.targets) or not names:
        shares = _listed(_shares(split, len(item.targets)), source, typer)
        return f"write `[{shares}]`", _shared(source, shares)
    shares = _listed(_shares(split, len(split)), source, typer)
    written, last = _split_span(source), item.targets[-1].span.end
    between = typer.source.text[last : written.start]
    fixes = replacing(Span(item.targets[0].span.start, written.end), f"{names}{between}[{shares}]")
    return "each share has a dataset of its own", fixes


def _listed(shares: Sequence[float], source: Expr, typer: Typer) -> str:
    """Shares as the text writes its own: with `%`, or without."""
    percent = typer.source.slice(_split_span(source)).count("%") >= len(shares)
    return ", ".join(f"{number(round(100 * s, 4))}%" if percent else number(s) for s in shares)


def _named_splits(item: Data, shares: int) -> str:
    """`train(x, y), test(x, y)`: a name for each share; empty where there are too many names."""
    names = [target.name for target in item.targets]
    free = [n for n in ("train", "test", "val", "rest") if n not in names]
    if shares == 3:
        free.sort(key=("train", "val", "test", "rest").index)
    if len(names) == 1 and names[0] not in ("train", "val", "test"):
        names = []
    names = [*names, *free][:shares] if shares > len(names) else names[:shares]
    columns = ", ".join(column.name for column in columns_of(item.targets[0]))
    if len(names) != shares or len(item.targets) > shares:
        return ""
    return ", ".join(f"{name}({columns})" for name in names)


def _named_for(item: Data, shares: int) -> tuple[tuple[str, ...], tuple[Fix, ...]]:
    """The help and the edit of a `split` that has another number of shares than of datasets."""
    left = _named_splits(item, shares)
    if not left:
        return ("write one share for each dataset on the left",), ()
    place = Span(item.targets[0].span.start, item.targets[-1].span.end)
    return (f"write one dataset for each share: `data {left} = ...`",), replacing(place, left)


def _one_more(split: Sequence[float]) -> str:
    """The shares and what they leave; of a whole the last, divided between two datasets."""
    left = round(1 - sum(split), 6)
    if left > 0:
        return ", ".join(map(number, [*split, left]))
    last = round(split[-1] / 2, 6)
    return ", ".join(map(number, [*split[:-1], last, last]))


def _shared(source: Expr, shares: str) -> tuple[Fix, ...]:
    return replacing(_split_span(source), f"[{shares}]")


def _targets(typer: Typer, item: Data, settings: DataSource) -> None:
    assert item.source is not None
    split = getattr(settings, "split", None)
    names = tuple(target.name for target in item.targets)
    if split is not None and settings.given("split"):
        total = sum(split)
        if split and (min(split) <= 0 or total > 1 + 1e-9):
            help_, fixes = _as_shares(typer, item, item.source, split)
            said = f"the shares of `split` add up to {number(total)}"
            place = _split_span(item.source)
            label = "shares are above 0 and add up to at most 1"
            typer.report("CS535", said, place, label, helps=(help_,), fixes=fixes)
        elif len(split) != len(names):
            helps, fixes = _named_for(item, len(split))
            if len(split) + 1 == len(names):
                more = _one_more(split)
                helps = (f"one share for each, for example `[{more}]`",)
                fixes = _shared(item.source, more)
            typer.report(
                "CS535",
                f"`split` has {counted(len(split), 'share')} for {counted(len(names), 'dataset')}",
                _split_span(item.source),
                "one share a dataset",
                related=also_at(item.targets[0].span, f"{listing(names, 'and')}"),
                helps=helps,
                fixes=fixes,
            )
        return
    own = settings.targets if split is not None or settings.word in ("mnist", "cifar10") else ()
    unknown = [target for target in item.targets if target.name not in own]
    if unknown and len(names) > 1:
        said = f"`{settings.word}` does not say which examples go to `{unknown[0].name}`"
        help_ = f"add `split={usual_shares(len(names)) or '[...]'}`"
        typer.report("CS535", said, unknown[0].span, "which examples?", helps=(help_,))


def _split_span(source: Expr) -> Span:
    given = setting(source, "split")
    return source.span if given is None else given.value.span


def check_model(typer: Typer, item: Model) -> Settings | None:
    """The settings of a model; None where it is bound, imported or a frozen copy."""
    source = item.source
    if source is None or _brought_in(typer, source):
        return None
    match source:
        case Name(id=name) if typer.symbols.role(name) == "model":
            said = f"`{item.name}` could be a frozen copy of `{name}`, or `{name}` itself"
            same = f"for the same network: use `{name}` where `{item.name}` is used"
            copy = f"for a copy that never moves: `model {item.name} = frozen({name})`"
            fixes = edit(source.span, f"frozen({name})", "a frozen copy")
            told = {"helps": (copy, same), "fixes": fixes}
            typer.report("CS327", said, source.span, "a copy, or the same network?", **told)
            return None
        case Call(function=Name(id="frozen"), arguments=arguments):
            if not _of_itself(typer, item):
                _frozen(typer, item.name, source, arguments)
            return None
    settings, found = read_settings(source, MODELS, typer.values, "model", typer.source)
    typer.extend(found)
    return None if settings is not None and _too_heavy(typer, source, settings) else settings


def _too_heavy(typer: Typer, source: Expr, settings: Settings) -> bool:
    """Report a network of more weights than can be held, as far as its widths tell."""
    layers = (getattr(settings, "channels", ()), 9), (getattr(settings, "hidden", ()), 1)
    pairs = ((each, pair) for widths, each in layers for pair in pairwise((1, *widths)))
    count: int = sum(each * wide * next_ for each, (wide, next_) in pairs)
    if count > WEIGHTS.most:
        said = f"{typer.text(source)} has more than {count:,} weights"
        help_ = f"write {WEIGHTS.instead}"
        typer.report(WEIGHTS.code, said, source.span, f"at most {WEIGHTS.most:,}", helps=(help_,))
    return count > WEIGHTS.most


def _of_itself(typer: Typer, item: Model) -> bool:
    """Report `model t = frozen(t)`, also where another copy stands between."""
    models, name = typer.symbols.models(), item.name
    for _ in models:
        match models[name].source if name in models else None:
            case Call(function=Name(id="frozen"), arguments=(Name(id=name),)):
                pass
            case _:
                return False
        if name == item.name:
            assert item.source is not None
            said = f"`{name}` would be a copy of itself"
            note = "a model that is bound from outside has a line of its own"
            typer.report(
                "CS302", said, item.source.span, "of what?", notes=(note,), helps=(_OTHER,)
            )
            return True
    return False


def _frozen(typer: Typer, copy: str, source: Call, arguments: tuple[Expr, ...]) -> None:
    if len(arguments) == 1 and not source.keywords:
        argument = arguments[0]
        if isinstance(argument, Name) and typer.name_unknown(argument, OUTSIDE):
            unknown_model(typer, argument, copy)
            return
        kind = typer.kind(arguments[0], OUTSIDE)
        if kind.what in ("model", "unknown"):
            return
    models = tuple(model for model in typer.symbols.models() if model != copy)
    known = f"models here: {listing(models, 'and')}" if models else "there is no other model"
    help_ = f"write `frozen({models[0]})`" if models else _OTHER
    typer.report("CS302", "`frozen` takes a model of this spec", source.span, known, helps=(help_,))


_OTHER = "write `frozen(teacher)`, and a line `model teacher` before it"


def _as_box(typer: Typer, source: Expr, axes: int) -> str:
    """`box([0, 1], [0, 1])` for `[0, 1]^2` and `[0, 1]*[0, 1]` of two axes; else empty."""
    intervals = _INTERVAL.findall(typer.slice(source))
    if isinstance(source, Power) and len(intervals) == 1:
        intervals *= max(axes, 1)
    plain = isinstance(source, Vector | Power | Product)
    fits = len(intervals) in (1, axes or 1) and plain
    return f"box({', '.join(intervals)})" if fits and intervals else ""


_NO_INTERVAL = "an interval goes here"
_INTERVAL = re.compile(r"\[[^\[\],]+,[^\[\],]+\]")


def check_domain(typer: Typer, item: Domain) -> None:
    """A domain has one interval, or one dimension of a distribution, an axis."""
    source = item.source
    sizes = [_size(typer, axis.dimensions) for axis in item.axes]
    if not isinstance(source, Call) or not isinstance(source.function, Name):
        typer.kind(source, OUTSIDE)
        meant = _as_box(typer, source, len(item.axes))
        if meant:
            said = f"{typer.text(source)} is an interval, and no domain: a `box` has one an axis"
            told = writing(source.span, meant)
            typer.report("CS317", said, source.span, "a `box` goes here", **told)
        return
    if source.function.id != "box":
        if source.function.id not in ("normal", "uniform", "ball"):
            typer.kind(source, OUTSIDE)
        return
    total = None if None in sizes else sum(size for size in sizes if size is not None)
    ends = [a for a in source.arguments if typer.value(a) is not None]
    if len(ends) == len(source.arguments) == 2:
        low, high = map(typer.slice, ends)
        meant = f"{typer.slice(source.function)}([{low}, {high}])"
        said, told = f"{typer.text(source)} has two numbers", writing(source.span, meant)
        typer.report("CS317", f"{said}, and no interval", source.span, _NO_INTERVAL, **told)
        return
    if total is not None and len(source.arguments) != total:
        axes = ", ".join(axis.name for axis in item.axes)
        listed = source.arguments[0] if len(source.arguments) == 1 else None
        if isinstance(listed, Vector) and len(listed.items) == 2 * total:
            _one_list(typer, source, listed)
            return
        meant = _filled(typer, item, source, total)
        said = f"domain `{item.name}` has {total} {'axis' if total == 1 else 'axes'}"
        said += f", `box` has {counted(len(source.arguments), 'interval')}"
        label, help_ = f"one interval each for {axes}", "write an interval for each, for example"
        told = {"helps": (f"{help_} `{meant}`",), "fixes": replacing(source.span, meant)}
        typer.report("CS326", said, source.span, label, **told)
    for argument in source.arguments:
        _axis(typer, argument, _corners(typer, source))


def _filled(typer: Typer, item: Domain, source: Call, total: int) -> str:
    """A box with as many intervals as the domain has axes: those that are drawn from elsewhere in
    the spec, else those given, the last one again, or none beyond."""
    given = [typer.slice(argument) for argument in source.arguments] or ["[0, 1]"]
    listed = (given + given[-1:] * total)[:total]
    drawn = r"\bforall[ \t]+{}[ \t]+in[ \t]+uniform\(([^()\n]*)\)"
    told = [re.search(drawn.format(axis.name), typer.source.text) for axis in item.axes]
    if len(given) == 1 and len(told) == total:
        listed = [f"[{end[1]}]" if end else own for end, own in zip(told, listed, strict=True)]
    return f"box({', '.join(listed)})"


def _one_list(typer: Typer, source: Call, listed: Vector) -> None:
    """`box([0, 1, -1, 1])`: the ends of all intervals in one list."""
    ends = [typer.slice(end) for end in listed.items]
    pairs = zip(ends[::2], ends[1::2], strict=True)
    meant = f"box({', '.join(f'[{low}, {high}]' for low, high in pairs)})"
    said = f"{typer.text(source)}: each interval stands in brackets of its own"
    typer.report("CS326", said, source.span, "one list of all ends", **writing(source.span, meant))


def _corners(typer: Typer, source: Call) -> tuple[str, ...]:
    """`box([0, -1], [1, 1])`, where it may be two corners: an interval an axis."""
    pair = [a.items for a in source.arguments if isinstance(a, Vector)]
    if len(pair) != 2 or any(len(corner) != 2 for corner in pair):
        return ()
    axes = list(zip(*pair, strict=True))
    ends = [[typer.value(end) for end in axis] for axis in axes]
    if not all(low is not None and high is not None and low < high for low, high in ends):
        return ()
    text = ", ".join(f"[{', '.join(map(typer.slice, axis))}]" for axis in axes)
    return (f"or for two corners: `box({text})`",)


def _axis(typer: Typer, argument: Expr, corners: tuple[str, ...] = ()) -> None:
    if isinstance(argument, Vector) and len(argument.items) == 2:
        low, high = (typer.value(end) for end in argument.items)
        if low is not None and high is not None and low > high:
            said = f"the interval {typer.text(argument)} is empty"
            label = f"{number(low)} is above {number(high)}"
            helps = ("write the lower end first", *corners)
            typer.report("CS303", said, argument.span, label, helps=helps)
        for end in argument.items:
            typer.kind(end, OUTSIDE)
        return
    said, helps = f"{typer.text(argument)} is no interval", ("write `[0, 1]`",)
    typer.report("CS317", said, argument.span, _NO_INTERVAL, helps=helps)


def _size(typer: Typer, dimensions: tuple[Expr, ...]) -> int | None:
    sizes = [typer.value(dimension) for dimension in dimensions]
    return None if None in sizes else math.prod(int(size) for size in sizes if size is not None)
