"""The calls of the spectral projected gradient solver and of bisection, as Python."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import contextmanager

from cspec.compiler.emit.expressions import Translator
from cspec.compiler.emit.expressions.set_constants import set_constant
from cspec.compiler.emit.writer import Writer
from cspec.compiler.lower.projected_call import SetSolve
from cspec.compiler.records.lowered import EntryRules, Lowered


def write_set_solve(solve: SetSolve, translator: Translator) -> None:
    """`train(session)`: one call of the solver, the sets by variable."""
    writer, settings = translator.writer, solve.settings
    sets = [
        (name, ast.unparse(set_constant(translator, action.set)), action.family)
        for name, action in solve.sets
    ]
    with solver_call("spg.solve", writer):
        with writer.block("sets=[", "],"):
            for name, constant, label in sets:
                writer.line(f"({name!r}, {constant}),  # {label}")
        if solve.equalities:
            writer.line(f"equalities={solve.equalities!r},")
        write_ways(solve.ways, writer)
        writer.line(f"tolerance={settings.tolerance!r},")
        writer.line(f"iterations={settings.iterations},")
        writer.line(f"memory={settings.memory},")
        if settings.starts is not None:
            writer.line(f"starts={settings.starts},")
        if solve.convex:
            writer.line("convex=True,")


@contextmanager
def solver_call(solver: str, writer: Writer) -> Iterator[None]:
    """`train(session)` with one call of a solver, whose other arguments are written inside."""
    doc = ["The whole run: one call of the solver, with the functions above."]
    with writer.function("train", ("session",), doc), writer.block("solve(", ")"):
        for argument in ("session", solver, "measure"):
            writer.line(f"{argument},")
        yield


def write_ways(ways: EntryRules, writer: Writer) -> None:
    """`ways={label: (entries that together make it hold, ...)}`, one rule a line."""
    if not ways:
        return
    with writer.block("ways={", "},"):
        for label, found in ways:
            writer.line(f"{label!r}: {found!r},")


def write_line(lowered: Lowered, writer: Writer) -> None:
    """`train(session)`: one call of bisection."""
    equalities = tuple(e for rule in lowered.rules for e in rule.rule.equalities)
    doc = ["The whole run: the line of the only number that moves is searched."]
    with writer.function("train", ("session",), doc):
        writer.line(f"solve(session, bisection.solve, measure, equalities={equalities!r})")
