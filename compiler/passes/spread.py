"""`gap` and `ratio`: max(v) - min(v), and min(v) / max(v).

Between groups, whose number is known when data are bound, they are words, however they are written:
each pair of groups then has a multiplier. Of vectors of decision variables they are spelled out, as
solvers, the epigraph form and slopes know them.
"""

from cspec.compiler.algebra.shapes import Shapes, shape_of
from cspec.compiler.expressions.rewrite import call, function_name, rewrite
from cspec.compiler.passes.mapping import map_constraints, map_expressions
from cspec.compiler.records.problem import Constraint, Problem
from cspec.dsl.tree import nodes
from cspec.dsl.tree.constants import Values

WORDS = ("gap", "ratio")


def spread(problem: Problem, shapes: Shapes, params: Values) -> Problem:
    """The problem with both words spelled out. `shapes` are those of decision variables.

    gap(x) <= 1    ->    max(x) - min(x) <= 1
    """

    def spelled(expr: nodes.Expr) -> nodes.Expr:
        if not isinstance(expr, nodes.Call) or function_name(expr) not in WORDS:
            return expr
        return spelled_out(expr) if shape_of(expr.arguments[0], shapes, params) else expr

    return map_expressions(problem, lambda expr: rewrite(expr, spelled)) if shapes else problem


def spelled_out(expr: nodes.Call) -> nodes.Expr:
    """`gap(v)` and `ratio(v)` by the largest and the smallest of v."""
    (vector,) = expr.arguments
    ends = call("max", vector), call("min", vector)
    if function_name(expr) == "gap":
        return nodes.Sum(operands=ends, operators=("-",), span=expr.span)
    return nodes.Product(operands=ends[::-1], operators=("/",), span=expr.span)


def gaps(problem: Problem) -> Problem:
    """The problem with both words for what says the same of means over examples.

    max(P[a | g]) - min(P[a | g]) <= 5%                        ->    gap(P[a | g]) <= 5%
    min(e(i) for i in S) / max(e(i) for i in S) >= 80%         ->    ratio(e(i) for i in S) >= 80%
    """

    def gathered(constraint: Constraint) -> Constraint:
        found = _gathered(constraint.value)
        return constraint.model_copy(update={"value": found}) if found is not None else constraint

    return map_constraints(problem, gathered)


def _gathered(value: nodes.Expr) -> nodes.Expr | None:
    match value:
        case nodes.Sum(operands=(first, second), operators=("-",)):
            word, ends = "gap", ("max", "min")
        case nodes.Product(operands=(first, second), operators=("/",)):
            word, ends = "ratio", ("min", "max")
        case _:
            return None
    match first, second:
        case nodes.Call(arguments=members), nodes.Call(arguments=others):
            words = (function_name(first), function_name(second))
            vector = (
                members[0] if len(members) == 1 else nodes.Vector(items=members, span=first.span)
            )
            gathered: nodes.Expr = call(word, vector)
        case nodes.Comprehension(), nodes.Comprehension():
            words = (first.function, second.function)
            gathered = first.model_copy(update={"function": word, "span": value.span})
            second = second.model_copy(update={"function": first.function})
            members, others = (first,), (second,)
        case _:
            return None
    means = any(isinstance(node, nodes.Expectation) for node in nodes.walk(first))
    return (
        gathered
        if words == ends and means and nodes.shape(members) == nodes.shape(others)
        else None
    )
