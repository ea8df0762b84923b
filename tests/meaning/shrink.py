"""The smallest spec that is still wrong in the same way, to print where a generated one is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

from meaning.arithmetic import Arithmetic, Extreme, Inner, Reduce
from meaning.compare import findings
from meaning.evaluator import Constraint, Metric
from meaning.expressions import EVENTS
from meaning.generate import SIZES, STILL, Written
from meaning.means import Groups, Mean, OfGroups, OfWeights, OverValues, Tail
from meaning.outputs import Logits, Pred, Prob
from meaning.tree import Column, Input, LetUse, Node, Param, Truth, Vector, Word, nodes

PLAIN = STILL + SIZES[0]
WHOLES = (Mean, OfGroups, OverValues, Tail, OfWeights)


def sort(node: Node, written: Written) -> str:
    """What kind of thing a node is: only the same kind may stand in its place."""
    if isinstance(node, (*EVENTS, Truth)) or node == Column("q"):
        return "event"
    if isinstance(node, Groups):
        return "groups"
    text = ["s", "t", "rater", *(["y"] if written.made.world.classes else [])]
    if isinstance(node, Word) or (isinstance(node, Column) and node.name in text):
        return "text"
    if isinstance(node, Pred) and written.made.world.classes:
        return "text"
    if isinstance(node, WHOLES) or any(isinstance(n, WHOLES) for n in nodes(node)):
        return "whole"
    return "vector" if wide(node, written) else "number"


def wide(node: Node, written: Written) -> bool:
    """Whether a node has one number a class, output or feature."""
    made = written.made
    if isinstance(node, Vector):
        return True
    if isinstance(node, Logits):
        return made.outputs > 1 and (made.parts is None or node.part == made.parts[0])
    if isinstance(node, Input):
        return made.features > 1
    if isinstance(node, Prob):
        return node.index is None and made.outputs > 1
    if isinstance(node, Param):
        return node.name in made.world.vectors
    if isinstance(node, Column):
        return node.name == "y" and made.target == "reals"
    if isinstance(node, Reduce | Inner | LetUse):
        return False
    if isinstance(node, Arithmetic | Extreme) or hasattr(node, "arguments"):
        return any(wide(part, written) for part in parts(node))
    return False


def parts(node: Node) -> Iterator[Node]:
    """The parts of a node."""
    for f in fields(node):  # type: ignore[arg-type]
        value = getattr(node, f.name)
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, Node):
                yield part


def smaller(node: Node, written: Written) -> Iterator[Node]:
    """The same with one of its parts left out, or replaced by a part of that part."""
    kind = sort(node, written)
    yield from (
        part for part in parts(node) if sort(part, written) == kind and not isinstance(part, Truth)
    )
    if isinstance(node, LetUse) and not node.values:
        yield node.body
    if isinstance(node, Mean | Groups) and node.condition is not None:
        yield replace(node, condition=None)
    if isinstance(node, Mean | Groups) and node.data is not None:
        yield replace(node, data=None)
    for f in fields(node):  # type: ignore[arg-type]
        value = getattr(node, f.name)
        if isinstance(value, Node) and f.name not in ("target", "logits"):
            for part in smaller(value, written):
                yield changed(node, f.name, part)
        elif isinstance(value, tuple):
            for i, part in enumerate(value):
                for other in smaller(part, written) if isinstance(part, Node) else ():
                    yield changed(node, f.name, (*value[:i], other, *value[i + 1 :]))


def changed(node: Node, name: str, value: Any) -> Node:
    return replace(node, **{name: value})  # type: ignore[type-var]


def pieces(written: Written) -> list[Written]:
    """The spec once without metrics and constraints, and with each of them alone."""
    bare = replace(written, constraints=(), metrics=(), verified=None)
    return [
        bare,
        *(replace(bare, metrics=(m,)) for m in written.metrics),
        *(replace(bare, constraints=(c,), verified=written.verified) for c in written.constraints),
    ]


def variants(written: Written) -> Iterator[Written]:
    """Smaller specs."""
    if written.verified:
        yield replace(written, verified=None)
    if written.layout is not None or written.renamed:
        yield replace(written, layout=None, renamed={})
    if written.method or written.fit != PLAIN:
        yield replace(written, method="", fit=PLAIN)
    for metric in written.metrics:
        for body in smaller(metric.body, written):
            yield replace(written, metrics=(Metric(metric.name, body),))
    for constraint in written.constraints:
        for other in smaller_constraint(constraint, written):
            yield replace(written, constraints=(other,))


def smaller_constraint(constraint: Constraint, written: Written) -> Iterator[Constraint]:
    """Smaller requirements with the same bound."""
    if constraint.modifier:
        yield replace(constraint, modifier="")
    if constraint.on:
        yield replace(constraint, on=None)
    for i, side in enumerate(constraint.sides):
        for other in smaller(side, written):
            sides = (*constraint.sides[:i], other, *constraint.sides[i + 1 :])
            yield replace(constraint, sides=sides)


def way(finding: str) -> str:
    """How a spec is wrong, without its names and numbers."""
    line = re.sub(r"`[^`]*`", "`_`", finding.splitlines()[0])
    line = re.sub(r"^(\w+)(\[.*?\])?(\.\w+)? \(metric .*\): cspec", "metric cspec", line)
    line = re.sub(r"^c\d+(\[.*?\])?(\.\w+)?:", "requirement:", line)
    return re.sub(r"[-+]?\d[\d.e+-]*", "#", line).split("cspec says")[0][:120]


def ways(written: Written) -> dict[str, str]:
    """Each way in which a spec is wrong, with what is said of it."""
    try:
        return {way(f): f for f in findings(written)}
    except (AssertionError, TypeError, ValueError, KeyError, ZeroDivisionError, OverflowError):
        return {}


def shrunk(written: Written, wrong: str, tries: int = 60) -> Written:
    """A small spec that is wrong in the same way."""
    for variant in variants(written):
        tries -= 1
        if tries <= 0:
            return written
        if wrong in ways(variant):
            return shrunk(variant, wrong, tries)
    return written


def report(written: Written, shown: int = 4) -> str:
    """Nothing if all is right; else the spec, its seed, what is wrong, and small specs that are
    wrong in the same ways."""
    wrong = findings(written)
    if not wrong:
        return ""
    lines = [f"seed {written.seed}", written.text, "", *wrong]
    for piece in pieces(written):
        for kind in list(ways(piece))[:1] if shown > 0 else ():
            shown -= 1
            small = shrunk(piece, kind)
            lines += ["", "alone:", small.text, "", *ways(small).values()]
    return "\n".join(lines)
