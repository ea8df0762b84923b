"""Applying the fixes that come with diagnostics, and only those that make a spec better.

A fix is a guess about what somebody meant. It is written only if the text that it gives has fewer
errors, and says what it said before everywhere else. A slip of the finger (`minimze`) is written
only where the spec then has no mistakes left.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from cspec.dsl.check import Checked, check
from cspec.dsl.messages.diagnostic import Diagnostic, Fix, errors
from cspec.dsl.text.limits import FINDINGS
from cspec.dsl.text.source import Source, Span
from cspec.dsl.text.tokens import tokenize
from cspec.dsl.tree.nodes import SubjectTo
from cspec.reading.slips import slip, words_of

MAX_ROUNDS = 25
"""A fix may uncover the next mistake; so often specs are checked again."""
MAX_TRIALS = 200
"""Fixes that are tried, at most: a text with more mistakes is no spec yet."""
MAX_READ = 60_000
"""Characters that are read to try fixes, beside a few trials that every text has."""
_LEAST = 16
_FEW = 1
"""Trials of a text with more findings than are shown."""


def fixed(text: str, diagnostics: Iterable[Diagnostic], safe_only: bool = True) -> tuple[str, int]:
    """The text after the first fix of every finding, and how many were applied.

    A fix that overlaps one before it has to wait for the next round: its place has changed.
    """
    chosen = _chosen(diagnostics, safe_only)
    return _edited(text, chosen), len(chosen)


def mended(source: Source, safe_only: bool = True) -> tuple[Source, int]:
    """The source with fixes applied round by round, as long as each round makes it better.

    A round applies all first fixes together; where that is no better, each half of them, and so on
    down to each alone, as far as the trials go.
    """
    checked = check(source)
    if not safe_only:
        return _rounds(checked, lambda found: found.diagnostics)
    if any(_slip_of(found, checked) for found in checked.diagnostics):
        text, total = _rounds(checked, _with_slips)
        if not errors(check(text).diagnostics):
            return text, total
    return _rounds(checked, _safe)


def _safe(checked: Checked) -> tuple[Diagnostic, ...]:
    """The findings with their safe fixes alone."""
    return tuple(
        found.model_copy(update={"fixes": tuple(fix for fix in found.fixes if fix.safe)})
        for found in checked.diagnostics
    )


def _with_slips(checked: Checked) -> tuple[Diagnostic, ...]:
    """The findings with their safe fixes, and those of slips."""
    return tuple(
        found if _slip_of(found, checked) else safe
        for found, safe in zip(checked.diagnostics, _safe(checked), strict=True)
    )


def _slip_of(found: Diagnostic, checked: Checked) -> bool:
    """Whether the only fix of a finding puts one right letter in its place."""
    if len(found.fixes) != 1:
        return False
    (fix,) = found.fixes
    return slip(checked.source.slice(fix.span), fix.replacement, words_of(checked))


def _rounds(
    checked: Checked, of: Callable[[Checked], tuple[Diagnostic, ...]]
) -> tuple[Source, int]:
    """The source after all rounds with the first fixes of some findings, and how many they are."""
    total, trials = 0, _trials(checked)
    for _ in range(MAX_ROUNDS):
        chosen = _chosen(of(checked), safe_only=False)
        chosen.sort(key=lambda fix: fix.span.start)
        checked, applied, trials = _by_halves(checked, chosen, trials)
        if not applied:
            break
        total += applied
    return checked.source, total


def offered(checked: Checked) -> tuple[Diagnostic, ...]:
    """The findings with only those fixes that make the spec better, each by itself."""
    trials, most = 0, _trials(checked)
    kept = []
    for diagnostic in checked.diagnostics:
        good = []
        for fix in diagnostic.fixes:
            trials += 1
            if trials <= most and _better(checked, [fix]) is not None:
                good.append(fix)
        kept.append(diagnostic.model_copy(update={"fixes": tuple(good)}))
    return tuple(kept)


def _chosen(diagnostics: Iterable[Diagnostic], safe_only: bool) -> list[Fix]:
    """The first fix of every finding, without those that overlap another.

    What does not parse goes first: other places count in the text as it was meant.
    """
    chosen: list[Fix] = []
    for diagnostic in sorted(diagnostics, key=lambda d: not d.code.startswith("CS1")):
        fixes = [fix for fix in diagnostic.fixes if fix.safe or not safe_only]
        if fixes and not any(_beside(fixes[0], other.span) for other in chosen):
            chosen.append(fixes[0])
    return chosen


def _edited(text: str, fixes: Iterable[Fix]) -> str:
    for fix in sorted(fixes, key=lambda f: f.span.start, reverse=True):
        text = text[: fix.span.start] + fix.replacement + text[fix.span.end :]
    return text


def _trials(checked: Checked) -> int:
    """How many fixes of a text may be tried: its checks together cost about as much as one spec."""
    source = checked.source
    if len(checked.diagnostics) > FINDINGS.most:
        return _FEW
    return min(MAX_TRIALS, max(_LEAST, MAX_READ // (len(source.text) + 1)))


def _by_halves(checked: Checked, chosen: Sequence[Fix], trials: int) -> tuple[Checked, int, int]:
    """The spec after those fixes that help, how many they are, and the trials that are left.

    The later half goes first: what stands before it keeps its place.
    """
    if not chosen or not trials:
        return checked, 0, trials
    better = _better(checked, chosen)
    if better is not None:
        return better, len(chosen), trials - 1
    trials, applied = trials - 1, 0
    middle = len(chosen) // 2
    for half in (chosen[middle:], chosen[:middle]) if middle else ():
        checked, more, trials = _by_halves(checked, half, trials)
        applied += more
    return checked, applied, trials


def _better(before: Checked, fixes: Sequence[Fix]) -> Checked | None:
    """The spec after some fixes, if it has fewer mistakes and elsewhere says the same."""
    if not fixes:
        return None
    text = _edited(before.source.text, fixes)
    after = check(Source(text=text, name=before.source.name))
    if _mistakes(after) >= _mistakes(before):
        return None
    if not _same_around(before.source.text, text, fixes):
        return None
    places = [fix.span for fix in fixes]
    missing = Counter(_statements(before, places)) - Counter(_statements(after, []))
    return None if missing else after


def _same_around(before: str, after: str, fixes: Sequence[Fix]) -> bool:
    """Whether every word that no edit touches is still the same word.

    An `or` in place of `||` in `a||b` would make another name of both.
    """
    if any('"' in fix.replacement for fix in fixes):
        return True  # a quote decides what the words behind it are
    edits = sorted(fixes, key=lambda fix: fix.span)
    new = {(token.start, token.text) for token in tokenize(after)[0]}
    passed = shift = 0
    for token in tokenize(before)[0]:
        while passed < len(edits) and edits[passed].span.end <= token.start:
            edit = edits[passed]
            shift += len(edit.replacement) - (edit.span.end - edit.span.start)
            passed += 1
        near = edits[max(0, passed - 1) : passed + 1]
        number = token.kind == "NUMBER" and any(_beside(edit, token.span) for edit in near)
        touched = passed < len(edits) and edits[passed].span.start < token.end
        if not touched and not number and (token.start + shift, token.text) not in new:
            return False
    return True


def _beside(fix: Fix, place: Span) -> bool:
    """Whether an edit touches a place: a `%` that joins its number."""
    return fix.span.start <= place.end and place.start <= fix.span.end


def _mistakes(checked: Checked) -> tuple[int, int, int]:
    """Errors of syntax, errors, findings: what does not parse hides what else is wrong."""
    wrong = errors(checked.diagnostics)
    syntax = sum(found.code.startswith("CS1") for found in wrong)
    return syntax, len(wrong), len(checked.diagnostics)


def _statements(checked: Checked, edited: Sequence[Span]) -> list[tuple[str, ...]]:
    """The items and constraints of a spec as words, without those that an edit touches."""
    places = []
    for item in checked.spec.items:
        parts = item.constraints if isinstance(item, SubjectTo) else (item,)
        places += [part.span for part in parts]
    return [
        tuple(token.text for token in tokenize(checked.source.slice(place))[0])
        for place in places
        if not any(e.start <= place.end and place.start <= e.end for e in edited)
    ]
