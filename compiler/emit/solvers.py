"""The calls of solvers that own a run, with exact derivatives of what they solve, as Python."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import sympy as sp

from cspec.compiler.algebra.derivatives import MULTIPLIER, Sparse, tree
from cspec.compiler.algebra.quadratic_forms import Block, Term, gradient_by, hessian_by, transposed
from cspec.compiler.emit.expressions import Translator
from cspec.compiler.emit.expressions.vectors import set_constant
from cspec.compiler.emit.measures import MakeTranslator, objective_value, write_constraints
from cspec.compiler.emit.pieces import attribute, called, constant, joined, method, sequence
from cspec.compiler.emit.writer import Writer
from cspec.compiler.expressions.rewrite import call, number
from cspec.compiler.lower.solver_call import LiftedProblem, SetSolve, Solve
from cspec.compiler.records.lowered import EntryRules, Lowered

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


def write_quadratic(solve: Solve, make: MakeTranslator) -> None:
    """`gradient(primal)` and, where all of g is affine, `hessian(primal, multipliers)`.

    Of a quadratic objective, on vectors: `2 * (A.T @ (A @ x - b))`.
    """
    if solve.terms is None:
        return
    with make.writer.shared("gradient", ("primal",), ["df/dx, exact."]):
        translator = make()
        parts = [_gradient(solve, name, size, translator) for name, size in solve.sizes]
        make.writer.give(translator.call("vector", *parts))
    if not solve.affine_rows:
        return
    doc = ["Hessian of f, the same everywhere: that of the Lagrangian, as g is affine."]
    with make.writer.shared("hessian", ("primal", "multipliers"), doc):
        translator = make()
        make.writer.give(_hessian(solve.terms, solve.sizes, translator))


def _gradient(solve: Solve, name: str, size: int, t: Translator) -> ast.expr:
    parts = []
    for factor, vector in gradient_by(solve.terms or (), name):
        known = vector if solve.vectors is None else solve.vectors.expression(vector)
        parts.append(_times(factor, t.translate(known)))
    return joined(ast.Add(), parts) if parts else _zeros((size,), t)


def _hessian(terms: tuple[Term, ...], sizes: Sequence[tuple[str, int]], t: Translator) -> ast.expr:
    rows = []
    for name, length in sizes:
        row = []
        for other, width in sizes:
            blocks = [_block(b, (length, width), t) for b in hessian_by(terms, name, other)]
            row.append(joined(ast.Add(), blocks) if blocks else _zeros((length, width), t))
        rows.append(_side_by_side(row, 1))
    return _side_by_side(rows, 0)


def _block(block: Block, shape: tuple[int, int], t: Translator) -> ast.expr:
    left, right = block.left, block.right
    if block.outer:
        assert left is not None
        assert right is not None
        sides = [t.translate(left), t.translate(right)]
        return _times(block.factor, method("torch", "outer", *sides))
    turned = None if left is None else transposed(left)
    if turned is None or right is None:
        one = turned or right or call("eye", number(shape[0]))
        return _times(block.factor, t.translate(one))
    product = ast.BinOp(t.translate(turned), ast.MatMult(), t.translate(right))
    return _times(block.factor, product)


def _times(factor: float, value: ast.expr) -> ast.expr:
    return value if factor == 1 else ast.BinOp(constant(factor), ast.Mult(), value)


def _zeros(shape: tuple[int, ...], t: Translator) -> ast.expr:
    sizes: list[ast.expr] = [ast.Constant(size) for size in shape]
    kind = attribute(ast.Name(id="torch"), t.scope.precision)
    return method("torch", "zeros", *sizes, dtype=kind)


def _side_by_side(parts: Sequence[ast.expr], axis: int) -> ast.expr:
    if len(parts) == 1:
        return parts[0]
    return method("torch", "cat", sequence(parts), ast.Constant(axis))


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
    doc = ["The whole run: the line of the only number that moves is searched."]
    with writer.function("train", ("session",), doc):
        writer.line(f"solve(session, bisection.solve, measure, equalities={lowered.equalities!r})")
