"""Variables and constants as other modeling languages declare them: `var` and `param` lines."""

from __future__ import annotations

import re

from cspec.dsl.foreign.rows import MODULE, Template, row

_VALUE = r"[-+]?[\w.]+"
_DEFINED = r"(?:[A-Za-z_]\w*\.)?(?P<name>[A-Za-z_]\w*)[ \t]*=[ \t]*"
_NONNEGATIVE = re.compile(
    r"nonneg\w*[ \t]*=[ \t]*True|NonNegative\w+|pos[ \t]*=[ \t]*True|lb[ \t]*=[ \t]*0(?:\.0*)?\b"
)
_DISCRETE = re.compile(r"\b(?:Binary|Integers?|Boolean|GRB\.BINARY|GRB\.INTEGER|Int|Bin)\b|integer|boolean")
_BOUNDS = re.compile(rf"bounds[ \t]*=[ \t]*\([ \t]*({_VALUE}|None)[ \t]*,[ \t]*({_VALUE}|None)[ \t]*\)")
_LOWER = re.compile(rf"\b(?:lb|lowBound|lower)[ \t]*=[ \t]*({_VALUE})")
_UPPER = re.compile(rf"\b(?:ub|upBound|upper)[ \t]*=[ \t]*({_VALUE})")
_START = re.compile(rf"\b(?:initialize|start|value|x0)[ \t]*=[ \t]*({_VALUE})")
_SIZE = re.compile(r"^[ \t]*\(?[ \t]*(\d+)\b|['\"][ \t]*,[ \t]*(\d+)\b")
_LITTLE = "variables are real numbers: training moves by gradients, and whole numbers have none"


def _interval(lower: str, upper: str) -> str:
    return f" in [{lower or '-inf'}, {upper or 'inf'}]" if lower or upper else ""


def _declared(match: re.Match[str]) -> str | None:
    """`Variable(3, nonneg=True)`, `Var(bounds=(0, 1), initialize=0.5)`, `addVar(lb=0)`."""
    settings = match["settings"]
    if _DISCRETE.search(settings):
        return None
    size, bounds = _SIZE.search(settings), _BOUNDS.search(settings)
    start, low, high = _START.search(settings), _LOWER.search(settings), _UPPER.search(settings)
    lower, upper = low[1] if low else "", high[1] if high else ""
    if bounds:
        lower, upper = (v if v != "None" else "" for v in bounds.groups())
    elif _NONNEGATIVE.search(settings):
        lower = "0"
    brackets = f"[{size[1] or size[2]}]" if size else ""
    value = f" = {start[1]}" if start else ""
    return f"var {{name}}{brackets}{value}{_interval(lower, upper)}"


def _macro(match: re.Match[str]) -> str | None:
    """`@variable(m, 0 <= x[1:3] <= 1, start = 0.5)`."""
    if match["rest"] and (_DISCRETE.search(match["rest"])):
        return None
    lower, upper = match["lo"] or "", match["hi"] or ""
    if match["mark"] == ">=":
        lower, upper = upper, ""
    if match["mark"] == "==":
        return None
    size = f"[{match['size']}]" if match["size"] else ""
    start = _START.search(match["rest"] or "")
    return f"var {{name}}{size}{f' = {start[1]}' if start else ''}{_interval(lower, upper)}"


def _bounded(match: re.Match[str]) -> str | None:
    """`var x{0..2} >= 0, <= 10, := 1` of AMPL."""
    first, last = match["first"], match["last"]
    size = f"[{int(last) - int(first) + 1}]" if first else ""
    values = {match["mark"]: match["bound"], match["mark2"]: match["bound2"]}
    start = f" = {match['start']}" if match["start"] else ""
    return f"var {{name}}{size}{start}{_interval(values.get('>=', ''), values.get('<=', ''))}"


def _each(template: str) -> Template:
    def lines(match: re.Match[str]) -> str | None:
        names = re.split(r"[ \t]*,[ \t]*|[ \t]+", match["names"].strip())
        return "\n".join(template.format(name) for name in names)

    return lines


_CALLS = r"(?:Variable|variable|Var|addVar|add_variable|LpVariable|MX\.sym|SX\.sym|MVar|addMVar)"
_SIGNED = r"(?P<word>(?:positive|nonnegative|Positive|Nonnegative|POSITIVE)[ \t]+[Vv]ariables?)"
_FREE = r"(?P<word>(?:free[ \t]+|Free[ \t]+)?(?:[Vv]ariables?|VARIABLES?))"

