"""Expressions that are one number, or one an example, whatever is bound: no index fits behind them.

    ce(f(x), y)   pred   E[w]   gap(P[.. | sex])   cvar(ce, 0.9)   2*E[w] + 1

A column, an output or a let may have entries: that is known when data and models are bound.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from cspec.dsl.names.symbols import Symbols
from cspec.dsl.tree.features import column_of
from cspec.dsl.tree.nodes import (
    Attribute,
    Call,
    Expectation,
    Expr,
    Index,
    Name,
    Negate,
    Node,
    Number,
    Power,
    Product,
    Sum,
)
from cspec.dsl.words.functions import Signature
from cspec.dsl.words.losses import LOSSES

Single = Literal["one number", "one number an example"]

_EXAMPLE = frozenset({*LOSSES, "pred", "margin"})
_NUMBER = frozenset(
    {"gap", "ratio", "cvar", "quantile", "density", "params", "flops", "bytes", "spectral"}
    | {"nuclear", "violation"}
)


def single(expr: Expr, symbols: Symbols, signatures: Mapping[str, Signature]) -> Single | None:
    """Whether an expression is one number, or one an example; None of what may be more."""
    match expr:
        case Number():
            return "one number"
        case Expectation(kind=kind, body=body, conditions=conditions):
            # A lone name behind the bar may make groups, and the mean of outputs may be a vector:
            # the data and the model say so.
            groups = any(column_of(c) is not None for c in conditions)
            return None if groups or (kind == "E" and _outputs(body, symbols)) else "one number"
        case Name(id=word) | Call(function=Name(id=word)) if symbols.role(word) is None:
            if isinstance(expr, Call) and _elementary(word, signatures):
                return _joined(expr.arguments, symbols, signatures)
            return _of_word(expr, word)
        case Negate(operand=operand):
            return single(operand, symbols, signatures)
        case Power(base=base, exponent=exponent):
            return _joined((base, exponent), symbols, signatures)
        case Sum(operands=operands):
            return _joined(operands, symbols, signatures)
        case Product(operands=operands, operators=operators) if "@" not in operators:
            return _joined(operands, symbols, signatures)
    return None


def _outputs(expr: Node, symbols: Symbols) -> bool:
    """Whether outputs of a model, or its inputs, stand in an expression as they are."""
    match expr:
        case Name(id=word):
            return word in ("prob", "x") and symbols.role(word) is None
        case Index() | Attribute() | Expectation():
            return False
        case Call(function=Name(id=word)) if word in _EXAMPLE and word != "prob":
            return False
        case Call(function=Name(id=word)) if symbols.role(word) == "model":
            return True
    return any(_outputs(child, symbols) for child in expr.children())


def _elementary(word: str, signatures: Mapping[str, Signature]) -> bool:
    signature = signatures.get(word)
    return signature is not None and signature.family == "elementary"


def _of_word(expr: Name | Call, word: str) -> Single | None:
    if word in _EXAMPLE and (isinstance(expr, Call) or word != "margin"):
        return "one number an example"
    return "one number" if word in _NUMBER and isinstance(expr, Call) else None


def _joined(
    parts: tuple[Expr, ...], symbols: Symbols, signatures: Mapping[str, Signature]
) -> Single | None:
    found = [single(part, symbols, signatures) for part in parts]
    if None in found:
        return None
    return "one number an example" if "one number an example" in found else "one number"
