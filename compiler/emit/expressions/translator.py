"""Expression trees -> Python expressions over torch.

Trees are translated node by node, so the arithmetic that runs is the arithmetic that was written.
Forward passes and other costly parts become locals, once each (common sub-expressions).
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from cspec.compiler.emit.expressions.base import TranslatorBase
from cspec.compiler.emit.expressions.calls import translate_call
from cspec.compiler.emit.expressions.examples import looked_up, numbers
from cspec.compiler.emit.expressions.means import by_member, mean
from cspec.compiler.emit.expressions.names import (
    about_the_run,
    translate_attribute,
    translate_index,
    translate_name,
)
from cspec.compiler.emit.expressions.operators import arithmetic, translate_event
from cspec.compiler.emit.expressions.vectors import bounds, places, translate_vectors, vector
from cspec.compiler.emit.expressions.worst_cases import beside, drawn, searched
from cspec.compiler.emit.pieces import constant
from cspec.compiler.emit.writer import Writer
from cspec.compiler.expressions.not_compiled import form, not_compiled
from cspec.compiler.expressions.vectors import (
    Bounds,
    ByMember,
    Constants,
    Entries,
    Extreme,
    Places,
    Repeated,
    Sized,
    Total,
)
from cspec.compiler.records.problem import (
    Beside,
    Category,
    Drawn,
    Initial,
    Lookup,
    ParameterRef,
    PerExample,
    Violations,
    WorstCase,
)
from cspec.dsl.tree.nodes import (
    And,
    Attribute,
    Call,
    Compare,
    Expectation,
    Expr,
    Implies,
    Index,
    Membership,
    Name,
    Negate,
    Not,
    Number,
    Or,
    Power,
    Product,
    String,
    Sum,
    Vector,
)


class Translator(TranslatorBase):
    """Translates the expressions of one emitted function; writes the locals it needs."""

    def translate(self, expr: Expr) -> ast.expr:
        """The Python of an expression.

        Raises:
            SpecError: a form that is not compiled.
        """
        translate = _FORMS.get(type(expr))
        if translate is None:
            raise not_compiled(form(expr), expr)
        return translate(self, expr)

    def beside(self, container: str, writer: Writer | None = None) -> Translator:
        """What translates another function of the module; by default with a writer of its own."""
        names = self.names.copy()
        made = Translator(self.scope, writer or Writer(), names, self.used, container)
        made.constants, made.forwards, made.searched = self.constants, self.forwards, self.searched
        return made


def _of_each(t: TranslatorBase, expr: PerExample) -> ast.expr:
    """One number an example, of those that a condition chooses."""
    with t.over(expr.dataset):
        body = t.translate(expr.body)
        if expr.condition is None:
            return body
        return t.call("only", body, t.translate(expr.condition))


def _branch(t: TranslatorBase, expr: Extreme) -> ast.expr:
    """The surrogate of what is truly the largest (smallest)."""
    compared = (ast.List(elts=numbers(t, side)) for side in (expr.soft, expr.true))
    return t.call("at_largest" if expr.word == "max" else "at_smallest", *compared)


_FORMS: dict[type[Expr], Callable[[TranslatorBase, Any], ast.expr]] = {
    Number: lambda _, expr: constant(expr.value),
    String: lambda _, expr: ast.Constant(expr.value),
    Category: lambda _, expr: ast.Constant(expr.code),
    ParameterRef: lambda t, expr: t.parameter(expr.model, expr.name),
    Name: translate_name,
    **dict.fromkeys((Negate, Sum, Product, Power), arithmetic),
    Vector: vector,
    **dict.fromkeys((Compare, And, Or, Not, Implies, Membership), translate_event),
    Call: translate_call,
    Attribute: translate_attribute,
    Index: translate_index,
    Expectation: mean,
    ByMember: by_member,
    Bounds: bounds,
    Places: places,
    **dict.fromkeys((Entries, Constants, Sized, Total), translate_vectors),
    Lookup: looked_up,
    **dict.fromkeys((Violations, Initial), about_the_run),
    PerExample: _of_each,
    Repeated: lambda t, expr: t.call("repeated", t.translate(expr.body), constant(expr.size)),
    WorstCase: searched,
    Drawn: drawn,
    Beside: beside,
    Extreme: _branch,
}
"""What each form of expression is translated by."""
