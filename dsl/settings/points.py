"""What stands behind a dataset that a spec makes: of `q.sample(200)`, of `pairs(train)`."""

from typing import ClassVar, Literal

from pydantic import Field

from cspec.dsl.settings.base import Settings


class Points(Settings):
    """Points of a box or of normal distributions, on a grid, drawn once, or drawn at every step.

    Of those that are drawn once, `closed` has some on the faces of a box.

    One number an axis: `lower`, `upper` are ends of intervals, or mean and deviation. `widths` says
    how many axes each column takes.
    """

    word: ClassVar[str] = "points"
    kind: Literal["uniform", "normal"] = Field("uniform", description="how points lie")
    way: Literal["grid", "held", "closed", "redrawn"] = Field(
        "redrawn", description="how they are chosen"
    )
    lower: tuple[float, ...] = Field(description="lower ends, or means")
    upper: tuple[float, ...] = Field(description="upper ends, or deviations")
    widths: tuple[int, ...] = Field(description="axes of each column")
    n: int = Field(ge=1, description="points; of a grid those along an axis")
    seed: int = Field(0, ge=0, description="which points")

    @property
    def drawn(self) -> bool:
        """Whether points are drawn, so that `n` is how many there are."""
        return self.way != "grid"


class Pairs(Settings):
    """Ordered pairs of two different examples of a dataset.

    Their columns are those of both: `a.x`, `a.y`, `b.x`, `b.y` with the names `a`, `b`.
    """

    word: ClassVar[str] = "pairs"
    data: str = Field(description="the dataset whose examples they are of")
    names: tuple[str, str] = Field(("a", "b"), description="what the two examples are called")
    way: Literal["held", "redrawn"] = Field("redrawn", description="how they are chosen")
    n: int | None = Field(None, ge=1, description="pairs drawn for a step; None for all")
    seed: int = Field(0, ge=0, description="which pairs")


MADE: dict[str, type[Settings]] = {record.word: record for record in (Points, Pairs)}
"""Sources of datasets that a spec makes; nobody writes them in a `data` line."""
