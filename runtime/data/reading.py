"""How much of a source has to be read, and what a spec leaves to it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Reading:
    """What is known of a run before its data are read.

    Attributes:
        steps: steps that the run takes, where the spec says how many.
        classes_only: whether the data only tell classes and groups (a loop of the user's own).
    """

    steps: int | None = None
    classes_only: bool = False

    @property
    def whole(self) -> bool:
        """Whether a source must come to an end: its length says how long the run is."""
        return self.steps is None and not self.classes_only


MEASURED_ROWS = 20_000
"""Examples of a source without end that are kept, to be measured on."""
MOST_ROWS = 1_000_000
"""Examples after which a source without a length counts as one without end ..."""
MOST_ENTRIES = 2**27
"""... or entries of its columns."""
MOST_COPIED = 2**24
"""Entries of a column in a file up to which it is copied into memory."""
MOST_HELD = 2**29
"""Entries up to which the examples of a loader are held in memory (2 GB in float32); of more, a
sample is."""
