"""What a metric knows of the run beside the iterate at hand.

violations(evaluate(primal, data), {"dp": "<="})        data["initial"]["norm(violations, 2)"]
"""

from __future__ import annotations

import ast

from cspec.compiler.emit.expressions.base import TranslatorBase
from cspec.compiler.emit.pieces import attribute, subscript
from cspec.compiler.records.problem import Initial, Violations


def about_the_run(t: TranslatorBase, expr: Violations | Initial) -> ast.expr:
    """Violations by the values and bounds that verdicts are made of; values before training."""
    if isinstance(expr, Initial):
        initial = subscript(ast.Name(id=t.container), ast.Constant("initial"))
        return subscript(initial, ast.Constant(expr.text))
    data: ast.expr = ast.Name(id=t.container)
    if expr.moved is not None:
        t.used.add("instead")
        training, other = expr.moved
        named = [ast.keyword(arg=training, value=ast.Constant(other))]
        data = ast.Call(func=ast.Name(id="instead"), args=[data], keywords=named)
    arguments = [ast.Name(id="primal"), data]
    evaluate = ast.Call(func=ast.Name(id="evaluate"), args=arguments, keywords=[])
    measured = t.local(("evaluate", expr.moved), "measured", evaluate)
    relations = ast.Dict(
        keys=[ast.Constant(label) for label, _ in expr.labels],
        values=[ast.Constant(relation) for _, relation in expr.labels],
    )
    found = t.call("violations", measured, relations)
    if not expr.largest:
        return found
    return ast.Call(func=attribute(found, "max"), args=[], keywords=[])
