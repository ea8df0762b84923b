"""The gradient of each canonical function, where the surrogate is an expression of its own.

A surrogate of as many canonical functions as the requirement, each with as many entries, lends each
of them its gradient. One of another number is taken as it is written, one number S - bound, and
lends all of them the same: the step then follows (sum of the weights) times grad S. So for

    gap(P[pred == 1 | sex]) <= 5% with surrogate E[prob[1]]

the price of the requirement is the sum of the multipliers of its pairs, and with

    P[pred == 1] <= 5% with surrogate abs(E[f(x)])

the one multiplier weighs abs(E[f(x)]) - 5%: the part of it that is violated. A quotient stays one
unless the requirement is one, too, whose canonical functions are without its denominator.
"""

from collections.abc import Callable

from cspec.compiler.expressions.text import text
from cspec.compiler.expressions.vectors import Repeated
from cspec.compiler.passes.canonical import as_written, parts_of, rescales
from cspec.compiler.records.problem import Constraint
from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.dsl.tree.constants import Values
from cspec.dsl.tree.nodes import Expr

Count = Callable[[Expr], int | None]
"""Entries of a canonical function; None where that is not known yet."""


def lent(c: Constraint, surrogate: Expr, count: Count, params: Values) -> tuple[Expr, ...]:
    """What stands for each canonical function of a constraint in the model's step.

    Raises:
        SpecError: a surrogate of several numbers that are not those of the requirement.
    """
    wanted = [count(part) for part in c.parts]
    own = parts_of(surrogate, c, params, rescales(c.value, params))
    if len(own) == len(c.parts):
        counts = zip(map(count, own), wanted, strict=True)
        if all(a is None or b is None or a == b for a, b in counts):
            return own
    one = as_written(surrogate, c)
    found = count(one)
    if found is not None and found > 1:
        shown, several = text(surrogate), f"is {found} numbers, and what it stands for has"
        raise Diagnostic(
            code="CS312",
            message=f"the surrogate `{shown}` {several} {sum(n or 1 for n in wanted)}",
            span=surrogate.span,
            label="which one?",
            notes=("a surrogate of another number of parts is one number",),
            helps=(f"make one number of it: `max({shown})`, `gap({shown})`, `sum({shown})`",),
        ).error()
    return tuple(one if n in (None, 1) else Repeated(body=one, size=n) for n in wanted)
