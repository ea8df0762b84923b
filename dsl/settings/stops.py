"""Conditions of `stop when ...`."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from cspec.dsl.settings.base import Settings


class Feasible(Settings):
    """Every requirement is met within a tolerance."""

    word: ClassVar[str] = "feasible"
    positional: ClassVar[tuple[str, ...]] = ("tolerance",)
    tolerance: float = Field(0.0, ge=0, description="largest violation that counts as met")


class Stalled(Settings):
    """The objective has not improved for a while."""

    word: ClassVar[str] = "stalled"
    epochs: int | None = Field(None, ge=1, description="epochs without improvement")
    steps: int | None = Field(None, ge=1, description="steps without improvement")
    tolerance: float = Field(1e-4, ge=0, description="relative change that is an improvement")


STOPS: dict[str, type[Settings]] = {c.word: c for c in (Feasible, Stalled)}
