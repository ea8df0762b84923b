"""The pages of the limits: sizes that a spec may not have (`dsl/text/limits.py` is the table)."""

from cspec.dsl.messages.pages.page import pages
from cspec.dsl.text.limits import (
    ELEMENTS,
    FINDINGS,
    MEMBERS,
    NESTED,
    OPERANDS,
    POINTS,
    SAME,
    TERMS,
    WEIGHTS,
    WORD,
    WRITTEN,
)

_VAR = "var x[3] = 1\n"
_UNKNOWN = "; ".join(f"y{i} <= x" for i in range(FINDINGS.most + 3))

_PAGES: dict[int, tuple[str, ...]] = {
    146: (
        "more findings than are shown",
        f"The first {FINDINGS.most} findings are shown, errors before warnings, and of warnings"
        f" with one code the first {SAME.most}. The others are counted. Mend what is shown and"
        " check again: one missing bracket may have a hundred findings.",
        f"var x = 1\nminimize x\ns.t. {_UNKNOWN}\n",
        "var x = 1\nvar y0 = 0\nminimize x\ns.t. y0 <= x\n",
    ),
    147: (
        "a name or a text that is too long",
        f"Names and quoted texts have at most {WORD.most:,} characters.",
        f"var x = 1\nlet {'a' * (WORD.most + 1)} = 1\nminimize x\n",
        "var x = 1\nminimize x\n",
    ),
    148: (
        "too much side by side",
        f"At most {OPERANDS.most:,} {OPERANDS.what}. A sum over many members is written once, with"
        " an index; numbers in quantity belong in a file.",
        f"var x = 1\nminimize {' + '.join(['x'] * (OPERANDS.most + 1))}\n",
        f"var x = 1\nminimize sum(x*i for i in range({OPERANDS.most + 1:_}))\n",
    ),
    342: (
        "too large when it is written out",
        "Lets are written out where they are used, and members of quantifiers and sums are written"
        f" out one by one: all of it together may have {WRITTEN.most:,} parts (names, numbers,"
        " operations). A few short lines can ask for more than any machine holds.",
        "var x = 1\nlet f(t) = t*t + t\nminimize " + "f(" * 20 + "x" + ")" * 20 + "\n",
        "var x = 1\nlet f(t) = t*t + t\nminimize f(f(x))\n",
    ),
    343: (
        "too many members",
        f"A quantifier has at most {MEMBERS.most:,} members, together with those around it; a"
        f" `sum`, `max`, `min`, `any` or `all` {TERMS.most:,}; at most {NESTED.most} of them stand"
        f" inside one another; and a set is drawn as at most {POINTS.most:,} points. Whole"
        " vectors have no such limit: `x >= 0` is about each of its entries.",
        f"{_VAR}minimize sum(x)\ns.t. forall i in range(1_000_000_000): x[0] >= i\n",
        f"{_VAR}minimize sum(x)\ns.t. forall i in range(3): x[i] >= i\n",
    ),
    340: (
        "too many elements",
        f"A variable, a param or an array has at most {ELEMENTS.most:,} elements.",
        "var x[100_000, 100_000] = 1\nminimize sumsq(x)\n",
        "var x[100, 100] = 1\nminimize sumsq(x)\n",
    ),
    341: (
        "a network that is too large",
        f"The models of the language have at most {WEIGHTS.most:,} weights. Larger ones come from"
        ' Python: `from "nets.py" import build`, `model f = build()`.',
        "model f = mlp(hidden=[1_000_000, 1_000_000])\nminimize ce\n",
        "model f = mlp(hidden=[1_000, 1_000])\nminimize ce\n",
    ),
}

LIMIT_CODES = pages(_PAGES)
