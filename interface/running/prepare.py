"""The stages from text to result, each one call: what the commands, Python and notebook share.

    text -> Checked -> Plan -> Prepared (bound, program) -> Result

Nothing here prints. Every failure is a SpecError.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from cspec.compiler.choose.schedule import warnings
from cspec.compiler.lower.margins import columns_held, labels_to_certify
from cspec.compiler.model_outputs import outputs
from cspec.compiler.plan import Plan
from cspec.compiler.records.facts import DataFacts, Facts
from cspec.compiler.records.program import Program
from cspec.compiler.refusals.data_fits import check_labels
from cspec.compiler.specialize import specialize
from cspec.dsl.check import Checked, check
from cspec.dsl.messages.diagnostic import Diagnostic, SpecError, errors
from cspec.dsl.needs import require_runnable
from cspec.dsl.text.source import NOWHERE, Source, Span
from cspec.dsl.tree.nodes import Call, Expectation, From, Given, Name, Objective, Verify, walk
from cspec.dsl.tree.rebuild import column_of
from cspec.functions import bodies, registered
from cspec.reading.specs import placed
from cspec.running.plans import plan_of
from cspec.runtime.bind.bind import Bound, Inputs, bind, facts
from cspec.runtime.bind.outputs import complete, with_operations
from cspec.runtime.bind.shared_rows import shared_rows
from cspec.runtime.bind.text import load_object
from cspec.runtime.data.reading import Reading
from cspec.runtime.session.optimizers import named_by, with_held

COPIED = 0.5
"""Share of rows that data have in common with others, from which they are no data of their own."""


class Prepared(NamedTuple):
    """A spec with its data and models: ready for the first step."""

    plan: Plan
    program: Program
    bound: Bound
    known: Facts
    warnings: tuple[Diagnostic, ...]
    """What is to be said before the first step."""
    base: Path
    """The folder that paths of the spec are relative to."""
    seed: int
    device: str


def seed_of(program: Plan, seed: int | None) -> int:
    """The seed of a run: from outside, else the spec's."""
    return program.checked.fit.seed if seed is None else seed


def prepare(
    symbolic: Plan,
    bindings: Mapping[str, Any],
    *,
    base: Path,
    seed: int | None = None,
    device: str = "cpu",
) -> Prepared:
    """Bind data and models, then specialize.

    Raises:
        SpecError: names that are not bound, data or models that can't be used, and what only now
            can be checked; values that only a loop of the user's own computes.
    """
    with placed(symbolic.checked.source):
        _require_no_given(symbolic.checked)
        require_runnable(symbolic.checked)
    seed = seed_of(symbolic, seed)
    bound = _bound(symbolic, bindings, base, seed)
    with placed(symbolic.checked.source):
        _require_apart(symbolic, bound)
        known = known_facts(symbolic, bound, device)
        program = specialize(symbolic, known, data=bound.data_setups, models=bound.model_setups)
    said = warnings(symbolic.checked, known)
    return Prepared(symbolic, program, bound, known, said, base, seed, device)


def known_facts(symbolic: Plan, bound: Bound, device: str = "cpu") -> Facts:
    """Facts of what was bound, with the outputs of every call that the spec makes."""
    known = facts(bound, device, crosses(symbolic.checked))
    globs = (item.params for item in symbolic.checked.fit.optimizer)
    known = with_held(known, bound.models, named_by(bound.models, globs))
    found = complete(symbolic, bound, known)
    return with_operations(symbolic, bound, found)


def _bound(symbolic: Plan, bindings: Mapping[str, Any], base: Path, seed: int) -> Bound:
    inputs = inputs_of(symbolic, base)
    return bind(inputs, bindings, seed=seed, outputs=lambda data: _outputs(symbolic, data))


def _require_apart(symbolic: Plan, bound: Bound) -> None:
    """Data that certify are rows of their own.

    Raises:
        SpecError: CS410, half of them or more are rows of other data of the spec.
    """
    for item in symbolic.checked.elaborated.items:
        if not isinstance(item, Verify) or item.confidence is None or item.dataset is None:
            continue
        certifies = bound.data.get(item.dataset)
        if certifies is None:
            continue
        for name, other in bound.data.items():
            if name == item.dataset:
                continue
            shared = shared_rows(certifies, other)
            if shared >= COPIED * len(certifies):
                rows = f"{shared:,} of its {len(certifies):,} rows"
                raise Diagnostic(
                    code="CS410",
                    message=f"`{item.dataset}` can't certify: {rows} are rows of `{name}`, too",
                    span=item.dataset_span,
                    label="no certificate from this data",
                    notes=("a certificate with confidence needs data that nothing was chosen on",),
                    helps=("give it rows of its own: divide the data before",),
                ).error()


