"""What signs of other alphabets, of LaTeX and of formulas on paper stand for."""

from __future__ import annotations

SIGNS = {
    "−": ("SIGN", "-"),
    "–": ("SIGN", "-"),
    "—": ("SIGN", "-"),
    "·": ("TIMES", "*"),
    "×": ("TIMES", "*"),
    "⋅": ("TIMES", "*"),
    "∗": ("TIMES", "*"),
    "÷": ("TIMES", "/"),
    "⁄": ("TIMES", "/"),
    "≦": ("RELATION", "<="),
    "≧": ("RELATION", ">="),
    "⩽": ("RELATION", "<="),
    "⩾": ("RELATION", ">="),
    "→": ("ARROW", "=>"),
    "⟹": ("ARROW", "=>"),
    "∧": ("AND", "and"),
    "∨": ("OR", "or"),
    "¬": ("NOT", "not"),
    "~": ("NOT", "not"),
    "!": ("NOT", "not"),
    "∞": ("NAME", "inf"),
    "√": ("NAME", "sqrt"),
    "∑": ("NAME", "sum"),
    "∏": ("NAME", "prod"),
    "，": ("COMMA", ","),
    "；": ("SEMICOLON", ";"),
    "：": ("COLON", ":"),
    "（": ("LPAR", "("),
    "）": ("RPAR", ")"),
}


LATEX = {
    "le": ("RELATION", "<="),
    "leq": ("RELATION", "<="),
    "leqslant": ("RELATION", "<="),
    "ge": ("RELATION", ">="),
    "geq": ("RELATION", ">="),
    "geqslant": ("RELATION", ">="),
    "ne": ("RELATION", "!="),
    "neq": ("RELATION", "!="),
    "cdot": ("TIMES", "*"),
    "times": ("TIMES", "*"),
    "in": ("IN", "in"),
    "forall": ("FORALL", "forall"),
    "implies": ("ARROW", "=>"),
    "Rightarrow": ("ARROW", "=>"),
    "land": ("AND", "and"),
    "lor": ("OR", "or"),
    "neg": ("NOT", "not"),
    "infty": ("NAME", "inf"),
}


POWERS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789", strict=True))


QUOTES = "“”„«»‘’‚`'"


UNITS = {
    "KB": "k",
    "kB": "k",
    "MB": "M",
    "GB": "G",
    "K": "k",
    "kib": "KiB",
    "mib": "MiB",
    "gib": "GiB",
    "B": "G",
    "thousand": "k",
    "million": "M",
    "billion": "G",
    "percent": "%",
    "pct": "%",
}


HINTS = {
    "$": "names need no `$`, and formulas no dollars",
    "?": "a spec states; it does not ask",
    "‖": "write `norm(x, 2)`",
    "∂": "write `diff(u, x)`",
    "∇": "write `grad(f, x)`",
    "≈": "write `==` and give a tolerance: `within 1e-3`",
    "±": "a tolerance is `== value within 0.1`; an interval is a chain, `lo <= x <= hi`",
}
