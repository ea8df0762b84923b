"""What signs of other alphabets, of LaTeX and of formulas on paper stand for."""

SIGNS = {
    **dict.fromkeys("−–—", ("SIGN", "-")),
    **dict.fromkeys("·×⋅∗⊙∘∙•⊛", ("TIMES", "*")),
    **dict.fromkeys("÷⁄", ("TIMES", "/")),
    **dict.fromkeys("∣❘｜│", ("BAR", "|")),
    **dict.fromkeys("≦⩽≲⪅⊑", ("RELATION", "<=")),
    **dict.fromkeys("≧⩾≳⪆⊒", ("RELATION", ">=")),
    **dict.fromkeys("⇔⟺↔", ("RELATION", "==")),
    "≔": ("EQUAL", "="),
    **dict.fromkeys("→⟹", ("ARROW", "=>")),
    "∧": ("AND", "and"),
    "∨": ("OR", "or"),
    **dict.fromkeys("¬~!", ("NOT", "not")),
    "⊤": ("NAME", "true"),
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
    **dict.fromkeys(("le", "leq", "leqslant"), ("RELATION", "<=")),
    **dict.fromkeys(("ge", "geq", "geqslant"), ("RELATION", ">=")),
    **dict.fromkeys(("ne", "neq"), ("RELATION", "!=")),
    **dict.fromkeys(("cdot", "times"), ("TIMES", "*")),
    "in": ("IN", "in"),
    "forall": ("FORALL", "forall"),
    **dict.fromkeys(("implies", "Rightarrow"), ("ARROW", "=>")),
    "land": ("AND", "and"),
    "lor": ("OR", "or"),
    "neg": ("NOT", "not"),
    "infty": ("NAME", "inf"),
}


PHRASES: dict[str, tuple[tuple[str, str], ...]] = {
    "°": (("TIMES", "*"), ("NAME", "pi"), ("TIMES", "/"), ("NUMBER", "180")),
    "‰": (("TIMES", "/"), ("NUMBER", "1000")),
    "∉": (("NOT", "not"), ("IN", "in")),
    "½": (("NUMBER", "0.5"),),
    "¼": (("NUMBER", "0.25"),),
    "¾": (("NUMBER", "0.75"),),
    "⅓": (("NUMBER", "1"), ("TIMES", "/"), ("NUMBER", "3")),
    "⅔": (("NUMBER", "2"), ("TIMES", "/"), ("NUMBER", "3")),
}
"""Signs that are several tokens of a spec."""


POWERS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789", strict=True))


QUOTES = "“”„«»‘’‚`'"


UNITS = {
    **dict.fromkeys(("KFLOPs", "KFLOPS", "kflops", "KMACs"), "k"),
    **dict.fromkeys(("MFLOPs", "MFLOPS", "mflops", "MMACs", "Mops", "MOPs"), "M"),
    **dict.fromkeys(("GFLOPs", "GFLOPS", "gflops", "GMACs", "Gops", "GOPs"), "G"),
    **dict.fromkeys(("K", "KB", "kB", "kb", "Kb", "KBytes", "kbytes", "KBs", "thousand"), "k"),
    **dict.fromkeys(("MB", "Mb", "mb", "MBytes", "mbytes", "MBs", "mln", "mio", "million"), "M"),
    **dict.fromkeys(("B", "GB", "Gb", "gb", "GBytes", "gbytes", "GBs", "bn", "billion"), "G"),
    "kib": "KiB",
    "mib": "MiB",
    "gib": "GiB",
    **dict.fromkeys(("percent", "pct"), "%"),
}


PHYSICAL = frozenset((
    "kg", "g", "mg", "t", "lb", "lbs", "oz", "m", "cm", "mm", "km", "nm", "um", "ft", "inch",
    "inches", "yard", "miles", "mile", "s", "sec", "secs", "second", "seconds", "ms", "us", "ns",
    "min", "mins", "minute", "minutes", "h", "hr", "hrs", "hour", "hours", "day", "days", "week",
    "weeks", "year", "years", "Hz", "kHz", "MHz", "GHz", "N", "kN", "J", "kJ", "MJ", "W", "kW",
    "MW", "kWh", "MWh", "V", "mV", "A", "mA", "Pa", "kPa", "MPa", "bar", "atm", "eV", "keV",
    "MeV", "rad", "deg", "degree", "degrees", "degC", "mol", "L", "l", "ml", "USD", "EUR", "GBP",
    "usd", "eur", "dollars", "dollar", "euros", "euro", "cents", "pixels", "pixel", "px",
    "K", "C", "F", "mL",
    "samples", "sample", "examples", "people", "persons", "items", "units", "unit", "points",
))  # fmt: skip
"""Units that numbers have elsewhere."""


HINTS = {
    "$": "names need no `$`, and formulas no dollars",
    "?": "a spec states; it does not ask",
    "‖": "write `norm(x, 2)`",
    "∂": "write `diff(u, x)`",
    "∇": "write `grad(f, x)`",
    **dict.fromkeys("≫⪢", "write `>=` and a bound that says how much larger"),
    **dict.fromkeys("≪⪡", "write `<=` and a bound that says how much smaller"),
    **dict.fromkeys("€£¥¢₹", "numbers have no units: leave it away"),
    **dict.fromkeys("∖⧵", "leave a member out by a condition: `forall g in S where g != a:`"),
    "∩": "both hold: write two constraints, or `and` in an event",
    "∪": "one of several values is `in {a, b}`",
    "∅": "an empty set has no members: leave the constraint away",
    "∃": "there is no `exists`: the best of all is `max(... for i in S) >= ...`",
    "∝": "write `== c*...` with a number or a `param c`",
    "∫": "an integral is a mean over points: `E[... for x in uniform(a, b).sample(1000)]`",
    "⊗": "a product of matrices is `A @ B`, entry by entry `A * B`",
    "⊕": "a sum is `+`",
    "⌊": "the whole part is `floor(x)`",
    "⌈": "there is no `ceil`: `-floor(-x)`",
    **dict.fromkeys("⊥⟂⫫", "independence is a small gap: `gap(P[pred == 1 | column]) <= 5%`"),
    "≈": "write `==` and give a tolerance: `within 1e-3`",
    "±": "a tolerance is `== value within 0.1`; an interval is a chain, `lo <= x <= hi`",
}
