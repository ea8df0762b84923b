"""`E[e for d in normal(0, 0.1)]` of each example: the mean over draws of noise.

    mean((f(x + d) - f(x))^2 for d in normal(0, 0.1))   d like x: a number for each of its entries
    mean(bce(f(a*x), y) for a in uniform(0.9, 1.1))     a: one number an example

Noise that a sum puts beside a column is like the column, as vectors are added to vectors.
"""

import math
from collections.abc import Mapping
from typing import Literal

from cspec.compiler.expressions.not_compiled import not_compiled
from cspec.compiler.records.problem import Beside, Drawn, Noise
from cspec.dsl.tree import nodes
from cspec.dsl.tree.constants import Values, is_whole, value_or_none
from cspec.dsl.tree.rebuild import names, substitute

DRAWS = 8
"""Of a step, where a spec does not say, ..."""
JUDGED = 64
"""... and at least where a verdict is measured."""


def is_noise(binder: nodes.Binder) -> bool:
    """Whether a name goes over a distribution."""
    return _distribution(binder) is not None


def with_noise(node: nodes.Comprehension, columns: frozenset[str], params: Values) -> nodes.Expr:
    """A mean whose sets are distributions, those before them finite, as one node.

    Raises:
        SpecError: CS520, what has no draws yet.
    """
    drawn = tuple(b for b in node.binders if is_noise(b))
    others = tuple(b for b in node.binders if not is_noise(b))
    if node.function != "mean":
        raise not_compiled(f"`{node.function}` over a distribution", node)
    if any(b.condition is not None for b in drawn):
        raise not_compiled("a distribution with a `where`", node)
    if others:
        inner = with_noise(node.model_copy(update={"binders": drawn}), columns, params)
        return node.model_copy(update={"body": inner, "binders": others})
    found = [_noise(binder, node.body, columns, params) for binder in drawn]
    beside: dict[str, nodes.Expr] = {}
    for binder, (noise, _) in zip(drawn, found, strict=True):
        column = None if noise.like is None else nodes.Name(id=noise.like)
        beside[binder.names[0]] = Beside(name=noise.name, column=column, span=binder.span)
    draws = max(count for _, count in found)
    return Drawn(
        body=substitute(node.body, beside),
        noises=tuple(noise for noise, _ in found),
        draws=draws,
        judged=max(draws, JUDGED),
        written=node,
        span=node.span,
    )


def in_words(node: nodes.Node, params: Values) -> str:
    """By how many draws of what a mean over noise is judged; empty for other nodes."""
    if isinstance(node, nodes.Comprehension) and any(map(is_noise, node.binders)):
        drawn = tuple(b for b in node.binders if is_noise(b))
        found = with_noise(node.model_copy(update={"binders": drawn}), frozenset(), params)
        return in_words(found, params)
    if not isinstance(node, Drawn):
        return ""
    of = " and ".join(f"{n.kind}({n.ends[0]:g}, {n.ends[1]:g})" for n in node.noises)
    return f"{node.judged} draws of {of} an example"


def _distribution(
    binder: nodes.Binder,
) -> tuple[Literal["normal", "uniform"], nodes.Call, nodes.Expr | None] | None:
    match binder.domain:
        case nodes.Call(function=nodes.Name(id="normal" | "uniform" as kind)) as of:
            return kind, of, None
        case nodes.Call(
            function=nodes.Attribute(
                value=nodes.Call(function=nodes.Name(id="normal" | "uniform" as kind)) as of,
                name="sample",
            ),
            arguments=(n,),
        ):
            return kind, of, n
    return None


def _noise(
    binder: nodes.Binder, body: nodes.Expr, columns: frozenset[str], params: Values
) -> tuple[Noise, int]:
    """A noise, and how many draws a step takes."""
    found = _distribution(binder)
    assert found is not None
    kind, of, number = found
    first, second = (value_or_none(end, params) for end in of.arguments)
    count = DRAWS if number is None else value_or_none(number, params)
    known = first is not None and second is not None and math.isfinite(first + second)
    if not known or count is None or count < 1 or not is_whole(count):
        raise not_compiled("a distribution whose numbers are not known before the run", of)
    assert first is not None and second is not None
    if (kind == "normal" and second < 0) or (kind == "uniform" and first > second):
        raise not_compiled("a distribution of negative width", of)
    name = binder.names[0]
    like = _added_to(name, body, columns, params)
    return Noise(f"{name} drawn", kind, (first, second), like), int(count)


def _added_to(
    name: str, body: nodes.Expr, columns: frozenset[str], params: Mapping[str, object]
) -> str | None:
    """The column beside which noise stands in a sum, alone or times numbers."""
    sums = (node.operands for node in nodes.walk(body) if isinstance(node, nodes.Sum))
    near = (terms for terms in sums if any(_multiple(o, name, params) for o in terms))
    found = (_scaled(operand, columns) for terms in near for operand in terms)
    return next((column for column in found if column is not None), None)


def _scaled(expr: nodes.Expr, columns: frozenset[str]) -> str | None:
    """The column that an expression is a multiple of."""
    match expr:
        case nodes.Name(id=found) if found in columns:
            return found
        case nodes.Negate(operand=operand):
            return _scaled(operand, columns)
        case nodes.Product(operands=operands) if len(names(expr) & columns) == 1:
            return next((c for o in operands if (c := _scaled(o, columns)) is not None), None)
    return None


def _multiple(expr: nodes.Expr, name: str, params: Mapping[str, object]) -> bool:
    """Whether an expression is a name, or numbers times it."""
    match expr:
        case nodes.Name(id=found):
            return found == name
        case nodes.Negate(operand=operand):
            return _multiple(operand, name, params)
        case nodes.Product(operands=operands):
            others = names(expr) - {name} - frozenset(params)
            return not others and any(_multiple(o, name, params) for o in operands)
    return False
