"""`check`: parse a spec and run every static check."""

import re
from collections.abc import Iterable, Iterator, Mapping

from pydantic import BaseModel

from cspec.dsl.checks.constraints import SaidByModifiers, check_constraints
from cspec.dsl.checks.divisions import check_divisions
from cspec.dsl.checks.events import check_events
from cspec.dsl.checks.items import Settled, check_items
from cspec.dsl.checks.meant.conditions import check_conditions
from cspec.dsl.checks.probabilities import check_probabilities
from cspec.dsl.checks.shapes import check_shapes
from cspec.dsl.checks.sizes import check_sizes
from cspec.dsl.checks.surrogates import check_gates
from cspec.dsl.checks.unused_names import check_example_index, check_moved_twice, check_unused
from cspec.dsl.explicit.pairs import with_pairs
from cspec.dsl.explicit.parameters import with_parameters
from cspec.dsl.explicit.points import with_points
from cspec.dsl.explicit.spec import Elaboration, Note, elaborate
from cspec.dsl.explicit.worst_example import with_worst_objective
from cspec.dsl.imports.functions import described
from cspec.dsl.imports.functions import notes as import_notes
from cspec.dsl.kinds.derivatives import check_derivatives
from cspec.dsl.kinds.expressions import ExpressionTyper
from cspec.dsl.messages.brief import brief, once, without_overtaken
from cspec.dsl.messages.diagnostic import Diagnostic, errors
from cspec.dsl.messages.examples import with_examples
from cspec.dsl.names.resolve import categories, hidden_words, resolve, taken_words
from cspec.dsl.names.symbols import Symbols
from cspec.dsl.not_compiled import not_compiled
from cspec.dsl.parsing.one_edit import with_one_edit
from cspec.dsl.parsing.parse import parse
from cspec.dsl.settings.base import Settings
from cspec.dsl.settings.fit import FitSettings
from cspec.dsl.settings.methods import Auto, Method, Soft
from cspec.dsl.text.running import paused, roomy, sought
from cspec.dsl.text.source import Source
from cspec.dsl.text.tokens import common_length
from cspec.dsl.tree.constants import remembered
from cspec.dsl.tree.nodes import Let, Spec
from cspec.dsl.values.outside import ParamTable
from cspec.dsl.words.functions import Signature

_WORD = re.compile(r"[A-Za-z_]\w*")
_WORK, _EACH_CHECK, _EACH_ERROR = 5_500, 150, 60
"""Work on texts that one edit away may be right, and what a check and a finding cost, in the work
of a character."""


