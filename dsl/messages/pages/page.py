"""The page of one error code."""

from __future__ import annotations

from pydantic import BaseModel, Field


class Code(BaseModel, frozen=True):
    """What `cspec explain CS101` prints; `wrong` and `right` are complete small specs."""

    code: str
    title: str
    explanation: str
    wrong: str = ""
    """Empty, as `right`, where no spec brings the code about."""
    right: str = ""
    commands: tuple[str, ...] = ()
    """Commands that meet the code with `wrong` as spec.cspec, where a check alone does not."""
    right_commands: tuple[str, ...] = ()
    files: dict[str, str] = Field(default_factory=dict)
    """What those commands read besides."""


def page(number: int, title: str, explanation: str, wrong: str = "", right: str = "") -> Code:
    """The page of `CS<number>`."""
    return Code(code=f"CS{number}", title=title, explanation=explanation, wrong=wrong, right=right)
