"""What `explain` prints as a surrogate, typed: the first step must be the same."""

from __future__ import annotations

import json

import torch
from meaning.arithmetic import Arithmetic
from meaning.generate import Written
from meaning.means import OverValues
from meaning.pulls import step
from meaning.tree import Node

import cspec

NO_VALUE = "CS208"
"""`explain` sees no data: it prints that a label is none of the classes that are named, which the
label may never be anyway."""


def left_side(text: str) -> str | None:
    """The left side of `... <= 0`; None where it has no form to type (`[i]` of groups)."""
    body, _, end = text.rpartition(" <= 0")
    if end or not body:
        body, _, end = text.rpartition(" == 0")
    return None if end or not body or "][i]" in body else body


def ratio(side: Node) -> bool:
    """Whether a side divides by a number of data."""
    return isinstance(side, Arithmetic) and side.operator == "/"


def joined(side: Node) -> bool:
    """Whether a side is the largest or smallest of some groups: each of them is a part with a
    multiplier of its own where it is compared alone, and none in a sum."""
    return isinstance(side, OverValues)


def typed(written: Written) -> str | None:
    """The text with its requirement as `explain` prints it, and the surrogate written out; None
    for chains, members, groups and ratios, which are printed in another form than they have."""
    (constraint,) = written.constraints
    sides = constraint.sides
    if len(constraint.relations) > 1 or any(ratio(s) or joined(s) for s in sides):
        return None
    found = json.loads(cspec.explain(written.text, format="json"))["constraints"][0]
    exact, form = found["canonical"], found.get("surrogate_form") or []
    if found["members"] or found["quantifier"] or len(exact) != 1 or len(form) != 1:
        return None
    left, surrogate = left_side(exact[0]["text"]), left_side(form[0]["text"])
    if left is None or surrogate is None:
        return None
    relation = "==" if "==" in constraint.relations else "<="
    line = (
        f"{constraint.label}: {left} {relation} 0 with surrogate {surrogate}{constraint.modifier}"
    )
    return written.text.replace(constraint.text(), line)


def otherwise(written: Written) -> str:
    """Nothing if the surrogate means the same when typed; else the specs, and how they differ."""
    head = f"seed {written.seed}\n{written.text}\n"
    try:
        text = typed(written)
        if text is None:
            return ""
        head += f"typed:\n{text}\n"
        there = step(written)
        here = step(written, text)
    except cspec.SpecError as error:
        told = {d.code for d in error.diagnostics if d.severity == "error"}
        return "" if told == {NO_VALUE} else f"{head}{type(error).__name__}: {error}"
    except Exception as error:
        return f"{head}{type(error).__name__}: {error}"
    same = all(torch.allclose(p, here[name], rtol=1e-9, atol=1e-12) for name, p in there.items())
    return "" if same else f"{head}another step"