def _require_no_given(checked: Checked) -> None:
    """A run has nothing to compute `given` values from.

    Raises:
        SpecError: the spec has some.
    """
    items = [item for item in checked.spec.items if isinstance(item, Given)]
    if not items:
        return
    names = [name.alias for item in items for name in item.names]
    keywords = ", ".join(f"{name}=..." for name in names)
    listed = ", ".join(f"`{name}`" for name in names)
    verb = "is" if len(names) == 1 else "are"
    found = Diagnostic(
        code="CS635",
        message=f"{listed} {verb} computed by a loop of your own, so there is nothing to run here",
        span=items[0].span,
        label="values that your loop hands over",
        helps=(
            "in that loop: handle = cspec.bind(spec, optimizer=optimizer), then "
            f"handle.loss({keywords}).backward()",
            "or write the spec with `data` and `model`, and cspec computes them",
        ),
    )
    raise found.error()


def wrong_bindings(
    source: Source, bindings: Mapping[str, Any], base: Path
) -> tuple[Diagnostic, ...]:
    """What is wrong with data and models whatever the params are, to be said beside wrong params.

    Nothing is said where the spec has other errors, or where its params have no values of its own.
    """
    checked = check(source, functions=registered())
    if errors(checked.diagnostics):
        return ()
    try:
        _bound(plan_of(checked), bindings, base, checked.fit.seed)
    except SpecError as error:
        return tuple(d for d in error.diagnostics if d.code.startswith(("CS22", "CS33")))
    return ()


def _outputs(symbolic: Plan, data: Mapping[str, DataFacts]) -> dict[str, int]:
    """Outputs of each model that is built; labels that no model fits are errors."""
    with placed(symbolic.checked.source):
        check_labels(symbolic.checked.elaborated, data)
    return outputs(symbolic, data)


def inputs_of(symbolic: Plan, base: Path) -> Inputs:
    """What a plan needs from outside, and the places that need it."""
    checked = symbolic.checked
    return Inputs(
        data=symbolic.data,
        models=symbolic.models,
        variables=symbolic.variables,
        functions=imported(checked, base),
        needs=needed_at(checked),
        source=checked.source,
        base=base,
        reading=Reading(steps=checked.fit.steps),
        params=tuple(checked.symbols.params()),
    )


def crosses(checked: Checked) -> tuple[tuple[str, ...], ...]:
    """The columns of every `cross(...)` of a spec, and of every `E[.. | a, b]`; with the labels
    where a certificate is asked for, whose margin follows from how often the classes occur."""
    labels = labels_to_certify(checked)
    found = []
    for node in walk(checked.elaborated):
        match node:
            case Call(function=Name(id="cross"), arguments=columns):
                pass
            case Expectation(conditions=columns):
                if labels:
                    held = set().union(*map(columns_held, columns))
                    found.append(tuple(sorted(held.union(labels))))
            case _:
                continue
        found.append(tuple(name for column in columns if (name := column_of(column))))
    return tuple(dict.fromkeys(columns for columns in found if columns))


def imported(checked: Checked, base: Path) -> dict[str, Callable[..., Any]]:
    """The callables of `from ... import ...` and of `@cspec.function`, by their names there."""
    found = bodies()
    for item in checked.spec.items:
        if isinstance(item, From):
            for name in item.names:
                found[name.alias] = load_object(item.module, name.name, base)
    return found


def needed_at(checked: Checked) -> dict[str, Span]:
    """Where each dataset and model is needed: its own line, else a place that uses it."""
    spec = checked.spec.items
    goal = next((item.span for item in spec if isinstance(item, Objective)), NOWHERE)
    places: dict[str, Span] = {}
    for name, symbol in checked.symbols.table.items():
        uses = checked.symbols.uses.get(name, ())
        span = next((s for s in (symbol.span, *uses, goal) if s.end > s.start), NOWHERE)
        if span != NOWHERE:
            places[name] = span
    return places