DECLARATIONS = (
    row(
        rf"{_DEFINED}(?P<call>{MODULE}{_CALLS})\((?P<settings>[^#\n]*)\)",
        "`{name} = {call}(...)`: a variable is a line that begins with `var`",
        _declared,
    ),
    row(
        rf"{_DEFINED}(?P<call>{MODULE}(?:Parameter|Param|parameter))\([^#\n]*\)",
        "`{name} = {call}(...)`: a constant that is set from outside is a line with `param`",
        "param {name}",
    ),
    row(
        r"@variables?\([ \t]*\w+[ \t]*,[ \t]*"
        rf"(?:(?P<lo>{_VALUE})[ \t]*<=[ \t]*)?(?P<name>[A-Za-z_]\w*)(?:\[1:(?P<size>\d+)\])?"
        rf"(?:[ \t]*(?P<mark><=|>=|==)[ \t]*(?P<hi>{_VALUE}))?(?P<rest>,[^#\n]*)?\)",
        "`@variable(...)`: a variable is a line that begins with `var`",
        _macro,
        safe=False,
    ),
    row(
        r"var[ \t]+(?P<name>[A-Za-z_]\w*)[ \t]*(?:\{[ \t]*(?:\w+[ \t]+in[ \t]+)?(?P<first>\d+)[ \t]*\.\.[ \t]*"
        rf"(?P<last>\d+)[ \t]*\}})?[ \t]*(?P<mark>>=|<=)[ \t]*(?P<bound>{_VALUE})"
        rf"(?:[ \t]*,[ \t]*(?P<mark2>>=|<=)[ \t]*(?P<bound2>{_VALUE}))?"
        rf"(?:[ \t]*,?[ \t]*:=[ \t]*(?P<start>{_VALUE}))?",
        "bounds of a `var` stand behind `in`",
        _bounded,
        note="`var x[3] = 1 in [0, 10]`: how many, where they start, and where they stay; indices"
        " begin at 0",
        safe=False,
    ),
    row(
        rf"{_SIGNED}[ \t]+(?P<names>\w+(?:[ \t]*,[ \t]*\w+)*)",
        "`{word}`: a variable is a line `var`, its bounds stand behind `in`",
        _each("var {} in [0, inf]"),
    ),
    row(
        rf"{_FREE}[ \t]+(?P<names>\w+(?:[ \t]*,[ \t]*\w+)*)",
        "`{word}`: a variable is a line that begins with `var`",
        _each("var {}"),
    ),
    row(
        r"(?P<word>(?:[Bb]inary|[Ii]nteger)[ \t]+[Vv]ariables?)[ \t]+[\w, \t]+",
        f"`{{word}}`: {_LITTLE}",
        help="write `var x in [0, 1]`, and look at how near to a whole number it ends",
    ),
    row(
        rf"(?P<word>[Ss]calars?|SCALARS?)[ \t]+(?P<name>\w+)[ \t]*(?:/[ \t]*(?P<value>{_VALUE})[ \t]*/"
        rf"|:?=[ \t]*(?P<other>{_VALUE}))",
        "`{word}`: a constant is a line that begins with `param`",
        "param {name} = {value}{other}",
    ),
    row(
        rf"(?P<name>[A-Za-z_]\w*)\.(?P<part>lo|up|fx|l|m|lb|ub|value|start)[ \t]*=[ \t]*(?P<value>{_VALUE})",
        "`{name}.{part}`: bounds and start of a variable stand in its own line",
        help="write `var {name} = 1 in [0, inf]`: the start behind `=`, the bounds behind `in`",
    ),
    row(
        r"(?P<word>[Ss]ets?|SETS?)[ \t]+(?P<name>\w+)\b[^#\n]*",
        "`{word} {name}`: sets of indices have no line of their own",
        help="write the set where it is used: `for {name} in range(3)` is 0, 1, 2; `{{1, 4}}` are"
        " values",
    ),
    row(
        rf"{_DEFINED}(?P<call>{MODULE}(?:Set|RangeSet))\([^#\n]*\)",
        "`{call}(...)`: sets of indices have no line of their own",
        help="write the set where it is used: `for i in range(3)` is 0, 1, 2; `{{1, 4}}` are values",
    ),
    row(
        rf"(?P<word>fix|unfix)[ \t]+(?P<name>\w+)[ \t]*(?::?=[ \t]*(?P<value>{_VALUE}))?",
        "`{word}` is no statement: a number that does not move is a `param`",
        help="write `param {name} = ...` in place of its `var` line",
    ),
    row(
        r"(?P<name>[A-Za-z_]\w*)[ \t]*:[ \t]*(?:float|int|Tensor|torch\.Tensor|real|double)[ \t]*=[ \t]*"
        rf"(?P<value>{_VALUE})",
        "kinds are not declared, and a definition says what it defines",
        "var {name} = {value}",
        help="write `var {name} = {value}`, or `param {name} = {value}` for what does not move",
        alternatives=("param {name} = {value}",),
    ),
)
"""Declarations of AMPL, GAMS, CVXPY, Pyomo, JuMP, CasADi, Gurobi, PuLP."""
