"""Bisection: the whole line of the only number that moves, violation first, objective second.

    measured at t0, t0 +- 2^k and every value of the data; borders of feasibility bisected to the
    last bit; valleys of the objective by golden sections (Kiefer 1953)

A solver owns the run (`runtime/solvers/bisection.py`). It compares points by (violation, objective)
with the true constraints: rates are steps in the number, so there are no gradients and no
multipliers.
"""

from cspec.compiler.records.fragment import Fragment, Rule


def bisection(rule: Rule) -> Fragment:
    """No state; where a loss is asked for, the squared violation is part of it."""
    value = f"{rule.projected('g')} ** 2 / 2"
    meaning = "violation first, objective second"
    return Fragment(operations=(rule.weighed(rule.projected("true"), value, meaning),))
