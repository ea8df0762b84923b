"""Digests: what a spec or a plan says, without where and how it says it."""

from __future__ import annotations

import hashlib
import json

from cspec.dsl.tree.nodes import Node, shape


def spec_digest(spec: Node) -> str:
    """SHA-256 of a spec's tree: comments, layout and the spelling of numbers do not count."""
    return _digest(shape(spec))


def plan_digest(spec: Node, facts: str, settings: str) -> str:
    """SHA-256 of a specialized plan: the spec, what is bound, and what was chosen."""
    return _digest([shape(spec), facts, settings])


def _digest(value: object) -> str:
    text = json.dumps(value, default=str, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()
