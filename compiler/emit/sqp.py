"""Exact derivatives and the call of the solver, as Python."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

import sympy as sp

from cspec.compiler.algebra.derivatives import MULTIPLIER, Sparse, tree
from cspec.compiler.emit.expressions import Translator
from cspec.compiler.emit.measures import MakeTranslator, objective_value, write_constraints
from cspec.compiler.emit.pieces import called, constant
from cspec.compiler.emit.quadratic import write_quadratic
from cspec.compiler.emit.spg import solver_call, write_ways
from cspec.compiler.emit.writer import Writer
from cspec.compiler.lower.solver_call import LiftedProblem, Solve

SHARED = "#t"
"""What names of shared sub-expressions begin with; no name of a spec can."""


def write_derivatives(solve: Solve, make: MakeTranslator) -> None:
    """`gradient(primal)`, `jacobian(primal)` and `hessian(primal, multipliers)`, where known."""
    found = solve.derivatives
    write_quadratic(solve, make)
    if solve.lift is not None:
        _write_smooth(solve, solve.lift, make)
    if found.gradient is not None:
        with make.writer.shared("gradient", ("primal",), ["df/dx, exact."]):
            values = _values(found.gradient, make, solve)
            make.writer.give(make().call("vector", *values))
    if found.jacobian is not None:
        doc = ["dg/dx, exact: entries (row of g, place in x, derivative) that are not zero."]
        rows = len(solve.equalities)
        shape = (rows, solve.size)
        _write_matrix("jacobian", ("primal",), doc, found.jacobian, make, shape, solve)
    if found.hessian is not None:
        doc = ["Hessian of f + <multipliers, g>, exact: entries of the lower triangle."]
        arguments = ("primal", "multipliers")
        _write_matrix("hessian", arguments, doc, found.hessian, make, (solve.size,), solve)


def _write_smooth(solve: Solve, lift: LiftedProblem, make: MakeTranslator) -> None:
    """`smooth(primal, batch) -> (f, g, true)` over the variables with the auxiliary ones."""
    doc = [
        f"f and g without kinks: `{lift.name}` is above each piece of every max, abs and norm.",
    ]
    with make.writer.shared("smooth", ("primal", "batch"), doc):
        translator = _translator(make, solve)
        make.writer.assign("f", objective_value(lift.objective, translator, solve.vectors))
        translator.names.fresh("f")
        write_constraints(lift.functions, translator, solve.vectors)


def _translator(make: MakeTranslator, solve: Solve) -> Translator:
    translator = make()
    if solve.lift is not None:
        translator.scope = translator.scope._replace(auxiliary=solve.lift.name)
    return translator


def _write_matrix(
    name: str,
    arguments: Sequence[str],
    doc: Sequence[str],
    entries: Sparse,
    make: MakeTranslator,
    shape: tuple[int, ...],
    solve: Solve,
) -> None:
    writer = make.writer
    with writer.shared(name, arguments, doc):
        values = _values([entry for _, _, entry in entries], make, solve)
        function = "matrix" if len(shape) == 2 else "symmetric"
        sizes = [constant(size) for size in shape]
        places = [
            ast.Tuple(elts=[constant(row), constant(column), value])
            for (row, column, _), value in zip(entries, values, strict=True)
        ]
        writer.give(called(function, *sizes, *places))


def _values(entries: Sequence[sp.Expr], make: MakeTranslator, solve: Solve) -> list[ast.expr]:
    """The entries in Python, what they share in locals first."""
    translator = _translator(make, solve)
    shared, reduced = sp.cse(entries, symbols=sp.numbered_symbols(SHARED, real=True), order="none")
    names = {MULTIPLIER: "multipliers"}
    for symbol, _ in shared:
        names[symbol.name] = translator.names.fresh(symbol.name.removeprefix("#"))
    translator.scope = translator.scope._replace(params={**translator.scope.params, **names})
    for symbol, value in shared:
        translated = translator.translate(tree(value))
        make.writer.assign(names[symbol.name], translated)
    return [translator.translate(tree(value)) for value in reduced]


def write_solve(solve: Solve, writer: Writer) -> None:
    """`train(session)`: one call of the solver."""
    settings = solve.settings
    with solver_call("sqp.solve", writer):
        if solve.lift is not None:
            lift = solve.lift
            writer.line("smooth=smooth,")
            writer.line(f"auxiliary=({lift.name!r}, {lift.size}),")
            writer.line(f"above={list(lift.above)!r},")
        if solve.equalities:
            writer.line(f"equalities={solve.equalities!r},")
        write_ways(solve.ways, writer)
        for name in ("gradient", "jacobian", "hessian"):
            if name in written(solve):
                writer.line(f"{name}={name},")
        if solve.bounds:
            writer.line(f"bounds={_bounds(solve)},")
        if solve.eliminated:
            _write_eliminated(solve, writer)
        if solve.affine:
            writer.line(f"affine={_runs(solve.affine)},")
        if solve.quadratic:
            writer.line(f"quadratic={'all' if solve.affine_rows else 'objective'!r},")
        counted = _operations(solve, writer.operations)
        if counted:
            writer.line(f"operations={counted!r},")
        writer.line(f"engine={settings.engine!r},")
        writer.line(f"tolerance={settings.tolerance!r},")
        writer.line(f"iterations={settings.iterations},")
        for name in ("escalate", "convex", "semidefinite"):
            if getattr(solve, name):
                writer.line(f"{name}=True,")


def written(solve: Solve) -> tuple[str, ...]:
    """The derivatives that the module writes out."""
    found = solve.derivatives._asdict()
    names = tuple(name for name, value in found.items() if value is not None)
    if solve.terms is None:
        return names
    return (*names, "gradient", "hessian") if solve.affine_rows else (*names, "gradient")


def _operations(solve: Solve, known: Mapping[str, int]) -> dict[str, int]:
    """Operations of each function that the solver calls: a measure of its cost without a clock."""
    measure = "measure" if solve.lift is None else "smooth"
    names = {"measure": measure, **{name: name for name in written(solve)}}
    return {word: known[name] for word, name in names.items() if name in known}


def _write_eliminated(solve: Solve, writer: Writer) -> None:
    """`place: (constant, {other place: coefficient})`, one variable a line."""
    with writer.block("eliminated={", "},"):
        for place, constant_, terms in solve.eliminated:
            writer.line(f"{place}: ({constant_!r}, {dict(terms)!r}),")
    writer.line(f"held={solve.held!r},")


def _runs(entries: Sequence[int]) -> str:
    """Rising numbers as the ranges [start, stop) that they fill."""
    runs: list[list[int]] = []
    for entry in entries:
        if runs and runs[-1][1] == entry:
            runs[-1][1] = entry + 1
        else:
            runs.append([entry, entry + 1])
    return repr([tuple(run) for run in runs])


def _bounds(solve: Solve) -> str:
    items = [
        f"{entry}: ({place}, {ast.unparse(constant(low))}, {ast.unparse(constant(high))})"
        for entry, place, low, high in solve.bounds
    ]
    return "{" + ", ".join(items) + "}"
