"""Sequential quadratic programming: the Lagrangian L = f + <multipliers, g> of the whole problem.

A solver owns the run (`runtime/solvers/sqp.py`): it takes f, g and exact derivatives and gives x
with its multipliers. The graph keeps the Lagrangian, so that reports and residuals read as for any
method. Nocedal and Wright 2006, chapter 18; engines: SLSQP (Kraft 1988), trust-constr (Conn et al.
2000).
"""

from cspec.compiler.records.fragment import Fragment, Rule
from cspec.compiler.records.graph import Operation


def sqp(rule: Rule) -> Fragment:
    """L = f + <multipliers, g>; multipliers come from the solver, at the end."""
    multipliers = rule.state("multipliers", "Lagrange multipliers, from the solver")
    return Fragment(state=(multipliers,), operations=(priced(rule),))


def priced(rule: Rule) -> Operation:
    """COMBINE of the Lagrangian itself."""
    return rule.weighed("multipliers", "multipliers * g", "L = f + <multipliers, g>")
