"""Contradictions, duplicates and redundancies between constraints.

Constraints become facts about linear forms (`dsl/values/sums.py`). Two facts on one form contradict
each other where the lower bound is above the upper one; a sum contradicts bounds of its atoms
where its smallest value is above its bound. Conflicting sets are minimal: without any one of its
members the rest can hold.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from itertools import accumulate, islice
from typing import NamedTuple

from cspec.dsl.checks.ranges import subject
from cspec.dsl.explicit.spec import flatten
from cspec.dsl.kinds.typer import Typer
from cspec.dsl.messages.diagnostic import Fix, Label, also_at
from cspec.dsl.messages.wording import listing, number
from cspec.dsl.text.source import Span
from cspec.dsl.tree.nodes import Compare, Constraint, Expectation, Expr, Number, Spec, shape, walk
from cspec.dsl.tree.rebuild import substitute
from cspec.dsl.values.intervals import ALL, Range
from cspec.dsl.values.shares import laws
from cspec.dsl.values.sums import Atom, Fact, Form, facts_of, implied_by

_ROUNDS = 4
_MOST = 5
_LARGEST = 200
"""Parts of a let that is looked into."""


def check_contradictions(
    typer: Typer, spec: Spec, sound: frozenset[str], soft: frozenset[str]
) -> None:
    """Report conflicting, equal and redundant constraints among those without other findings."""
    atoms: dict[Atom, Expr] = {}
    facts: list[Fact] = []
    written = _shares_by_name(typer.explicit_lets)
    pairs = [
        (binders, _written_out(constraint, written))
        for binders, constraint in flatten(spec)
        if constraint.label in sound and constraint.label not in soft
    ]
    for binders, constraint in sorted(pairs, key=lambda p: not isinstance(p[1].relation, Compare)):
        facts.extend(facts_of(binders, constraint, typer.values, atoms))
    for binders, constraint in pairs:
        facts.extend(implied_by(binders, constraint, typer.values, atoms))
    found: set[str | None] = set()
    by_form: dict[Form, list[Fact]] = defaultdict(list)
    for fact in facts:
        by_form[fact.form].append(fact)
    for group in by_form.values():
        if len(group) > 1:
            found |= _same_form(typer, group)
    rest = [fact for fact in facts if fact.constraint.label not in found]
    known = laws(atoms, typer.values, lambda expr: " ".join(typer.slice(expr).split()))
    _sums(typer, [*rest, *known], atoms)


def _shares_by_name(lets: Mapping[str, Expr]) -> dict[str, Expr]:
    """Lets that hold a mean or a share, without the names of other such lets in them."""
    found: dict[str, Expr] = {}
    for _ in range(_ROUNDS):
        for name, value in lets.items():
            full = substitute(value, {k: v for k, v in found.items() if k != name})
            nodes = list(islice(walk(full), _LARGEST + 1))
            if len(nodes) <= _LARGEST and any(isinstance(n, Expectation) for n in nodes):
                found[name] = full
    return found


def _written_out(constraint: Constraint, lets: Mapping[str, Expr]) -> Constraint:
    if not lets or not isinstance(constraint.relation, Compare):
        return constraint
    relation = substitute(constraint.relation, lets)
    return constraint.changed(relation=relation)


def _gap(low: float, high: float) -> bool:
    return low > high + 1e-9 * max(1.0, abs(low), abs(high))


def _same_form(typer: Typer, group: list[Fact]) -> set[str | None]:
    """Conflicts and redundancies among the bounds of one form."""
    lowers = [fact for fact in group if not fact.upper]
    uppers = [fact for fact in group if fact.upper]
    low = max(lowers, key=lambda fact: fact.value, default=None)
    high = min(uppers, key=lambda fact: fact.value, default=None)
    if low is not None and high is not None and _gap(low.value, high.value):
        if low.constraint is not high.constraint:
            _conflict(typer, [low, high])
        else:
            _empty(typer, low, high)
        return {low.constraint.label, high.constraint.label}
    _repeated(typer, lowers, low)
    _repeated(typer, uppers, high)
    return set()


def _place(fact: Fact) -> Span:
    return fact.constraint.relation.span


def _needs(typer: Typer, fact: Fact) -> str:
    """`needs density of at least 0.6`."""
    if fact.implied:
        return "needs " + typer.source.slice(_place(fact))
    name = subject(typer, fact.shown).replace("`", "")
    if isinstance(fact.constraint.relation, Compare) and len(fact.form) == 1:
        relation = fact.constraint.relation
        if "==" in relation.operators:
            return f"needs {name} equal to {number(fact.value)}"
        side = "at most" if fact.upper else "at least"
        atom = fact.form[0][0]
        if isinstance(atom, tuple) and len(atom) == 2 and shape(fact.shown) == atom[1]:
            return f"needs {name} of {side} {number(fact.value)}"
    return "needs " + " ".join(typer.source.slice(_place(fact)).split())


def _conflict(typer: Typer, facts: list[Fact]) -> None:
    """Report a minimal conflicting set at its last member, the others beside it."""
    known = tuple(fact.law for fact in facts if fact.law)
    stated = [fact for fact in facts if not fact.law]
    ordered = sorted(stated, key=lambda fact: _place(fact).start)
    labels = tuple(dict.fromkeys(fact.constraint.label or "" for fact in ordered))
    sets = [fact for fact in ordered if fact.implied]
    text = typer.slice(ordered[-1].constraint)
    if sets:
        verb = "can't hold together"
        notes = (*known, *(_implied_note(typer, fact) for fact in sets))
    else:
        verb = "contradict each other"
        what = typer.slice(max(ordered, key=lambda fact: len(fact.form)).shown) or "the expression"
        every = "both" if len(ordered) == 2 else "all of them"
        why = f"no value of {what} satisfies {every}, so no multiplier update can converge"
        notes = known or (why,)
    moves = _moved(typer, ordered)
    code, said = "CS404" if sets else "CS401", f"constraints {listing(labels, 'and')} {verb}"
    *others, at = [Label(span=_place(fact), text=_needs(typer, fact)) for fact in ordered]
    helps = [f"{'or the other' if i else 'move a bound'}: `{m.title}`" for i, m in enumerate(moves)]
    helps.append(f"drop one, or make one a preference: `{text} soft(weight=0.1)`")
    told = {"related": others, "notes": notes, "helps": helps, "fixes": moves}
    typer.report(code, said, at.span, at.text, **told)


def _moved(typer: Typer, facts: list[Fact]) -> tuple[Fix, ...]:
    """Of two bounds of the same expression, each put where the other one is."""
    if len(facts) != 2 or any(fact.implied or fact.law for fact in facts):
        return ()
    relations = [fact.constraint.relation for fact in facts]
    one, other = (_number_in(typer, relation) for relation in relations)
    if one is None or other is None or facts[0].upper == facts[1].upper:
        return ()
    sides = [
        {shape(o) for o in relation.children()} - {shape(bound)}
        for relation, bound in zip(relations, (one, other), strict=True)
    ]
    if sides[0] != sides[1]:
        return ()
    found = []
    for fact, at, new in zip(facts, (one, other), (other, one), strict=True):
        text = typer.slice(new)
        line = " ".join(typer.exchanged(fact.constraint, at, text).split())
        found.append(Fix(span=at.span, replacement=text, title=line))
    return tuple(found)


def _number_in(typer: Typer, relation: Expr) -> Expr | None:
    """The bound of a comparison of an expression with a number that stands in the text."""
    if not isinstance(relation, Compare) or len(relation.operands) != 2:
        return None
    found = [o for o in relation.operands if isinstance(o, Number)]
    return found[0] if len(found) == 1 and typer.slice(found[0]) else None


def _impossible(typer: Typer, stated: Fact, core: list[Fact]) -> None:
    """One constraint that what holds of shares forbids."""
    said = f"no value satisfies {typer.text(stated.constraint.relation)}"
    notes = tuple(fact.law for fact in core if fact.law)
    help_ = "relax its bound"
    typer.report("CS402", said, _place(stated), "holds for no model", notes=notes, helps=(help_,))


def _implied_note(typer: Typer, fact: Fact) -> str:
    text = typer.source.slice(_place(fact))
    side = "at most" if fact.upper else "at least"
    return f"`{text}` implies that `{fact.implied}` is {side} {number(fact.value)}"


def _empty(typer: Typer, low: Fact, high: Fact) -> None:
    """A chain or an interval that no value satisfies."""
    text = typer.text(low.constraint.relation)
    said = f"no value satisfies {text}"
    label = f"at least {number(low.value)} and at most {number(high.value)}"
    typer.report("CS402", said, _place(low), label, helps=("swap the two bounds",))


def _repeated(typer: Typer, facts: list[Fact], strongest: Fact | None) -> None:
    """Facts that another one already says."""
    if strongest is None:
        return
    seen: set[int] = set()
    for fact in facts:
        if fact is strongest or fact.constraint is strongest.constraint or fact.implied:
            continue
        if id(fact.constraint) in seen or "==" in _operators(fact.constraint):
            continue
        seen.add(id(fact.constraint))
        _redundant(typer, fact, strongest)


def _operators(constraint: Constraint) -> tuple[str, ...]:
    relation = constraint.relation
    return relation.operators if isinstance(relation, Compare) else ()


def _redundant(typer: Typer, fact: Fact, strongest: Fact) -> None:
    same = fact.value == strongest.value
    label, other = fact.constraint.label, strongest.constraint.label
    if len(_operators(fact.constraint)) > 1:
        return
    said = f"constraint `{label}` {'repeats' if same else 'is implied by'} `{other}`"
    related = also_at(_place(strongest), _needs(typer, strongest))
    note = "two multipliers for one requirement share it in an arbitrary way"
    told = {"related": related, "notes": (note,), "helps": (f"remove `{label}`",)}
    typer.warn("CS403", said, _place(fact), "says nothing more", **told)


# --- sums ---


def _sums(typer: Typer, facts: list[Fact], atoms: dict[Atom, Expr]) -> None:
    """Sums against the bounds of what they add."""
    if not any(len(fact.form) > 1 for fact in facts):
        return
    facts = _connected(facts)
    used = {atom for fact in facts for atom, _ in fact.form}
    natural = {key: typer.ranges.of(expr) for key, expr in atoms.items() if key in used}
    left = facts
    for _ in range(_MOST):
        reasons = _propagate(left, natural)
        if reasons is None:
            return
        core = _minimal([fact for i, fact in enumerate(left) if i in reasons], natural)
        stated = [fact for fact in core if not fact.law]
        gone = {fact.constraint.label for fact in stated}
        if len(gone) == 1 and len(core) > len(stated):
            _impossible(typer, stated[0], core)
        elif len(gone) < 2:
            return
        else:
            _conflict(typer, core)
        left = [fact for fact in left if fact.law or fact.constraint.label not in gone]


def _connected(facts: list[Fact]) -> list[Fact]:
    """Facts that share an atom with another constraint: the rest can't be part of a conflict."""
    first: dict[Atom, str | None] = {}
    shared: set[Atom] = set()
    for fact in facts:
        for atom, _ in fact.form:
            if first.setdefault(atom, fact.constraint.label) != fact.constraint.label:
                shared.add(atom)
    return [fact for fact in facts if any(atom in shared for atom, _ in fact.form)]


