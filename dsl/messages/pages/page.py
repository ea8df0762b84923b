"""The page of one error code."""

from collections.abc import Mapping

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


_TEXTS = ("title", "explanation", "wrong", "right")


def pages(texts: Mapping[int, tuple[str, ...]], right: str = "") -> dict[str, Code]:
    """Pages by their codes, `CS<number>`, of two to four texts each; `right` where none is said."""
    codes = {f"CS{number}": dict(zip(_TEXTS, of, strict=False)) for number, of in texts.items()}
    return {
        code: Code.model_validate({"code": code, "right": right, **of})
        for code, of in codes.items()
    }
