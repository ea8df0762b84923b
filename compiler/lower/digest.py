"""Digests: what a spec or a plan says, without where and how it says it."""

import hashlib
import json
import sys
from array import array
from collections.abc import Sequence

from cspec.dsl.tree.nodes import Node, shape


def plan_digest(spec: Node, facts: str, settings: str) -> str:
    """SHA-256 of a specialized plan: the spec, what is bound, and what was chosen.

    Of the spec its tree counts: comments, layout and the spelling of numbers do not.
    """
    said = [shape(spec), facts, settings]
    text = json.dumps(said, default=str, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def numbers_digest(values: Sequence[float]) -> str:
    """SHA-256 of numbers as float64, to the bit."""
    return hashlib.sha256(bits_of(values)).hexdigest()


def bits_of(values: Sequence[float]) -> bytes:
    """Numbers as float64 with the low byte first."""
    found = array("d", values)
    if sys.byteorder == "big":
        found.byteswap()
    return found.tobytes()
