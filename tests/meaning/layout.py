"""The same spec in another layout: white space, breaks, comments, signs of Unicode."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping

UNICODE = {"<=": "≤", ">=": "≥", "!=": "≠", "=>": "⇒"}
STARTS = "subject_to_"
PIECES = re.compile(r'"[^"]*"|<=|>=|!=|=>|\w+|\s+|.', re.DOTALL)


def laid_out(text: str, rng: random.Random) -> str:
    """Another layout of a spec: outside of strings, lines break behind commas and operators within
    brackets, signs become Unicode, comments and blank lines come in."""
    return "\n".join(line_laid_out(line, rng) for line in text.split("\n")) + "\n"


def line_laid_out(line: str, rng: random.Random) -> str:
    """One line, or more."""
    depth, out = 0, []
    for piece in PIECES.findall(line):
        depth += (piece in "([") - (piece in ")]") if len(piece) == 1 else 0
        out.append(UNICODE[piece] if piece in UNICODE and rng.random() < 0.5 else piece)
        if depth > 0 and piece in ",*" and rng.random() < 0.15:
            out.append(rng.choice(["\n        ", "  ", "  # a note\n    "]))
    if rng.random() < 0.1:
        out.append("  # as agreed")
    if rng.random() < 0.1:
        out.append("\n")
    return "".join(out)


def with_names(text: str, names: Mapping[str, str]) -> str:
    """The same spec with other names of columns; strings and `s.t.` stay."""
    pieces = PIECES.findall(text.replace("s.t.", STARTS)) if names else [text]
    return "".join(names.get(piece, piece) for piece in pieces).replace(STARTS, "s.t.")
