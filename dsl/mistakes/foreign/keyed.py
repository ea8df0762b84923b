"""Specs as YAML, JSON and tables of keys: `objective: x^2`, quoted expressions, objects."""

import re

from cspec.dsl.mistakes.foreign.rows import row
from cspec.dsl.mistakes.training_lines import MEANT as SETTINGS

_EXPR = r"(?P<expr>[^#\n;]*[^#\n; \t])"


def _variables(match: re.Match[str]) -> str | None:
    """`variables:` with a deeper line `x: [0, 1]` for each."""
    lines = [line.split(":", 1) for line in match["body"].strip().splitlines()]
    members = [(name.strip(" \t-"), value.strip()) for name, value in lines]
    if any("{" in value for _, value in members):
        return None
    return "\n".join(
        f"var {name} in {value}" if value.startswith("[") else f"var {name} = {value}"
        for name, value in members
    )


_RATES = frozenset(("lr", "learning_rate", "learning-rate"))


def _settings(match: re.Match[str]) -> str | None:
    """`fit:` with a deeper line `epochs: 20` for each setting."""
    lines = [line.split("#")[0].split(":", 1) for line in match["body"].strip().splitlines()]
    pairs = {name.strip(" \t-"): value.strip() for name, value in lines}
    rates = [pairs.pop(name) for name in list(pairs) if name in _RATES]
    optimizer = pairs.pop("optimizer", "adam").strip("\"'").lower()
    written = [f"{SETTINGS.get(name, name)}={value}" for name, value in pairs.items()]
    if rates and "(" not in optimizer:
        written.insert(0, f"optimizer={optimizer}(lr={rates[0]})")
    elif optimizer != "adam" or rates:
        written.insert(0, f"optimizer={optimizer}")
    return f"fit({', '.join(written)})" if written else None


KEYED = (
    row(
        r"(?P<word>fit|train|training|trainer|optimization) : (?:\{ )?"
        r"(?P<body>(?:\r?\n~(?:- )?[\w-]+ : [^#\n,{}\[\]:]+(?:#[^\n]*)?)+)",
        "`{word}:`: settings of training stand in `fit(...)`, as `name=value`",
        _settings,
        code="CS131",
    ),
    row(
        r"early[ _-]?stop(?:ping)?(?: :)? (?:when|if) (?P<expr>[^#\n]*[^#\n; \t])",
        "when a run ends early, `stop when` says",
        "stop when {expr}",
        code="CS120",
    ),
    row(
        r"(?P<word>train|fit|optimi[sz]e|run)\b (?::|=|for\b)? (?P<count>\d+)[ -]?"
        r"(?P<unit>epoch|step)s?",
        "how long a run is, `fit(...)` says",
        lambda m: f"fit({m['unit']}s={m['count']})",
        code="CS131",
    ),
    row(
        r"(?P<word>objective|loss|cost):(?! (?:minimi|maximi)[sz]e) (?![^#\n]*[<>=]=)" + _EXPR,
        "`{word}:` does not say whether it is minimized or maximized",
        "minimize {expr}",
        help="write `minimize {expr}` or `maximize {expr}`",
        alternatives=("maximize {expr}",),
    ),
    *(
        row(
            pattern,
            f"{what} stands without quotes",
            meant,
            note="quotes hold texts: names of files, of columns, of classes",
        )
        for pattern, what, meant in (
            (
                r'(?P<word>minimize|maximize) :? "(?P<expr>[^"#\n]*)"',
                "an expression",
                "{word} {expr}",
            ),
            (r'(?:s\.t\.|subject to) "(?P<expr>[^"#\n]*)"', "a constraint", "s.t. {expr}"),
            (r'-? "(?P<expr>[^"#\n]*[<>=]=[^"#\n]*)",?', "a constraint", "{st}{expr}"),
        )
    ),
    row(
        r"(?P<word>variables|vars|decision_variables) : "
        r"(?P<body>(?:\r?\n~[\w \t-]+: [^#\n]+)+)",
        "`{word}:`: each variable is a line `var`, its bounds stand behind `in`",
        _variables,
    ),
    row(
        r'\{ "(?P<key>\w+)"[^\n]*',
        "a spec is no JSON: each part is a line that begins with its word",
        help="write `minimize ...`, and below `s.t.` one constraint a line",
    ),
    row(
        r'fit\( \{ (?P<list>[\'"]\w+[\'"] :[^{}#\n]*)\} \)',
        "settings are written `name=value`, without braces and quotes",
        lambda m: "fit(" + re.sub(r"[\"'](\w+)[\"']\s*:\s*", r"\1=", m["list"]).strip() + ")",
    ),
    row(
        r"(?P<word>SELECT|select|Select)~[^#\n]*",
        "`{word}`: a spec asks no data base",
        help='a table is a line `data train(x, y) = csv("a.csv", target="y")`',
    ),
    row(
        r"(?P<word>model) : (?P<expr>[A-Za-z_]\w*(?:\([^#\n]*\))?)",
        "a model has a name: `model f = {expr}`",
        "model model = {expr}",
        help="write `model f = {expr}`, and `f(x)` for its output",
    ),
    row(
        r"class~(?P<name>\w+)[^#\n:]*:",
        "`class` is Python, not part of the language",
        help='bring one in by `from "nets.py" import {name}`',
        code="CS128",
    ),
)
"""Keys with values, and expressions in quotes."""
