"""Products and powers of what is flat."""

from math import prod

from cspec.compiler.expressions.rewrite import product_of, signed
from cspec.compiler.surrogates.atoms import predictions, together
from cspec.compiler.surrogates.base import SoftenerBase
from cspec.compiler.surrogates.folding import fold
from cspec.compiler.surrogates.random_means import over_atoms, over_classes
from cspec.dsl.tree.constants import value_or_none
from cspec.dsl.tree.nodes import EVENTS, And, Expr, Power, Product

Factor = tuple[str, Expr]


def product_mean(s: SoftenerBase, product: Product, sign: int) -> Expr:
    """Factors about different things are independent; those about one prediction go together."""
    factors = signed(product)
    if "@" in product.operators:
        return _matrix_product(s, product, sign)
    if any(operator == "/" and s.open_flat(factor) for operator, factor in factors):
        return over_atoms(s, product, sign)
    if s.word.one_sided:
        factors = _events_together(s, factors)
    means: list[Factor] = []
    for group in together(tuple(factor for _, factor in factors), s.moving):
        operator, first = factors[group[0]]
        others = [factor for i, (_, factor) in enumerate(factors) if i not in group]
        side = sign * prod(s.side(other) for other in others)
        if len(group) == 1:
            means.append((operator, s.mean(first, side)))
            continue
        joint = product_of([factors[i] for i in group], product)
        means.append(("*", over_classes(s, joint, side)))
    return means[0][1] if len(means) == 1 else fold(product_of(means, product))


def _events_together(s: SoftenerBase, factors: list[Factor]) -> list[Factor]:
    """Events that are multiplied, as one: bounds of events have no product."""
    multiplied = (factor for operator, factor in factors if operator == "*")
    events = [factor for factor in multiplied if isinstance(factor, EVENTS) and s.flat(factor)]
    if len(events) < 2:
        return factors
    both = And(operands=tuple(events), span=events[0].span)
    kept = [pair for pair in factors if not any(pair[1] is event for event in events[1:])]
    return [(operator, both if factor is events[0] else factor) for operator, factor in kept]


def _matrix_product(s: SoftenerBase, product: Product, sign: int) -> Expr:
    asked = [operand for operand in product.operands if predictions(operand, s.moving)]
    if len(asked) > 1:
        return over_atoms(s, product, sign)
    operands = tuple(s.mean(operand, 0) for operand in product.operands)
    return product.model_copy(update={"operands": operands})


def power_mean(s: SoftenerBase, power: Power, sign: int) -> Expr:
    """A power of an event is the event; powers of means are taken as they are."""
    exponent = value_or_none(power.exponent, s.setting.inference.known.params)
    if isinstance(power.base, EVENTS) and exponent is not None and exponent > 0:
        return s.mean(power.base, sign)
    if s.open_flat(power):
        return over_atoms(s, power, sign)
    rises = exponent is not None and exponent > 0 and s.side(power.base) > 0
    base, raised = s.mean(power.base, sign if rises else 0), s.mean(power.exponent, 0)
    return power.model_copy(update={"base": base, "exponent": raised})
