"""What cspec has to say about a spec: one record, rendered in many places.

A `Diagnostic` is built where the fact is known and rendered in `dsl/messages/render.py` (terminal),
`interface/render` (notebook) or as JSON. Codes are listed and explained in
`dsl/messages/pages/all.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from pydantic import BaseModel, Field

from cspec.dsl.text.source import NOWHERE, Source, Span
from cspec.dsl.text.visible import visible_line

Severity = Literal["error", "warning"]


class Label(BaseModel, frozen=True):
    """A marked place beside the main one: `text` says what that place needs or means."""

    span: Span
    text: str


class Fix(BaseModel, frozen=True):
    """An edit that makes the spec valid: replace `span` by `replacement`.

    `safe` fixes keep the meaning and are applied by `cspec check --fix`; so is the only fix of a
    finding that puts one letter right, where the spec then has no mistakes left.
    """

    span: Span
    replacement: str
    title: str
    safe: bool = False


class Diagnostic(BaseModel, frozen=True):
    """One finding: a headline that names the user's thing, a place, why, and what to type.

    `label` is the text under the carets, `related` marks other places, `notes` say why, `helps`
    say what to do. `source` is where the spans count; without one the finding has no place.
    """

    code: str
    message: str
    span: Span = NOWHERE
    label: str = ""
    severity: Severity = "error"
    related: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    helps: tuple[str, ...] = ()
    fixes: tuple[Fix, ...] = ()
    source: Source | None = None
    examples: tuple[Fix, ...] = Field((), exclude=True)
    """Right lines for the place, by `title` and `replacement`: the first that checks is shown."""

    def error(self) -> SpecError:
        """The error with this finding alone."""
        return SpecError([self])


def finding(code: str, message: str, span: Span, label: str = "", **extra: Any) -> Diagnostic:
    """A finding by its code, its headline, its place and what stands there."""
    return Diagnostic(code=code, message=message, span=span, label=label, **extra)


def replacing(span: Span, *texts: str | None) -> tuple[Fix, ...]:
    """The fix that types a text in a place, for each text that is known."""
    return tuple(Fix(span=span, replacement=text, title=f"write {text}") for text in texts if text)


def edit(span: Span, text: str, title: str) -> tuple[Fix, ...]:
    """One fix with a title of its own."""
    return (Fix(span=span, replacement=text, title=title),)


def also_at(span: Span, text: str) -> tuple[Label, ...]:
    """Another place, and what is said of it."""
    return (Label(span=span, text=text),)


def writing(span: Span, text: str) -> dict[str, Any]:
    """What is to be typed in a place, as the help and the fix of a finding."""
    return {"helps": (f"write `{text}`",), "fixes": replacing(span, text)}


class SpecError(Exception):
    """A spec (or its data, or its binding) that can't run, with all that was found."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        lines = (f"{found.severity}[{found.code}]: {found.message}" for found in self.diagnostics)
        super().__init__("\n".join(map(visible_line, lines)))


def errors(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Those that stop a run."""
    return tuple(d for d in diagnostics if d.severity == "error")
