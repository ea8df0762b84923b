"""Replace `let` names and functions by what they stand for.

let kl(a, b) = E[a*log(a/b)] ... c: kl(p, q) <= 1   ->   c: E[p*log(p/q)] <= 1
"""

from cspec.compiler.expressions.rewrite import function_name, rewrite
from cspec.compiler.passes.mapping import map_expressions
from cspec.compiler.records.problem import Problem
from cspec.dsl.tree.nodes import Call, Expr, Let, Name
from cspec.dsl.tree.rebuild import substitute


def inline_lets(problem: Problem, lets: dict[str, Let]) -> Problem:
    """The problem without `let` names."""
    if not lets:
        return problem

    def step(expr: Expr) -> Expr:
        if isinstance(expr, Name) and expr.id in lets and lets[expr.id].parameters is None:
            return rewrite(lets[expr.id].value, step)
        name = function_name(expr)
        if isinstance(expr, Call) and name in lets:
            parameters = lets[name].parameters or ()
            bound = dict(zip(parameters, expr.arguments, strict=True))
            return rewrite(substitute(lets[name].value, bound), step)
        return expr

    return map_expressions(problem, lambda expr: rewrite(expr, step))
