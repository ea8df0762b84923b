"""The sizes that a spec may have: one table, which checks and pages read.

Text that nobody vouches for must not cost more than it is long. Whatever a few characters can
blow up (`range(10^9)`, `eye(100000)`, forty nested quantifiers) is counted before it is made.
"""

from typing import NamedTuple


class Limit(NamedTuple):
    """The most of one thing, the code that says so, and what to write instead."""

    code: str
    what: str
    most: int
    instead: str


BYTES = Limit(
    "CS144", "bytes of a file", 1024 * 1024, "data in a file of their own: `--set mu=mu.csv`"
)
DEPTH = Limit("CS134", "levels of nesting", 200, "inner parts named by `let`")
CONSTRAINTS = Limit(
    "CS135", "named constraints", 10_000, "a family at once: `forall i in range(n): ...`"
)
DIGITS = Limit("CS133", "characters of a number", 400, "the 17 digits that a number keeps")
WORD = Limit("CS147", "characters of a name or a quoted text", 1_000, "a shorter one")
OPERANDS = Limit(
    "CS148",
    "terms of one sum or product, entries of one list, arguments of one call",
    10_000,
    "`sum(... for i in range(n))`, or a `param` whose numbers come from a file",
)
LET_CHAIN = Limit("CS215", "lets that stand on one another", 100, "fewer lets")
LET_TERMS = Limit(
    "CS215",
    "parts of a `let` with the others written out",
    200_000,
    "a function from Python: `from ... import`",
)
WRITTEN = Limit(
    "CS342",
    "parts of a spec with its lets and members written out",
    500_000,
    "whole vectors, such as `sumsq(x - a)`, or a function from Python",
)
NESTED = Limit(
    "CS343", "quantifiers and `for`s inside one another", 8, "one index over all of them"
)
MEMBERS = Limit(
    "CS343",
    "members of a quantifier, with those around it",
    10_000,
    "the whole vector at once: `x >= 0`",
)
TERMS = Limit(
    "CS343",
    "members of a `sum`, `max`, `min`, `any` or `all`, with those inside it",
    100_000,
    "the whole vector at once: `sum(x)`, `sumsq(x - a)`",
)
POINTS = Limit(
    "CS343", "points that a set is drawn as", 1_000_000, "fewer points, and `redraw=true`"
)
ELEMENTS = Limit(
    "CS340",
    "elements of a variable, a param or an array",
    10_000_000,
    "a smaller one, or a model of its own",
)
WEIGHTS = Limit(
    "CS341", "weights of a built-in model", 1_000_000_000, "a smaller one, or a model from Python"
)
ROWS = Limit("CS504", "examples of a class that a built-in source makes", 1_000_000, "fewer")
FINDINGS = Limit("CS146", "findings that are shown", 100, "the others are counted")
SAME = Limit("CS146", "warnings of one code that are shown", 10, "the others are counted")

LIMITS: tuple[Limit, ...] = (
    BYTES, DEPTH, CONSTRAINTS, DIGITS, WORD, OPERANDS, LET_CHAIN, LET_TERMS, WRITTEN, NESTED,
    MEMBERS, TERMS, POINTS, ELEMENTS, WEIGHTS, ROWS, FINDINGS, SAME,
)  # fmt: skip

QUOTE = 160
"""Characters of a line, or of a quote, that a message shows."""
