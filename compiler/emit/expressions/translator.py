"""Expression trees -> Python expressions over torch.

Trees are translated node by node, so the arithmetic that runs is the arithmetic that was written.
Forward passes and other costly parts become locals, once each (common sub-expressions).
"""

from __future__ import annotations

import ast

from cspec.compiler.emit.expressions.arithmetic import arithmetic
from cspec.compiler.emit.expressions.base import TranslatorBase
from cspec.compiler.emit.expressions.calls import translate_call
from cspec.compiler.emit.expressions.events import translate_event
from cspec.compiler.emit.expressions.examples import looked_up, numbers
from cspec.compiler.emit.expressions.means import by_member, mean
from cspec.compiler.emit.expressions.parts import translate_attribute, translate_index
from cspec.compiler.emit.expressions.run_values import about_the_run
from cspec.compiler.emit.expressions.spec_names import translate_name
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
        match expr:
            case Number(value=value):
                return constant(value)
            case String(value=text):
                return ast.Constant(text)
            case Category(code=code):
                return ast.Constant(code)
            case ParameterRef(model=model, name=name):
                return self.parameter(model, name)
            case Name():
                return translate_name(self, expr)
            case Negate() | Sum() | Product() | Power():
                return arithmetic(self, expr)
            case Vector():
                return vector(self, expr)
            case Compare() | And() | Or() | Not() | Implies() | Membership():
                return translate_event(self, expr)
            case Call():
                return translate_call(self, expr)
            case Attribute():
                return translate_attribute(self, expr)
            case Index():
                return translate_index(self, expr)
            case Expectation():
                return mean(self, expr)
            case ByMember():
                return by_member(self, expr)
            case Bounds():
                return bounds(self, expr)
            case Places():
                return places(self, expr)
            case Entries() | Constants() | Sized() | Total():
                return translate_vectors(self, expr)
            case Lookup():
                return looked_up(self, expr)
            case Violations() | Initial():
                return about_the_run(self, expr)
            case PerExample():
                return self._of_each(expr)
            case Repeated(body=body, size=size):
                return self.call("repeated", self.translate(body), constant(size))
            case WorstCase():
                return searched(self, expr)
            case Drawn():
                return drawn(self, expr)
            case Beside():
                return beside(self, expr)
            case Extreme():
                return self._branch(expr)
            case _:
                raise not_compiled(form(expr), expr)

    def _of_each(self, expr: PerExample) -> ast.expr:
        """One number an example, of those that a condition chooses."""
        with self.over(expr.dataset):
            body = self.translate(expr.body)
            if expr.condition is None:
                return body
            return self.call("only", body, self.translate(expr.condition))

    def beside(self, container: str) -> Translator:
        """What translates another function of the module, with a writer of its own."""
        made = Translator(self.scope, Writer(), self.names.copy(), self.used, container)
        made.constants, made.forwards, made.searched = self.constants, self.forwards, self.searched
        return made

    def _branch(self, expr: Extreme) -> ast.expr:
        """The surrogate of what is truly the largest (smallest)."""
        compared = (ast.List(elts=numbers(self, side)) for side in (expr.soft, expr.true))
        return self.call("at_largest" if expr.word == "max" else "at_smallest", *compared)
