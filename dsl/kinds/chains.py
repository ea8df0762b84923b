"""Chains of comparisons inside an event that could be read in two ways."""

from __future__ import annotations

from operator import and_

from cspec.dsl.messages.diagnostic import Diagnostic, replacing
from cspec.dsl.mistakes.finished_nodes import operator_span
from cspec.dsl.text.source import Source
from cspec.dsl.tree.nodes import Compare, Number

_EQUALITIES = frozenset({"==", "!="})


def mixed_chain(source: Source, chain: Compare) -> Diagnostic | None:
    """`f(x) > 0 == y`: `f(x) > 0 and 0 == y`, or whether `f(x) > 0` is what `y` is? None if clear.

    `0.8 < prob > 0.9`: an interval, or the two bounds? A chain of equalities, or of bounds in one
    direction, says that each of its links holds.
    """
    equal = {operator in _EQUALITIES for operator in chain.operators}
    if len(equal) < 2:
        ways = {operator[0] for operator in chain.operators if operator not in _EQUALITIES}
        plain = [isinstance(operand, Number) for operand in chain.operands]
        beside = any(map(and_, plain, plain[1:]))  # two numbers are compared: said elsewhere
        return _turned_round(source, chain) if len(ways) > 1 and not beside else None
    parts = _operands(source, chain)
    links = [f"{parts[i]} {o} {parts[i + 1]}" for i, o in enumerate(chain.operators)]
    return Diagnostic(
        code="CS111",
        message=f"`{source.slice(chain.span)}` has two readings",
        span=chain.span,
        label=f"mixes {' and '.join(f'`{o}`' for o in dict.fromkeys(chain.operators))}",
        helps=(
            f"for truths that are compared: `{_compared(parts, chain.operators)}`",
            f"for comparisons that all hold: `{' and '.join(links)}`",
        ),
    )


def _turned_round(source: Source, chain: Compare) -> Diagnostic:
    """A chain that goes up and down: one direction, that of its ends where they are numbers."""
    parts, ends = _operands(source, chain), (chain.operands[0], chain.operands[-1])
    way = chain.operators[0][0]
    if isinstance(ends[0], Number) and isinstance(ends[1], Number):
        way = "<" if ends[0].value <= ends[1].value else ">"
    pairs = zip(chain.operators, parts[1:], strict=True)
    one = [f"{way}{operator[1:]} {part}" for operator, part in pairs]
    links = [f"{parts[i]} {o} {parts[i + 1]}" for i, o in enumerate(chain.operators)]
    interval, both = f"{parts[0]} {' '.join(one)}", " and ".join(links)
    return Diagnostic(
        code="CS111",
        message="a chain goes in one direction",
        span=chain.span,
        label=f"this one mixes {' and '.join(f'`{o}`' for o in dict.fromkeys(chain.operators))}",
        helps=(f"write `{interval}`", f"or, for bounds that all hold: `{both}`"),
        fixes=replacing(chain.span, interval, both),
    )


def _operands(source: Source, chain: Compare) -> list[str]:
    """The operands as typed, in the parentheses that they stand in."""
    gaps = [operator_span(source, chain, place) for place in range(len(chain.operators))]
    starts = [chain.span.start, *(gap.end for gap in gaps)]
    ends = [*(gap.start for gap in gaps), chain.span.end]
    return [source.text[a:b].strip() for a, b in zip(starts, ends, strict=True)]


def _compared(parts: list[str], operators: tuple[str, ...]) -> str:
    """The chain with parentheses around what stands between two equalities."""
    sides: list[list[str]] = [[parts[0]]]
    between: list[str] = []
    for operator, part in zip(operators, parts[1:], strict=True):
        if operator in _EQUALITIES:
            between.append(operator)
            sides.append([part])
        else:
            sides[-1] += [operator, part]
    texts = [side[0] if len(side) == 1 else f"({' '.join(side)})" for side in sides]
    return " ".join([texts[0], *(w for pair in zip(between, texts[1:], strict=True) for w in pair)])
