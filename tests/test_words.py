"""What is known of a word stands in its record: no code beside its homes names it.

A new set, loss or method then needs no edit but the rows and the file of its recipe. What names a
word all the same is listed with its reason; an entry that is not needed any more fails, too, so
that the list can only shrink.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

from cspec.dsl.settings.methods import METHODS
from cspec.dsl.words.losses import LOSS_WORDS
from cspec.dsl.words.sets import SET_WORDS

ROOT = Path(__file__).resolve().parent.parent
LAYERS = ("grammars", "dsl", "compiler", "runtime", "interface")
NAMESAKES = {
    "auto": "the default of other settings, too",
    "penalty": "also the name of a state and of a setting",
    "spectral": "also a function, in tables of functions",
    "nuclear": "also a function, in tables of functions",
    "affine": "also a property of expressions",
    "symmetric": "also a property of matrices",
    "channels": "also those of images",
}
"""Words that are strings of other things more often than not: not looked for."""
HOMES = {
    "dsl/words/": "the records",
    "dsl/settings/methods.py": "the records",
    "dsl/messages/": "what other libraries call them, and pages with examples",
    "dsl/mistakes/": "what is meant by what other languages write",
    "compiler/methods/": "a file a method",
    "compiler/passes/sets/": "which sets are meant by what is written: they make them",
    "compiler/algebra/set_forms.py": "how many functions a set is",
    "compiler/expressions/rows.py": "makes sets of rows",
    "runtime/operators/": "a file a set",
    "runtime/functions/losses.py": "the bodies of losses",
    "runtime/functions/__init__.py": "the table of bodies",
}

EXCEPTIONS: dict[str, dict[str, str]] = {
    "who chooses methods names them, with reasons in words": {
        "compiler/choose/bisection.py": "bisection",
        "compiler/choose/gate_course.py": "augmented_lagrangian lagrangian",
        "compiler/choose/spg.py": "projection spg",
        "compiler/choose/sqp.py": "sqp",
        "compiler/choose/strategy.py": "admm augmented_lagrangian frank_wolfe lagrangian "
        "output_projection parametrization projection threshold",
        "compiler/relax.py": "exact_penalty sqp",
        "dsl/explicit/spec.py": "parametrization",
        "dsl/explicit/parameters.py": "projection spg sqp",
    },
    "a method whose lines are written beside its file, in the loop or in a call of a solver": {
        "compiler/emit/module.py": "bisection spg sqp",
        "compiler/explain/graph.py": "lagrangian",
        "compiler/lower/rules.py": "output_projection threshold",
        "compiler/lower/solver_call.py": "bisection spg sqp",
        "compiler/notes/own_loop.py": "lagrangian",
        "compiler/pass_inputs.py": "spg sqp",
        "compiler/passes/expansion/expand.py": "output_projection",
        "compiler/specialize.py": "bisection",
        "runtime/own_loop/refusals.py": "projection",
    },
    "checks of what one method can't do": {
        "dsl/checks/constraints.py": "admm lagrangian projection sal",
        "dsl/checks/forms.py": "admm projection threshold",
        "dsl/checks/methods.py": "bisection frank_wolfe output_projection parametrization spg sqp "
        "threshold",
        "dsl/checks/training.py": "augmented_lagrangian exact_penalty lagrangian quadratic_penalty",
        "dsl/not_compiled.py": "augmented_lagrangian lagrangian",
    },
    "sentences that say which method would help": {
        "dsl/settings/record_findings.py": "admm augmented_lagrangian exact_penalty lagrangian "
        "projection sqp",
        "interface/render/words.py": "parametrization projection",
        "runtime/verdict/why/advice.py": "exact_penalty quadratic_penalty",
        "runtime/verdict/why/circling.py": "augmented_lagrangian",
        "runtime/verdict/why/diagnosis.py": "augmented_lagrangian",
    },
    "how the end of a run by one method is looked at": {
        "runtime/verdict/kkt.py": "frank_wolfe projection sqp",
        "runtime/verdict/why/elastic.py": "sqp",
        "runtime/verdict/why/probe.py": "admm frank_wolfe projection",
        "runtime/verdict/why/relaxation.py": "exact_penalty",
    },
    "an engine of `sqp` and a surrogate that have the same names": {
        "runtime/solvers/nlp/engines.py": "augmented_lagrangian",
        "compiler/surrogates/words.py": "hinge",
    },
    "sets of points, of domains and quantifiers, that have the same names": {
        "compiler/expressions/not_compiled.py": "ball grid",
        "dsl/checks/shapes.py": "ball",
        "dsl/checks/sizes.py": "grid",
        "dsl/checks/sources.py": "ball box",
        "dsl/kinds/binders.py": "ball grid",
        "dsl/kinds/calls.py": "grid",
        "dsl/kinds/parts.py": "grid",
        "dsl/kinds/table.py": "ball",
        "compiler/passes/expansion/worst_case.py": "ball",
        "dsl/explicit/points.py": "box grid",
        "dsl/not_compiled.py": "ball grid",
        "dsl/settings/points.py": "grid",
        "runtime/data/points.py": "grid",
    },
    "bounds of variables are a box, and what is a box is a bound": {
        "compiler/choose/projectable_parts.py": "box simplex",
        "compiler/choose/sqp.py": "box nonneg",
        "compiler/emit/constructions.py": "box",
        "compiler/records/problem.py": "ball box",
        "dsl/checks/methods.py": "box nonneg",
    },
    "a density is the set `sparse`, and moves by gates as well": {
        "compiler/choose/strategy.py": "sparse",
        "compiler/emit/sets.py": "nm sparse",
        "compiler/notes/pruning.py": "sparse",
        "compiler/passes/gates.py": "sparse",
        "compiler/refusals/set_shapes.py": "nm",
    },
    "relations between entries that are sets": {
        "compiler/passes/expansion/expand.py": "skew",
        "compiler/passes/expansion/tables.py": "combination",
        "dsl/values/sums.py": "nonneg simplex sphere stiefel",
    },
    "examples of calls, for messages": {
        "dsl/checks/forms.py": "grid nonneg",
        "dsl/kinds/table.py": "nm",
        "dsl/kinds/foreign.py": "correlation",
        "dsl/kinds/forms.py": "ball grid nm rank sparse",
    },
}
MOST = 125
"""Words named outside of their homes, at most: lower it when one goes."""


def _named() -> dict[str, set[str]]:
    """The words that each module outside of the homes names: as text, or by a method's record."""
    words = {*SET_WORDS, *LOSS_WORDS, *METHODS} - NAMESAKES.keys()
    records = {method.__name__: word for word, method in METHODS.items() if word in words}
    found: dict[str, set[str]] = defaultdict(set)
    for layer in LAYERS:
        for path in sorted((ROOT / layer).rglob("*.py")):
            place = path.relative_to(ROOT).as_posix()
            if place.startswith(tuple(HOMES)):
                continue
            tree = ast.parse(path.read_text(encoding="utf-8"))
            for node in ast.walk(tree):
                match node:
                    case ast.Constant(value=str(word)) if word in words:
                        found[place].add(word)
                    case ast.ImportFrom(module="cspec.dsl.settings.methods", names=names):
                        found[place] |= {records[n.name] for n in names if n.name in records}
    return {place: named for place, named in found.items() if named}


def _listed() -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for places in EXCEPTIONS.values():
        for place, words in places.items():
            found[place] |= set(words.split())
    return found


def test_words_stand_in_their_homes_and_in_what_is_listed() -> None:
    named, listed = _named(), _listed()
    new = {place: words - listed.get(place, set()) for place, words in named.items()}
    assert not {place: words for place, words in new.items() if words}, "ask their records instead"


def test_the_list_of_exceptions_only_shrinks() -> None:
    named, listed = _named(), _listed()
    gone = {place: words - named.get(place, set()) for place, words in listed.items()}
    assert not {place: words for place, words in gone.items() if words}, "take these off the list"
    assert sum(map(len, listed.values())) == MOST


def test_homes_are_there() -> None:
    assert all((ROOT / place).exists() for place in HOMES)
