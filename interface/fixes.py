"""Applying the fixes that come with diagnostics."""

from __future__ import annotations

from collections.abc import Iterable

from cspec.dsl.diagnostics import Diagnostic, Fix


def fixed(text: str, diagnostics: Iterable[Diagnostic], safe_only: bool = True) -> tuple[str, int]:
    """The text after the first fix of every finding, and how many were applied.

    A fix that overlaps one before it has to wait for the next round: its place has changed.
    """
    chosen: list[Fix] = []
    for diagnostic in diagnostics:
        fixes = [fix for fix in diagnostic.fixes if fix.safe or not safe_only]
        if fixes and not any(_overlap(fixes[0], other) for other in chosen):
            chosen.append(fixes[0])
    for fix in sorted(chosen, key=lambda f: f.span.start, reverse=True):
        text = text[: fix.span.start] + fix.replacement + text[fix.span.end :]
    return text, len(chosen)


def _overlap(first: Fix, second: Fix) -> bool:
    """Whether two edits touch: even an insertion at the end of another's place counts."""
    return first.span.start <= second.span.end and second.span.start <= first.span.end
