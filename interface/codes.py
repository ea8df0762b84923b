"""The page of an error code, with the very message that its wrong example gives."""

from __future__ import annotations

from typing import Any, NamedTuple

from cspec.dsl.check import check
from cspec.dsl.code import Code
from cspec.dsl.codes import CODES
from cspec.dsl.render import render_text
from cspec.dsl.source import Source


class Page(NamedTuple):
    """A code and what `cspec check` says about its wrong example (nothing for run-time codes)."""

    code: Code
    message: str

    def text(self) -> str:
        """For a terminal."""
        parts = [f"{self.code.code}: {self.code.title}", self.code.explanation.strip()]
        if self.code.wrong.strip():
            parts.append("Wrong:\n\n" + _indented(self.code.wrong))
        if self.message:
            parts.append("which says\n\n" + _indented(self.message))
        if self.code.right.strip():
            parts.append("Right:\n\n" + _indented(self.code.right))
        return "\n\n".join(parts)

    def markdown(self) -> str:
        """For a page."""
        parts = [f"## {self.code.code}: {self.code.title}", self.code.explanation.strip()]
        if self.code.wrong.strip():
            parts.append(f"Wrong:\n\n```cspec\n{self.code.wrong.strip()}\n```")
        if self.message:
            parts.append(f"```text\n{self.message}\n```")
        if self.code.right.strip():
            parts.append(f"Right:\n\n```cspec\n{self.code.right.strip()}\n```")
        return "\n\n".join(parts)

    def as_json(self) -> dict[str, Any]:
        """For a machine."""
        return {"type": "code", **self.code.model_dump(), "message": self.message}


def code_page(code: str) -> Page | None:
    """The page of a code; None for an unknown one."""
    found = CODES.get(code)
    if found is None:
        return None
    diagnostics = check(Source(text=found.wrong, name="wrong.cspec")).diagnostics
    return Page(found, render_text(d for d in diagnostics if d.code == code))


def _indented(text: str) -> str:
    return "\n".join(f"    {line}".rstrip() for line in text.strip("\n").split("\n"))