def _minimal(facts: list[Fact], natural: dict[Atom, Range]) -> list[Fact]:
    """A subset that still conflicts, and no longer does without any one of its members."""
    kept = list(facts)
    for fact in facts:
        without = [other for other in kept if other is not fact]
        if len(facts) <= 40 and _propagate(without, natural) is not None:
            kept = without
    return kept


class _Part(NamedTuple):
    """The range of some terms of a form, and the facts that it comes from."""

    range: Range
    reasons: frozenset[int] = frozenset()

    def plus(self, other: _Part) -> _Part:
        """Both together."""
        return _Part(self.range.add(other.range), self.reasons | other.reasons)

    def times(self, factor: float) -> _Part:
        """So much of it."""
        return self._replace(range=self.range.times(Range(factor, factor)))


_NOTHING, _ANYTHING = _Part(Range(0.0, 0.0)), _Part(ALL)


def _propagate(facts: list[Fact], natural: Mapping[Atom, Range]) -> frozenset[int] | None:
    """Bounds pushed through the facts; the facts that empty an atom, or None."""
    known = {atom: _Part(range_) for atom, range_ in natural.items()}
    for _ in range(_ROUNDS):
        changed = False
        for index, fact in enumerate(facts):
            terms = [known.get(atom, _ANYTHING).times(factor) for atom, factor in fact.form]
            behind = [*accumulate(reversed(terms), _Part.plus, initial=_NOTHING)][-2::-1]
            before = _NOTHING
            for (atom, factor), after in zip(fact.form, behind, strict=True):
                rest, current = before.plus(after), known.get(atom, _ANYTHING)
                old, new = current.range, current.range.meet(_bound(fact, factor, rest.range))
                if new.low > old.low + 1e-9 or new.high < old.high - 1e-9:
                    changed = True
                    known[atom] = _Part(new, current.reasons | rest.reasons | {index})
                    if _gap(new.low, new.high):
                        return known[atom].reasons
                before = before.plus(known.get(atom, _ANYTHING).times(factor))
        if not changed:
            return None
    return None


def _bound(fact: Fact, coefficient: float, rest: Range) -> Range:
    """What a fact leaves for one atom, given the range of the others."""
    if fact.upper:
        limit = (fact.value + fact.slack - rest.low) / coefficient
    else:
        limit = (fact.value - fact.slack - rest.high) / coefficient
    return Range(limit, math.inf) if fact.upper != (coefficient > 0) else Range(-math.inf, limit)
