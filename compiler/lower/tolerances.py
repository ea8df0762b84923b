"""How near to its bound a requirement counts as met, where the spec leaves it open.

What is counted is exact: `P[..] <= 5%` is met at 5% and no further. What is trained is met within
1e-6 of its bound, an equality or a set within 1e-3, both times the bound where that is larger than
1; a problem of decision variables alone within 1e-6.
"""

from cspec.compiler.records.problem import Constraint, Drawn
from cspec.dsl.check import Checked
from cspec.dsl.tree import nodes
from cspec.dsl.tree.constants import Values, value_or_none
from cspec.dsl.words.sets import DISCRETE


def tolerance_of(c: Constraint, checked: Checked) -> tuple[bool, float]:
    """What `within` is where nothing is given: a default by kind, in the constraint's units."""
    if c.tolerance_given:
        return False, c.tolerance
    if _is_count(c, checked.params):
        return True, 0.0
    bound = value_or_none(c.judged_by, checked.params) if c.relation != "in" else None
    size = max(1.0, abs(bound or 0.0))
    if not checked.symbols.datasets() and not checked.symbols.models():
        return False, 1e-6
    if c.relation in ("==", "in"):
        return False, 1e-3 * size
    return False, 1e-6 * size


def _is_count(c: Constraint, params: Values) -> bool:
    """Whether what is measured is a count, or arithmetic of counts and numbers, at any scale."""
    if (c.set is not None and c.set.word in DISCRETE) or (c.event is not None and c.binders):
        return True
    return _counts(c.value, params)


def _counts(value: nodes.Expr, params: Values) -> bool:
    match value:
        case nodes.Compare():
            return True
        case nodes.Expectation():
            return value.kind == "P" or _counts(value.body, params)
        case nodes.Call(
            function=nodes.Name(id="gap" | "ratio" | "max" | "min" | "abs"), arguments=parts
        ):
            pass
        case nodes.Sum(operands=parts):
            pass
        case nodes.Product(operands=parts, operators=operators) if "@" not in operators:
            pass
        case nodes.Negate(operand=inner) | nodes.Comprehension(body=inner) | Drawn(body=inner):
            parts = (inner,)
        case _:
            return False
    moving = [part for part in parts if value_or_none(part, params) is None]
    return bool(moving) and all(_counts(part, params) for part in moving)
