"""Spectral projected gradient with an augmented Lagrangian for functions beside the sets.

    x <- P(x - t grad L)          t = <s, s> / <s, y>, shortened by a nonmonotone line search
    L = f + <multipliers, g> + c/2 g^2 on active entries
    multipliers <- [multipliers + c g]+      after each inner minimization
    c <- min(10 c, 1e8)                      where the violation did not halve

A solver owns the run (`runtime/solvers/spg/solve.py`). Sets are held at every iterate; without
functions beside them L = f and one minimization is all. Birgin, Martinez and Raydan 2000; Andreani,
Birgin, Martinez and Schuverdt 2008 (ALGENCAN). It stops at || P(x - grad L) - x || <= tolerance
max(1, ||grad L||).
"""

from cspec.compiler.methods.augmented_lagrangian import hestenes_powell
from cspec.compiler.records.fragment import Fragment, Rule


def spg(rule: Rule) -> Fragment:
    """L_c = f + <multipliers, g> + c/2 g^2; multipliers come from the solver."""
    multipliers = rule.state("multipliers", "Lagrange multipliers, from the solver")
    penalty = rule.state("penalty", "penalties c", 1.0)
    return Fragment(state=(multipliers, penalty), operations=(hestenes_powell(rule),))
