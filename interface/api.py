"""cspec from Python.

    import cspec

    result = cspec.run("minimize ce s.t. density(model) <= 0.5", model=net, data=loader)
    print(result["c1"].value, result.status)

Text is a spec, a `pathlib.Path` (or text that ends in `.cspec`) a file. Keyword arguments bind
names: params to numbers, models to modules, data to anything that `cspec.run` can iterate.
`fit={"epochs": 2}` (or `fit="epochs=2"`) is put in place of what the spec says there.
`trust=["scipy"]` names modules that a spec may import (`from scipy.special import ...`).
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from cspec.comparing.using import with_fit
from cspec.dsl.check import Checked
from cspec.dsl.check import check as check_source
from cspec.dsl.format.spec import format_spec
from cspec.dsl.imports.trust import trusting
from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.dsl.names.resolve import resolve
from cspec.dsl.parsing.parse import parse as parse_source
from cspec.dsl.text.running import loading
from cspec.dsl.text.source import Source
from cspec.dsl.text.visible import visible_line
from cspec.dsl.tree.nodes import Spec
from cspec.functions import registered
from cspec.reading.errors import rendered
from cspec.reading.sources import inline_source, read_source
from cspec.reading.specs import checked_spec, tree_of
from cspec.running.outside import Asked

LOG = logging.getLogger("cspec")

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    from cspec.comparing.table import Comparison
    from cspec.compiler.plan import Plan
    from cspec.compiler.records.program import Program
    from cspec.evidence.verification import Verification
    from cspec.runtime.own_loop.handle import Handle
    from cspec.runtime.result.result import Result
    from cspec.runtime.verdict.why.relaxation import Relaxation

Trust: TypeAlias = "Sequence[str] | str"
"""Modules that a spec may bring Python in from (`dsl/imports/trust.py`)."""
SpecLike: TypeAlias = "str | Path | Checked | Plan"
"""A spec as text, as a file, or as `load` gives it."""


def read_spec(spec: SpecLike) -> tuple[Source, Path]:
    """The text of a spec, and the folder its paths are relative to."""
    held = _held(spec)
    if held is not None:
        named = held.source.name
        return held.source, Path(named).parent if named.endswith(".cspec") else Path()
    assert isinstance(spec, str | Path)
    if isinstance(spec, Path) or (spec.endswith(".cspec") and "\n" not in spec):
        return read_source(str(spec)), Path(spec).parent
    return inline_source(spec, "<spec>"), Path()


def _held(spec: SpecLike) -> Checked | None:
    """A spec that was checked before."""
    checked = spec if isinstance(spec, str | Path | Checked) else spec.checked
    return checked if isinstance(checked, Checked) else None


def _asked(spec: SpecLike, names: Mapping[str, Any]) -> Asked:
    """A spec with values of its params, and what is bound to its other names."""
    source, base = read_spec(spec)
    if "fit" in names and isinstance(names["fit"], Mapping | str):
        source = with_fit(source, names["fit"])
        names = {name: value for name, value in names.items() if name != "fit"}
    params, bindings = split_names(source, names)
    held = _held(spec)
    if held is not None:
        own = check_source(source, functions=registered()).params
        given = {name: value for name, value in held.params.items() if own.get(name) != value}
        tables = {name: table.given() for name, table in held.tables.items() if table.keys}
        params = {**given, **tables, **params}
    return Asked(source, base, params, bindings)


def parse(spec: SpecLike) -> Spec:
    """The tree of a spec.

    Raises:
        SpecError: every syntax error.
    """
    with rendered():
        return tree_of(read_spec(spec)[0])


def check(spec: SpecLike, *, trust: Trust = (), **params: object) -> tuple[Diagnostic, ...]:
    """All findings, errors and warnings, in source order; empty for a clean spec."""
    with rendered(), trusting(trust):
        asked = _asked(spec, params)
        given = {**asked.params, **asked.bindings}
        return check_source(asked.source, given, functions=registered()).diagnostics


def load(spec: SpecLike, *, trust: Trust = (), **params: object) -> Checked:
    """The checked spec with values of its params.

    Raises:
        SpecError: all that is wrong with it.
    """
    with rendered(), trusting(trust):
        asked = _asked(spec, params)
        return checked_spec(asked.source, {**asked.params, **asked.bindings})


def format(spec: SpecLike) -> str:
    """The spec in canonical layout; comments stay.

    Raises:
        SpecError: every syntax error.
    """
    with rendered():
        source, _ = read_spec(spec)
        return format_spec(tree_of(source), source)


def explain(
    spec: SpecLike,
    *,
    format: Literal["text", "json", "markdown", "mermaid"] = "text",
    verbose: bool = False,
    trust: Trust = (),
    **params: object,
) -> str:
    """The canonical problem, each method and why, the update graph; needs no data and no model.

    Raises:
        SpecError: all that is wrong with the spec.
    """
    with loading():
        from cspec.compiler.explain.explain import explain as explain_plan
        from cspec.running.plans import plan_of

    with rendered(), trusting(trust):
        return explain_plan(
            plan_of(load(spec, trust=trust, **params)), format=format, verbose=verbose
        )


def compile(spec: SpecLike, *, trust: Trust = (), **names: Any) -> Program:
    """The program of a spec with its data and models bound; `.source` is its training loop.

    Raises:
        SpecError: what is wrong with the spec, or with what is bound.
    """
    with loading():
        from cspec.running.plans import plan_of
        from cspec.running.prepare import prepare
        from cspec.runtime.models.without_trace import by_itself

    with rendered(), by_itself(), trusting(trust):
        asked = _asked(spec, names)
        return prepare(plan_of(asked.checked()), asked.bindings, base=asked.base).program


def run(
    spec: SpecLike,
    *,
    seed: int | None = None,
    device: str = "cpu",
    out: str | Path | None = None,
    progress: Callable[[Mapping[str, Any]], None] | None = None,
    trust: Trust = (),
    **names: Any,
) -> Result:
    """Train, verify, and return the result. Keyword arguments bind the names of the spec.

    `out` is a folder for the run's files; `progress` is called with the state of the run now and
    then. `trust` names modules that the spec may import beside its own files, torch's computations
    and packages that announce functions; what is bound here needs no trust. Nothing is printed; in
    a notebook the result is displayed as a table. What is to be said before the first step is a
    warning of the logger `cspec`.

    Raises:
        SpecError: what is wrong with the spec, or with what is bound.
    """
    with loading():
        from cspec.running.plans import plan_of
        from cspec.running.prepare import prepare
        from cspec.running.train import train
        from cspec.runtime.models.without_trace import by_itself

    with rendered(), by_itself(), trusting(trust):
        asked = _asked(spec, names)
        prepared = prepare(
            plan_of(asked.checked()), asked.bindings, base=asked.base, seed=seed, device=device
        )
        for warning in prepared.warnings:
            said = f"{prepared.program.name}: {warning.message}; {warning.helps[0]}"
            LOG.warning("%s", visible_line(said))
        _show_in_notebooks()
        return train(
            prepared, out=out, on_progress=progress, bindings=asked.bindings, params=asked.params
        )


def resume(
    run: str | Path,
    *,
    accept_changes: bool = False,
    base: str | Path | None = None,
    trust: Trust = (),
    progress: Callable[[Mapping[str, Any]], None] | None = None,
    **names: Any,
) -> Result:
    """Continue the run in a folder from its last good checkpoint, to the same bits.

    What was bound as an object of Python is given again by its name: `resume("r", train=(x, y))`.
    Spec, data, models, code and versions that are not as recorded are refused by name;
    `accept_changes` goes on with them, and the report says so. `base` is the folder of the spec's
    files, where it has moved.

    Raises:
        SpecError: what has changed; no run there; data or models that are missing.
    """
    from cspec.evidence.resuming import go_on, resumption
    from cspec.runtime.models.without_trace import by_itself

    with rendered(), by_itself(), trusting(trust):
        place = None if base is None else Path(base)
        ready = resumption(Path(run), names, accept_changes=accept_changes, base=place)
        return go_on(ready, progress)


def verify(
    run: str | Path, *, base: str | Path | None = None, trust: Trust = (), **names: Any
) -> Verification:
    """Measure the parameters in the folder of a run again, and compare all that it says.

        found = cspec.verify("runs/quick-4db76d68-seed0")
        print(found.holds, found.differences, found.result["dp"].value)

    The spec in the folder is compiled anew; nothing in it is run. What was bound as an object of
    Python is given again by its name: `verify("r", train=(x, y), net=Net())`.

    Raises:
        SpecError: no run there, no parameters in it, a spec that does not compile, data or models
            that are missing.
    """
    with loading():
        from cspec.evidence.verification import verify_run
        from cspec.runtime.models.without_trace import by_itself

    with rendered(), by_itself(), trusting(trust):
        return verify_run(Path(run), names, None if base is None else Path(base))


def load_weights(run: str | Path, **models: Any) -> None:
    """Put the parameters that a run delivered into a model, by its name in the spec.

        net = Net()
        cspec.load_weights("runs/quick-4db76d68-seed0", net=net)

    Parameters and buffers (running statistics) are set in place.

    Raises:
        SpecError: no parameters there, or those of another architecture.
    """
    from cspec.evidence.verification import restored

    with rendered():
        restored(Path(run), models)


def compare(
    spec: SpecLike,
    *,
    using: Sequence[str],
    seeds: int = 3,
    last: bool = False,
    device: str = "cpu",
    out: str | Path | None = None,
    trust: Trust = (),
    **names: Any,
) -> Comparison:
    """One spec by several methods, each in place of its `using`, with several seeds.

        print(cspec.compare(spec, using=["projection", "sal(penalty=0.1)"], model=net))

    A method stands for the constraints that have no `by` of their own. `last` judges last iterates
    in place of those delivered; models bound as objects are copied for each run.

    Raises:
        SpecError: what is wrong with the spec, with the text of a method, or with what is bound.
    """
    from cspec.comparing.compare import compare as compare_methods
    from cspec.runtime.models.without_trace import by_itself

    with rendered(), by_itself(), trusting(trust):
        return compare_methods(
            _asked(spec, names),
            list(using),
            seeds=seeds,
            last=last,
            device=device,
            out=None if out is None else Path(out),
        )


def relax(
    spec: SpecLike,
    *,
    seed: int | None = None,
    device: str = "cpu",
    progress: Callable[[Mapping[str, Any]], None] | None = None,
    trust: Trust = (),
    **names: Any,
) -> Relaxation:
    """How far each bound must give for all requirements to be met; arguments as of `run`.

    Raises:
        SpecError: what is wrong with the spec besides contradictory bounds, or with what is bound.
    """
    from cspec.running.relax import relaxation
    from cspec.runtime.models.without_trace import by_itself

    with rendered(), by_itself(), trusting(trust):
        return relaxation(_asked(spec, names), seed=seed, device=device, on_progress=progress)


def _show_in_notebooks() -> None:
    """In a running IPython, results are displayed as tables also without `%load_ext cspec`."""
    if "IPython" not in sys.modules:
        return
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    if shell is not None:
        from cspec.notebook import show_results

        show_results(shell)


def bind(
    spec: SpecLike,
    *,
    optimizer: torch.optim.Optimizer,
    hook: bool = True,
    steps: int | None = None,
    groups: Mapping[str, Sequence[str | int | float | bool]] | None = None,
    trust: Trust = (),
    **names: Any,
) -> Handle:
    """The constraints of a spec for a training loop of your own.

        handle = cspec.bind(spec, model=net, optimizer=optimizer)
        loss = handle.loss(x=x, y=y)
        loss.backward()
        optimizer.step()              # its hook moves the multipliers

    Multipliers move after the model, from what both saw (the simultaneous order; `run` moves
    multipliers first). Data need not be bound: batches come through `loss`. Where the spec asks
    for the values of a column, bind data that have them (`train=(x, y, sex)`) or name them in the
    order of their codes (`groups={"sex": ["F", "M"]}`). `steps` is how many optimizer steps the
    loop takes: what ramps along a run follows it. `handle.notes` says which clauses of the spec
    have no effect in a loop of your own.

    Raises:
        SpecError: what is wrong with the spec or with what is bound; methods that own the step; an
            optimizer that holds nothing of what the spec moves.
    """
    with loading():
        from cspec.running.own_loop import attach
        from cspec.runtime.models.without_trace import by_itself

    with rendered(), by_itself(), trusting(trust):
        asked = _asked(spec, names)
        return attach(asked, optimizer=optimizer, hook=hook, steps=steps, groups=groups or {})


def split_names(source: Source, names: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Keyword arguments as (params, bindings of data and models)."""
    if not names:
        return {}, {}
    spec, _ = parse_source(source)  # what is wrong with it is said when it is checked
    symbols, _ = resolve(spec, source, registered())
    declared = {name for name, s in symbols.table.items() if s.role == "param"}
    params = {name: _plain(value) for name, value in names.items() if name in declared}
    return params, {name: value for name, value in names.items() if name not in declared}


def _plain(value: Any) -> Any:
    """Arrays and tensors as numbers or lists, series as mappings, which a param takes."""
    if hasattr(value, "to_dict"):
        return value.to_dict()
    return value.tolist() if hasattr(value, "tolist") else value
