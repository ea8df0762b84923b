"""The emitted `restore(session)`: from the end of the run to the requirements."""

from __future__ import annotations

from cspec.compiler.emit.writer import Writer
from cspec.compiler.lower.graph import STEPS

BODY = """\
with Restoration(session) as end:  # put back where it is interrupted
    for _ in range({steps}):
        g, amounts = end.measured()
        # What was violated before stays in, or two requirements would take turns.
        rows = end.left(amounts)
        if not len(rows):
            break
        # min |step| s.t. J step <= -amounts, = of equations
        J = jacobian(g, rows, session)
        step = shortest(J, amounts[rows], end.equations(rows), end.slope)
        if not end.go(step):  # no length along it leaves less
            break
    end.tell()
"""
DOC = "Newton's shortest steps to what is asked, on whole data: J step <= -g."


def write_restore(writer: Writer) -> None:
    """Minimum-norm Newton steps on what is violated (`cspec.runtime.finish.restore`)."""
    with writer.function("restore", ("session",), [DOC]):
        writer.comment("Descent on a penalty or a Lagrangian ends near the boundary, not on it.")
        for line in BODY.format(steps=STEPS).splitlines():
            writer.line(line)
