"""Solvers of inner maximizations: `ball(x, r, norm=inf, solver=pgd(steps=7))`."""

from typing import ClassVar

from pydantic import Field

from cspec.dsl.settings.base import Settings


class Pgd(Settings):
    """Projected gradient ascent from a random start. Madry et al. 2018."""

    word: ClassVar[str] = "pgd"
    steps: int = Field(7, ge=1, description="ascent steps")
    step: float | None = Field(
        None, gt=0, description="step size; default: 2.5 r / steps, in verdicts from 2 r down to 0"
    )
    restarts: int = Field(1, ge=1, description="random starts, the worst one counts")


SOLVERS: dict[str, type[Settings]] = {c.word: c for c in (Pgd,)}
