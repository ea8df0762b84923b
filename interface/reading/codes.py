"""The page of an error code, with the very message that its wrong example gives."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from cspec.dsl.check import check
from cspec.dsl.messages.pages.all import CODES
from cspec.dsl.messages.pages.page import Code
from cspec.dsl.messages.render import render_text
from cspec.dsl.not_compiled import LATER
from cspec.dsl.text.limits import QUOTE
from cspec.dsl.text.source import Source
from cspec.reading.page_messages import MESSAGES


class Page(NamedTuple):
    """A code and what its wrong example says, from `cspec check` or from the command shown."""

    code: Code
    message: str
    later: bool = False
    """Whether the right example is one that this version does not compile yet."""

    def text(self) -> str:
        """For a terminal."""
        return self._with("{}", lambda text, _: _indented(text), "which says\n\n")

    def markdown(self) -> str:
        """For a page."""
        return "## " + self._with("`{}`", lambda text, kind: f"```{kind}\n{text.strip()}\n```", "")

    def _with(self, file: str, block: Callable[[str, str], str], says: str) -> str:
        """The page, whose names of files and blocks of text (of a kind) look so."""
        parts = [f"{self.code.code}: {self.code.title}", self.code.explanation.strip()]
        for name, text in self.code.files.items():
            parts.append(f"{file.format(name)}:\n\n{block(text, 'text')}")
        for word, spec, commands in self._examples():
            parts.append(f"{word}:\n\n{block(_narrow(spec), 'cspec')}" if spec else f"{word}:")
            if commands:
                parts.append(block(_shell(commands), "sh"))
            if word == "Wrong" and self.message:
                parts.append(says + block(self.message, "text"))
        return "\n\n".join(parts)

    def _examples(self) -> Iterator[tuple[str, str, tuple[str, ...]]]:
        """What is shown under which word; one spec that is run in two ways is shown once."""
        wrong, right = self.code.wrong.strip(), self.code.right.strip()
        same = wrong == right and bool(wrong)
        if same:
            yield "The spec, spec.cspec", self.code.wrong, ()
        if wrong:
            yield "Wrong", "" if same else self.code.wrong, self.code.commands
        if right:
            word = "Right, and not compiled yet" if self.later else "Right"
            yield word, "" if same else self.code.right, self.code.right_commands

    def as_json(self) -> dict[str, Any]:
        """For a machine."""
        return {"type": "code", **self.code.model_dump(), "message": self.message}


def code_page(code: str) -> Page | None:
    """The page of a code; None for an unknown one."""
    found = CODES.get(code)
    if found is None:
        return None
    diagnostics = check(Source(text=found.wrong, name="wrong.cspec")).diagnostics
    right = check(Source(text=found.right)).diagnostics if found.right else ()
    later = any(d.code in LATER for d in right)
    message = render_text(d for d in diagnostics if d.code == code)
    return Page(found, message or "\n".join(MESSAGES.get(code, ())), later)


def _shell(commands: tuple[str, ...]) -> str:
    """Commands on spec.cspec, which is the spec above them."""
    return "\n".join(f"$ cspec {command}" for command in commands)


def _narrow(text: str) -> str:
    """A spec whose long lines are cut in the middle: those of limits are long on purpose."""
    lines = text.split("\n")
    return "\n".join(
        line if len(line) <= QUOTE else f"{line[: QUOTE // 2]} ... {line[-QUOTE // 4 :]}"
        for line in lines
    )


def _indented(text: str) -> str:
    return "\n".join(f"    {line}".rstrip() for line in text.strip("\n").split("\n"))