class Checked(BaseModel, frozen=True, arbitrary_types_allowed=True):
    """A spec as written, as meant, its names and settings, and all that was found.

    `methods` are settings of constraints with a `by` of their own, `soft` and `within` what those
    modifiers say, by label path; `sources` and `models` the records behind `=` by name.
    """

    source: Source
    spec: Spec
    elaborated: Spec
    symbols: Symbols
    method: Method = Auto()
    methods: dict[str, Method] = {}
    soft: dict[str, Soft] = {}
    within: dict[str, float] = {}
    fit: FitSettings = FitSettings()
    params: dict[str, float | tuple[float, ...]] = {}
    tables: dict[str, ParamTable] = {}
    """Params that have a number for each value of a column."""
    unset: tuple[str, ...] = ()
    """Params that have no value yet."""
    sources: dict[str, Settings] = {}
    models: dict[str, Settings] = {}
    functions: dict[str, Signature] = {}
    """Signatures of functions of a person's own, as far as they say what they are."""
    notes: tuple[Note, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()


@roomy()
@paused()
@remembered()
def check(
    source: Source, params: Mapping[str, object] | None = None, functions: Iterable[Signature] = ()
) -> Checked:
    """Parse and check a spec; all findings, in source order.

    `params` overrides values of params; `functions` adds signatures of user functions. Python
    files that the spec names are read for theirs, never imported.
    """
    own = tuple(functions)
    checked = _check(source, params, own)
    if not errors(checked.diagnostics):
        return checked

    tried = {source.text: checked.diagnostics}
    wrong = len(errors(checked.diagnostics))
    most = _WORK // (common_length(source.text) + _EACH_CHECK + _EACH_ERROR * wrong)

    def found_in(text: Source) -> tuple[Diagnostic, ...]:
        if text.text not in tried and len(tried) <= most:
            tried[text.text] = _check(text, params, own).diagnostics
        # Of what is tried no more, nothing is known to be better than the spec as it is.
        return tried.get(text.text, checked.diagnostics)

    def helped() -> tuple[Diagnostic, ...]:
        shown = with_examples(checked.diagnostics, source, found_in)
        return with_one_edit(shown, source, found_in)

    found = sought(helped, checked.diagnostics)
    return checked.model_copy(update={"diagnostics": found})


def _check_expressions(
    typer: ExpressionTyper, written: Spec, explicit: Spec, settled: Settled
) -> None:
    """What expressions say, wherever they stand; findings go to the typer."""
    check_shapes(typer, explicit.items)
    check_divisions(typer, explicit.items)
    check_derivatives(typer, explicit.items)
    check_example_index(typer, written.items)
    check_probabilities(typer, explicit.items)
    check_gates(typer, explicit.items, settled.models)
    check_events(typer, explicit.items)
    check_conditions(typer, explicit.items)
    check_moved_twice(typer, explicit.items)
    check_unused(typer, explicit)


def _check(
    source: Source, params: Mapping[str, object] | None, functions: Iterable[Signature]
) -> Checked:
    written, syntax = parse(source)
    spec = with_parameters(written)
    imports = described(spec, source)
    extra = {**{signature.name: signature for signature in functions}, **imports.functions}
    hidden = hidden_words(spec, source) if syntax else frozenset()
    symbols, named = resolve(spec, source, extra.values())
    paired = with_pairs(*with_worst_objective(spec, symbols))
    symbols = paired.symbols
    typer = ExpressionTyper(symbols, source, functions=extra)
    too_large = check_sizes(typer, spec.items)  # before lets are written out below
    explicit = Elaboration(spec, (), ()) if too_large else elaborate(paired.spec, source, symbols)
    lets = (item for item in explicit.spec.items if isinstance(item, Let))
    typer.explicit_lets = {let.name: let.value for let in lets}
    typer.categories = categories(explicit.spec)
    settled = Settled(too_large=True)
    if not too_large:
        settled = check_items(typer, spec, explicit.spec, params or {}, hidden)
    limits = SaidByModifiers()
    if not settled.too_large:
        _check_expressions(typer, spec, explicit.spec, settled)
        limits = check_constraints(typer, explicit.spec, settled, tuple(d.span for d in syntax))
    checks = [*named, *paired.diagnostics, *explicit.diagnostics, *typer.found]
    if errors(syntax):  # what is not read may use any name
        checks = [d for d in checks if d.code != "CS203"]
    kept = _kept(checks, source, hidden)
    found = taken_words(symbols, source, [*syntax, *imports.diagnostics, *kept])
    if not errors(found):
        run = (settled.method, limits.methods, settled.fit)
        found += not_compiled(explicit.spec, symbols, *run)
    settings = (settled.sources, settled.fit)
    pointed = with_points(explicit.spec, symbols, typer.values, *settings, paired.made)
    return Checked(
        source=source,
        spec=spec,
        elaborated=pointed.spec,
        symbols=pointed.symbols,
        method=settled.method,
        methods=limits.methods,
        soft=limits.soft,
        within=limits.within,
        fit=pointed.fit,
        params=settled.params,
        tables=settled.tables,
        unset=settled.unset,
        sources=pointed.sources,
        models=settled.models,
        functions=extra,
        notes=(*explicit.notes, *import_notes(spec, imports, symbols.uses)),
        diagnostics=_ordered(found, source),
    )


def _kept(
    checks: Iterable[Diagnostic], source: Source, hidden: frozenset[str]
) -> Iterator[Diagnostic]:
    """Findings of the checks without those that only follow from others."""
    last = ("CS201", "CS206", "CS207")  # they may only be due to a clause that did not parse
    seen = [d for d in checks if d.code not in last or source.slice(d.span) not in hidden]
    fixes = (fix for d in seen if d.code == "CS201" for fix in d.fixes)
    meant = {word for fix in fixes for word in _WORD.findall(fix.replacement)}
    # A name may be unused only because its use is misspelt: one mistake, one finding.
    return (d for d in seen if d.code != "CS203" or source.slice(d.span) not in meant)


def _ordered(found: list[Diagnostic], source: Source) -> tuple[Diagnostic, ...]:
    """In source order, each once, with the source they count in."""
    seen: set[tuple[object, ...]] = set()
    unique = []
    for diagnostic in sorted(found, key=lambda d: (d.span.start, d.span.end)):
        key = (diagnostic.code, diagnostic.span, diagnostic.message)
        if key not in seen:
            seen.add(key)
            unique.append(diagnostic.model_copy(update={"source": diagnostic.source or source}))
    return brief(once(without_overtaken(unique, source), source))


__all__ = ["Checked", "Settled", "check"]
