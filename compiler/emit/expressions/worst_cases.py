"""What is asked at other rows than those of the data, as Python: a function of rows, its caller.

The worst point of a ball is searched by it, and it is averaged over noise.
"""

import ast

from cspec.compiler.emit.expressions.base import Translator, translates
from cspec.compiler.emit.pieces import constant, entry, literal, subscript
from cspec.compiler.expressions.not_compiled import not_compiled
from cspec.compiler.passes.expansion.worst_case import Attack, harder
from cspec.compiler.records.problem import Beside, Drawn, Searched, WorstCase
from cspec.dsl.tree.nodes import EVENTS, Expr, shape


@translates(WorstCase)
def searched(t: Translator, expr: WorstCase) -> ast.expr:
    """`at_worst(...)`: with a stronger attack where a verdict is measured."""
    around = [one.column for one in expr.also if one.center is None]
    around += [expr.column] if expr.center is None else []
    if t.dataset is None or not set(around) <= t.scope.columns(t.dataset):
        raise not_compiled("a ball around something else than a column of the data", expr)
    value = _function(t, expr.body)
    guide = value if expr.guide is None else _function(t, expr.guide)
    attack = Attack(*expr.attack)
    hard = harder(attack)
    norm = _norm(expr.norm)
    place = literal((t.dataset, expr.column))
    settings = {
        "norm": norm,
        "steps": ast.Constant(attack.steps),
        "step": ast.Constant(attack.step),
        "restarts": ast.Constant(attack.restarts),
        "verdict": literal((hard.steps, hard.restarts)),
    }
    if t.container == "data":
        settings["whole"] = ast.Constant(True)
    if expr.center is not None:
        settings["center"] = constant(expr.center)
    if expr.also:
        settings["also"] = ast.List(elts=[_also(t, one) for one in expr.also])
    rows = ast.Name(id=t.container)
    radius = t.translate(expr.radius)
    called = t.call(
        "at_worst", value, guide, ast.Name(id="primal"), rows, place, radius, **settings
    )
    found = t.local(("worst", t.dataset, shape(expr)), "worst_found", called)
    if not isinstance(expr.body, EVENTS):
        return found
    return ast.Compare(left=found, ops=[ast.Gt()], comparators=[ast.Constant(0.5)])


def _norm(norm: float) -> ast.expr:
    return ast.Name(id="torch.inf") if norm == float("inf") else constant(norm)


def _also(t: Translator, one: Searched) -> ast.expr:
    """What is searched together with the first: its name, radius, norm, middle and step."""
    radius = t.translate(one.radius)
    return literal((one.column, radius, _norm(one.norm), one.center, one.step))


@translates(Drawn)
def drawn(t: Translator, expr: Drawn) -> ast.expr:
    """`mean_over_draws(...)`: with more draws where a verdict is measured."""
    if t.dataset is None:
        raise not_compiled("noise beside nothing of the data", expr)
    value = _function(t, expr.body, "drawn")
    noises = tuple((n.name, n.kind, *map(constant, n.ends), n.like) for n in expr.noises)
    settings: dict[str, ast.expr] = {
        "judged": ast.Constant(expr.judged),
        "seed": ast.Constant(t.scope.seed),
    }
    if t.container == "data":
        settings["whole"] = ast.Constant(True)
    if t.noted:
        settings["on"] = ast.Constant(t.dataset)
    rows = (ast.Name(id="primal"), ast.Name(id=t.container), ast.Constant(t.dataset))
    draws = ast.Constant(expr.draws)
    called = t.call("mean_over_draws", value, *rows, literal(noises), draws, **settings)
    return t.local(("drawn", t.dataset, shape(expr)), "mean_drawn", called)


@translates(Beside)
def beside(t: Translator, expr: Beside) -> ast.expr:
    """`rows["train"]["x at rest"]`."""
    found = subscript(entry(t.container, t.dataset or ""), ast.Constant(expr.name))
    return t.local(("beside", expr.name), expr.name.replace(" ", "_"), found)


def _function(t: Translator, body: Expr, word: str = "searched") -> ast.expr:
    """The function of the module that gives one number an example of rows."""
    assert t.dataset is not None
    key = (t.dataset, shape(body))
    if key not in t.searched:
        inner = t.beside("rows")
        name = t.names.fresh(f"{word}_{len(t.searched) + 1}")
        t.searched[key] = (name, inner.writer)
        with inner.writer.function(name, ("primal", "rows"), ["One number an example of rows."]):
            with inner.over(t.dataset):
                found = inner.call("one_each", inner.translate(body), inner.any_column())
            inner.writer.give(found)
    return ast.Name(id=t.searched[key][0])
