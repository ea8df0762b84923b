"""What a metric knows of the run beside the iterate at hand.

violations(evaluate(primal, data), {"dp": "<="})        data["initial"]["norm(violations, 2)"]
"""

from __future__ import annotations

import ast

from cspec.compiler.emit.expressions.base import TranslatorBase
from cspec.compiler.emit.pieces import called, entry, mapping, method, subscript
from cspec.compiler.records.problem import Initial, Violations


def about_the_run(t: TranslatorBase, expr: Violations | Initial) -> ast.expr:
    """Violations by the values and bounds that verdicts are made of; values before training."""
    if isinstance(expr, Initial):
        return subscript(entry(t.container, "initial"), ast.Constant(expr.text))
    data: ast.expr = ast.Name(id=t.container)
    if expr.moved is not None:
        training, other = expr.moved
        data = t.call("instead", data, **{training: ast.Constant(other)})
    evaluate = called("evaluate", ast.Name(id="primal"), data)
    measured = t.local(("evaluate", expr.moved), "measured", evaluate)
    relations = mapping({label: ast.Constant(relation) for label, relation in expr.labels})
    found = t.call("violations", measured, relations)
    return method(found, "max") if expr.largest else found
