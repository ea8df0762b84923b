"""Digests: what a spec or a plan says, without where and how it says it."""

from __future__ import annotations

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
    return _digest([shape(spec), facts, settings])


def numbers_digest(values: Sequence[float]) -> str:
    """SHA-256 of numbers as float64, to the bit."""
    found = array("d", values)
    if sys.byteorder == "big":
        found.byteswap()
    return hashlib.sha256(found.tobytes()).hexdigest()


def _digest(value: object) -> str:
    text = json.dumps(value, default=str, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()
