"""Means of what is flat: the one entry to the surrogate of an expression."""

from dataclasses import dataclass

from cspec.compiler.expressions.rewrite import signed
from cspec.compiler.passes.canonical import negate
from cspec.compiler.records.problem import Drawn, InBranch, PerExample, WorstCase
from cspec.compiler.surrogates.arithmetic import is_number, total
from cspec.compiler.surrogates.base import SoftenerBase
from cspec.compiler.surrogates.calls import call_mean
from cspec.compiler.surrogates.events import event_mean
from cspec.compiler.surrogates.products import power_mean, product_mean
from cspec.compiler.surrogates.random_means import over_atoms
from cspec.compiler.surrogates.statistics import statistic
from cspec.dsl.tree import nodes
from cspec.dsl.words.functions import OF_MEMBERS, SIGNATURES


@dataclass(frozen=True)
class Softener(SoftenerBase):
    """Writes surrogates with one stand-in, over the examples of one dataset."""

    def mean(self, expr: nodes.Expr, sign: int) -> nodes.Expr:
        """The expression with a gradient, where something flat in it moves; else as it is."""
        if not self.flat(expr):
            return expr
        match expr:
            case nodes.Sum():
                found = [(s, self.mean(o, sign if s == "+" else -sign)) for s, o in signed(expr)]
                if any(is_number(operand, 0) for _, operand in found):
                    return total(found)
                return expr.model_copy(update={"operands": tuple(o for _, o in found)})
            case nodes.Negate(operand=operand):
                return negate(self.mean(operand, -sign))
            case nodes.Product():
                return product_mean(self, expr, sign)
            case nodes.Power():
                return power_mean(self, expr, sign)
            case nodes.Vector(items=items):
                means = tuple(self.mean(item, sign) for item in items)
                return expr.model_copy(update={"items": means})
            case nodes.Index(value=value, indices=indices):
                if any(self.open_flat(index) for index in indices):
                    return over_atoms(self, expr, sign)
                return expr.model_copy(update={"value": self.mean(value, sign)})
            case nodes.Attribute(value=value) | InBranch(value=value):
                return expr.model_copy(update={"value": self.mean(value, sign)})
            case WorstCase(body=body) | Drawn(body=body):
                return expr.model_copy(update={"body": self.mean(body, sign)})
            case nodes.Expectation() | PerExample():
                return statistic(self, expr, sign)
            case nodes.Comprehension():
                return self._over_a_set(expr, sign)
            case nodes.Call():
                return call_mean(self, expr, sign)
            case _ if isinstance(expr, nodes.EVENTS):
                return event_mean(self, expr, sign)
        return self.remarks.refuse(expr, "moves, and is constant almost everywhere")

    def _over_a_set(self, expr: nodes.Comprehension, sign: int) -> nodes.Expr:
        """`sum(... for i in S)`; the largest of several events depends on all of them at once."""
        listed = self.listed(expr) if expr.function != "sum" else expr
        if listed is not expr:
            return self.mean(listed, sign)
        spread = expr.function in OF_MEMBERS and not any(SIGNATURES[expr.function].monotone)
        return expr.model_copy(update={"body": self.mean(expr.body, 0 if spread else sign)})
