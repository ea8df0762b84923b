"""The same requirement multiplied through: `a <= b` becomes `k*(a) <= k*(b)`."""

from __future__ import annotations

import re

RELATION = re.compile(r"<=|>=|==")
HEAD = re.compile(r"^\s*(?:s\.t\.)?\s*\w+:\s*(?:forall [^:]+:)?\s*")


def scaled(text: str, factor: float) -> str:
    """A spec whose requirements are multiplied by a factor, each on a line `label: a <= b`."""
    if factor == 1.0:
        return text
    lines = text.splitlines()
    first = next(k for k, line in enumerate(lines) if line.startswith("s.t."))
    return "\n".join(lines[:first] + [_line(line, factor) for line in lines[first:]]) + "\n"


def _line(line: str, factor: float) -> str:
    head = HEAD.match(line)
    if head is None:
        return line
    body = line[head.end() :]
    cuts = _relations(body)
    if not cuts:
        return line
    starts = [0, *(cut.end() for cut in cuts)]
    ends = [*(cut.start() for cut in cuts), len(body)]
    sides = [f"{factor!r}*({body[a:b].strip()})" for a, b in zip(starts, ends, strict=True)]
    joined = sides[0] + "".join(
        f" {cut[0]} {side}" for cut, side in zip(cuts, sides[1:], strict=True)
    )
    return head[0] + joined


def _relations(body: str) -> list[re.Match[str]]:
    """The relations outside of all brackets."""
    depths, depth = [], 0
    for character in body:
        depth += (character in "([{") - (character in ")]}")
        depths.append(depth)
    return [found for found in RELATION.finditer(body) if depths[found.start()] == 0]
