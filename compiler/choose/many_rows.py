"""Requirements on each of many rows: how the solver at the end of a run takes rows in.

It sees `EACH` rows at once. Of more it sees those near their bounds, and then those, too, that its
solution violates. A solution has as many rows at their bounds as there are parameters, at most.
"""

EACH = 512
"""Rows of requirements on each example that the solver sees at once."""
BESIDE, ROOM = 16, 4
"""Rows that are taken in beside two a parameter, and for how often there has to be room."""


def taken_in(parameters: int) -> int | None:
    """How many rows are taken in at once; None of more parameters than there is room for."""
    some = BESIDE + 2 * parameters
    return some if ROOM * some <= EACH else None
