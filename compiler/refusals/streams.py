"""A loader, or a loop of one's own, has batches of its own: what a spec may say beside them."""

from collections.abc import Iterator
from typing import Literal

from cspec.compiler.expressions.not_compiled import not_compiled
from cspec.compiler.expressions.rewrite import datasets_of
from cspec.compiler.records.facts import Facts, StreamFacts
from cspec.compiler.records.problem import Problem
from cspec.dsl.check import Checked
from cspec.dsl.messages.diagnostic import Diagnostic, SpecError
from cspec.dsl.settings.fit import FitSettings
from cspec.dsl.settings.points import Pairs
from cspec.dsl.text.source import NOWHERE, Span
from cspec.dsl.tree.nodes import Call, Data, Fit, Name

Size = int | Literal["full"]


def check_streams(problem: Problem, checked: Checked, facts: Facts) -> tuple[str, ...]:
    """What is to be told of data that come in batches of their own.

    Raises:
        SpecError: CS516, the spec asks for batches of another size or order, or for several a step.
    """
    found: list[Diagnostic] = []
    notes: list[str] = []
    for name in dict.fromkeys(trained_on(problem)):
        stream = facts.data[name].stream if name in facts.data else None
        size = _written(checked.fit, name)
        if stream is not None and size != "full" and checked.fit.accumulate > 1:
            found.append(_own_batches(name, checked, "accumulate"))
        if stream is not None and size != "full" and checked.fit.strata is not None:
            found.append(_own_batches(name, checked, "strata"))
        if stream is None or size is None or size == stream.batch_size:
            continue
        if size == "full":
            notes.append(
                f"`{name}`: batch_size=full takes all its examples at every step, as they were "
                "read once; the loader's batches, sampling and augmentation are not used"
            )
        else:
            found.append(_two_sizes(name, size, stream, checked))
    if found:
        raise SpecError(found)
    return tuple(notes)


def trained_on(problem: Problem) -> Iterator[str]:
    """Datasets that the objective or a constraint draws batches of."""
    for expr in (problem.objective, *(c.value for c in problem.constraints)):
        yield from datasets_of(expr)


def _written(fit: FitSettings, name: str) -> Size | None:
    """The batch size that the spec says for a dataset."""
    if not fit.given("batch_size"):
        return None
    size = fit.batch_size
    return size.get(name) if isinstance(size, dict) else size


def _two_sizes(name: str, size: Size, stream: StreamFacts, checked: Checked) -> Diagnostic:
    own = "batches of its own" if stream.batch_size is None else f"batches of {stream.batch_size}"
    return Diagnostic(
        code="CS516",
        message=f"`{name}` comes in {own}, and the spec asks for {size}",
        span=place_of(checked),
        label="another size",
        notes=("the batches of a loader are those of the training, sampled and augmented by it",),
        helps=(
            "leave `batch_size` out to train on the loader's batches",
            f"or give what the loader reads from, for batches of {size}: {name}=loader.dataset",
        ),
    )


def _own_batches(name: str, checked: Checked, word: str) -> Diagnostic:
    """A setting about the order of examples, or how many a step takes, beside a loader."""
    why, label, other = _AGAINST[word]
    return Diagnostic(
        code="CS516",
        message=f"`{name}` comes in batches of its own{why}",
        span=place_of(checked, word),
        label=label,
        helps=(f"give what the loader reads from: {name}=loader.dataset", other),
    )


_AGAINST = {
    "accumulate": (
        ", one a step: they are not accumulated",
        "several batches a step",
        "or larger batches",
    ),
    "strata": (
        ": their groups are those that it draws",
        "another order",
        "or leave `strata` out",
    ),
}


def place_of(checked: Checked, word: str = "batch_size") -> Span:
    """Where `fit` says a setting."""
    for item in checked.spec.items:
        if isinstance(item, Fit):
            for keyword in item.keywords:
                if keyword.name == word:
                    return keyword.value.span
    return NOWHERE


def check_own_loop(checked: Checked, facts: Facts) -> None:
    """Refuse pairs in a loop of one's own, whose batches come from there.

    Raises:
        SpecError: CS520, one finding a set of pairs.
    """
    if facts.own_loop is None:
        return
    found = [
        diagnostic
        for item in checked.elaborated.items
        if isinstance(item, Data)
        and isinstance(item.source, Call)
        and isinstance(item.source.function, Name)
        and isinstance(checked.sources.get(item.targets[0].name), Pairs)
        for diagnostic in not_compiled(
            f"`{item.targets[0].name}` in a loop of your own",
            item.source,
            "the batches of such a loop come from it: bind them as data, `E[... on points]`",
        ).diagnostics
    ]
    if found:
        raise SpecError(found)
