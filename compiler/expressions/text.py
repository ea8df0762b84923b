"""Expressions of the problem as people read them: in the language, and in LaTeX.

Functions that only the compiler writes become what they mean: `differences(v)` is `v[i] - v[j]`.
"""

from cspec.compiler.expressions.latex import IMPLIES, binder_latex, latex
from cspec.compiler.expressions.mathematics import Mathematics
from cspec.compiler.expressions.rewrite import changed, function_name, map_binder, rewrite, sum_of
from cspec.compiler.expressions.rows import without_rows
from cspec.compiler.expressions.vectors import Constants, Repeated, Sized, Total
from cspec.compiler.records.problem import (
    Beside,
    Category,
    Drawn,
    InBranch,
    Lookup,
    ParameterRef,
    PerExample,
    SetMember,
    WorstCase,
)
from cspec.dsl.format.expressions import format_binder, format_expression
from cspec.dsl.tree import nodes
from cspec.dsl.tree.rebuild import rebuild


def readable(expr: nodes.Expr) -> nodes.Expr:
    """The expression with nodes and functions of the compiler as those of the language."""
    return _of_each_group(rewrite(expr, _readable))


_REDUCTIONS = frozenset({"gap", "ratio", "max", "min", "sum"})


def _of_each_group(expr: nodes.Expr) -> nodes.Expr:
    """`max(v) <= b` is v - b for each group: `v[i] - b`."""

    def visit(node: nodes.Node) -> nodes.Node:
        if isinstance(node, nodes.Expectation):
            by_group = node.grouped and any(isinstance(c, nodes.Name) for c in node.conditions)
            return _entry(node, "i") if by_group else node
        if isinstance(node, nodes.Index) or function_name(node) in _REDUCTIONS:
            return node
        return rebuild(node, visit)

    return changed(expr, visit)


def mathematics(expr: nodes.Expr) -> Mathematics:
    """An expression in both notations."""
    shown = readable(expr)
    return Mathematics(text=format_expression(shown), latex=latex(shown))


def text(expr: nodes.Expr) -> str:
    """An expression in the notation of the language."""
    return format_expression(readable(expr))


def set_expression(member: SetMember) -> nodes.Expr:
    """A set as one writes it: `stiefel`, `ball(1, norm=2)`, `halfspace(sum(w) <= 1)`."""
    arguments = without_rows(member)
    values = {
        k: v if isinstance(v, nodes.Expr) else nodes.Name(id=str(v)) for k, v in arguments.items()
    }
    positional = tuple(v for k, v in values.items() if k.isdigit())
    keywords = tuple(nodes.Keyword(name=k, value=v) for k, v in values.items() if not k.isdigit())
    if not positional and not keywords:
        return nodes.Name(id=member.word)
    return nodes.Call(function=nodes.Name(id=member.word), arguments=positional, keywords=keywords)


def quantifier(binders: tuple[nodes.Binder, ...]) -> Mathematics | None:
    """`for a in values(sex)`."""
    if not binders:
        return None
    shown = [map_binder(binder, readable) for binder in binders]
    sets = r",\ ".join(binder_latex(binder, IMPLIES) for binder in shown)
    text = "for " + ", ".join(map(format_binder, shown))
    return Mathematics(text=text, latex=rf"\quad\forall\, {sets}")


def _readable(node: nodes.Expr) -> nodes.Expr:
    match node:
        case ParameterRef(name=name):
            return nodes.Name(id=name)
        case Constants():
            return nodes.Name(id=node.shown)
        case Category(text=category):
            return nodes.String(value=category)
        case Lookup(written=written) | WorstCase(written=written) | Drawn(written=written):
            return written
        case Beside(name=name):
            return nodes.Name(id=name.partition(" ")[0])
        case PerExample(body=body):
            return readable(body)
        case Repeated(body=body) | Sized(body=body) | InBranch(value=body):
            return body
        case Total(body=body):
            return nodes.Call(function=nodes.Name(id="sum"), arguments=(body,))
        case nodes.Sum(
            operands=(nodes.Sum(operands=first, operators=signs), *rest), operators=operators
        ):
            # a + b - c reads as it was written: canonical form puts a sum in front.
            update = {"operands": (*first, *rest), "operators": (*signs, *operators)}
            return node.model_copy(update=update)
        case nodes.Call(arguments=arguments):
            return _function(function_name(node), arguments, node)
    return node


def _function(name: str | None, arguments: tuple[nodes.Expr, ...], node: nodes.Call) -> nodes.Expr:
    match name, arguments:
        case "differences", (vector, *others):
            other = others[0] if others else vector
            return nodes.Sum(operands=(_entry(vector, "i"), _entry(other, "j")), operators=("-",))
        case "ratio_differences", (vector, bound, *others):
            other = others[0] if others else vector
            least = nodes.Product(operands=(bound, _entry(other, "j")), operators=("*",))
            return nodes.Sum(operands=(least, _entry(vector, "i")), operators=("-",))
        case "negative", (operand,):
            return nodes.Negate(operand=operand)
        case "every_sum", terms:
            return sum_of([_lettered(term, place) for place, term in enumerate(terms)])
    return node


def _lettered(term: nodes.Expr, place: int) -> nodes.Expr:
    """The term of a sum of all pairs, its pair as `i` and `j`, that of the next `k` and `l`, ..."""

    def renamed(expr: nodes.Expr) -> nodes.Expr:
        match expr:
            case nodes.Index(indices=(nodes.Name(id="i" | "j" as letter),)):
                return _entry(expr.value, chr(ord(letter) + 2 * place))
        return expr

    return rewrite(_of_each_group(term), renamed)


def _entry(vector: nodes.Expr, index: str) -> nodes.Expr:
    return nodes.Index(value=vector, indices=(nodes.Name(id=index),))
