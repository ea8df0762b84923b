"""The emitted `restore(session)`: from the end of the run to the requirements."""

from __future__ import annotations

from cspec.compiler.emit.expressions import Translator
from cspec.compiler.lower.restoration import STEPS


def write_restore(translator: Translator, *, sharp: bool) -> None:
    """Minimum-norm Newton steps on what is violated (`cspec.runtime.finish.restore`)."""
    writer = translator.writer
    translator.used |= {"Restoration", "jacobian", "shortest"}
    doc = ["x <- x - J' (J J')^-1 g over whole data: the shortest step to what is asked."]
    with writer.function("restore", ("session",), doc):
        start = "Restoration(session, sharp=True)" if sharp else "Restoration(session)"
        writer.line(f"with {start} as near:")
        with writer.indented():
            writer.line(f"for _ in range({STEPS}):")
            with writer.indented():
                writer.line("g, true = near.measured()")
                writer.line("rows = near.left(true)")
                writer.line("if not len(rows):")
                with writer.indented():
                    writer.line("break")
                writer.line("step = shortest(jacobian(g, rows, session), true[rows])")
                writer.line("if not near.go(step):")
                with writer.indented():
                    writer.line("break")
            writer.line("near.tell()")
