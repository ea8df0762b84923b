"""Variables and constants as other modeling languages declare them: `var` and `param` lines."""

import re

from cspec.dsl.mistakes.foreign.rows import MODULE, Pattern, Template, row

_VALUE = r"[-+]?[\w.]+"
_DEFINED = r"(?:[A-Za-z_]\w*\.)?(?P<name>[A-Za-z_]\w*) (?:=|<-) "
_NONNEGATIVE = Pattern(r"nonneg\w* = True|NonNegative\w+|pos = True|lb = 0(?:\.0*)?\b")
_ATTRIBUTES = {
    "lo|lb|lower|LB": "var {name} in [{value}, inf]",
    "up|ub|upper|UB": "var {name} in [-inf, {value}]",
    "fx": "var {name} = {value} in [{value}, {value}]",
    "l|m|value|start|Start|init": "var {name} = {value}",
}
"""Attributes of a variable in GAMS, Pyomo and Gurobi, and the line that says the same."""
_DISCRETE = Pattern(
    r"\b(?:Binary|Integers?|Boolean|GRB\.BINARY|GRB\.INTEGER|Int|Bin)\b|integer|boolean"
)
_BOUNDS = Pattern(rf"bounds = \( ({_VALUE}|None) , ({_VALUE}|None) \)")
_LOWER = Pattern(rf"\b(?:lb|lowBound|lower) = ({_VALUE})")
_UPPER = Pattern(rf"\b(?:ub|upBound|upper) = ({_VALUE})")
_START = Pattern(rf"\b(?:initialize|start|value|x0) = ({_VALUE})")
_SIZE = Pattern(r"^ \( (\d+ , \d+) \)|^ \(? (\d+)\b|['\"] , (\d+)\b")
_SETS = {"symmetric": Pattern(r"\bsymmetric = True"), "psd": Pattern(r"\bPSD = True")}
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
    brackets = f"[{size[1] or size[2] or size[3]}]" if size else ""
    value = f" = {start[1]}" if start else ""
    held = next((f" in {word}" for word, told in _SETS.items() if told.search(settings)), "")
    return f"var {{name}}{brackets}{value}{held or _interval(lower, upper)}"


def _several(match: re.Match[str]) -> str:
    """`var x, y >= 0`."""
    interval = f"[{match['value']}, inf]" if match["mark"] == ">=" else f"[-inf, {match['value']}]"
    names = [name.strip() for name in match["names"].split(",")]
    return "\n".join(f"var {name} in {interval}" for name in names)


def _entries(match: re.Match[str]) -> str:
    size = match["size"] or {"²": "2", "³": "3", "⁴": "4"}.get(match["raised"] or "", "")
    return f"[{size}]" if size else ""


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
    start = f" = {match['start']}" if match["start"] else ""
    return f"var {{name}}{size}{start}{_bounds(match)}"


def _between(match: re.Match[str]) -> str:
    """`var x >= 0 <= 10`, `var x := 1, >= 0, <= 10`."""
    start = " = {start}" if "start" in match.re.groupindex else ""
    return f"var {{name}}{start}{_bounds(match)}"


def _bounds(match: re.Match[str]) -> str:
    values = {match["mark"]: match["bound"], match["mark2"]: match["bound2"]}
    return _interval(values.get(">=", ""), values.get("<=", ""))


def _each(template: str) -> Template:
    """A line for each of the names."""

    def lines(match: re.Match[str]) -> str | None:
        names = re.split(r"[\s,]+", match["names"].strip())
        return "\n".join(template.format(name, **match.groupdict()) for name in names)

    return lines


_CALLS = r"(?:Variable|variable|Var|addVar|add_variable|LpVariable|MX\.sym|SX\.sym|MVar|addMVar)"
_SIGNED = r"(?P<word>(?:positive|nonnegative|Positive|Nonnegative|POSITIVE)~[Vv]ariables?)"
_FREE = r"(?P<word>(?:free~|Free~)?(?:[Vv]ariables?|VARIABLES?))"

_INTERVAL = r"\[[^\[\]\n]*,[^\[\]\n]*\]"


def _box(match: re.Match[str]) -> str:
    """`domain q(t, x) = [0, 1] x [-1, 1]`, `[0, 1]^2`."""
    found = re.findall(_INTERVAL, match["product"])
    power = re.search(r"(?:\^|\*\*)[ \t]*(\d)[ \t]*\Z", match["product"])
    return f"{{head}}box({', '.join(found * (int(power[1]) if power else 1))})"


def _with_columns(written: str, meant: str) -> Template:
    """The line of data, what is written of each of its columns as it is meant."""
    column = re.compile(written)
    return lambda m: f"data {m['name']}({column.sub(meant, m['columns'])}){m['rest'] or ''}"


def _listed(match: re.Match[str]) -> str:
    """`train(x, y), val(x, y)`, `data train[x, y]`, `data train(x, y); val(x, y)`."""
    parts = re.findall(r"(\w+)[ \t]*[\[(]([^\[\]()\n]*)[\])]", match["parts"])
    return "data " + ", ".join(f"{name}({columns})" for name, columns in parts) + "{rest}"


def _grouped(text: str) -> str:
    """The column whose values the text goes over."""
    found = re.search(r"values\([ \t]*(\w+)[ \t]*\)", text)
    return found[1] if found else "column"


_COLUMN = r"(?:\"[^\"\n]*\"~as~)?\w+"
_COLUMNS = rf"{_COLUMN}(?: , {_COLUMN})*"
_REST = r"(?P<rest> = [^#\n]*[^#\n; \t])?"

DECLARATIONS = (
    row(
        rf"(?P<head>domain~\w+ \([\w, \[\]]*\) = )"
        rf"(?P<product>{_INTERVAL}(?: (?:[xX×*@,]|and)? {_INTERVAL})+"
        rf"|{_INTERVAL} (?:\^|\*\*) [2-9])",
        "a domain of several axes is a `box`",
        _box,
    ),
    row(
        rf"data~(?P<name>\w+) \((?P<columns>{_COLUMNS})\)~(?:from|in|is|by|<-|:)~?"
        r"(?P<rest>\w+(?:\([^#\n]*\))?)",
        "the source of data stands behind `=`",
        "data {name}({columns}) = {rest}",
    ),
    row(
        rf"data~?\((?P<columns>{_COLUMNS})\){_REST}",
        "the data have no name: those that a model is trained on are `train`",
        "data train({columns}){rest}",
    ),
    row(
        rf"data~(?P<name>\w+) \((?P<columns>(?:{_COLUMN} , )+\w+ = \"[^\n()]*\")\){_REST}",
        'a column that has another name in the file is written `"name" as column`',
        _with_columns(r"\b(\w+)[ \t]*=[ \t]*(\"[^\"\n]*\")", r"\2 as \1"),
    ),
    row(
        r"data~(?P<name>\w+) \((?P<columns>[^()\n\"]*\w : \w[^()\n\"=]*)\)" + _REST,
        "columns have no types here",
        _with_columns(r"[ \t]*:[ \t]*\w+(?:\[[^\]\n]*\])?", ""),
        note='what is a category is said by the data: `csv(..., categorical=["sex"])`',
    ),
    row(
        r"model~(?P<names>[A-Za-z_]\w*(?: , [A-Za-z_]\w*)+) = (?P<value>\w+(?:\([^#\n]*\))?)",
        "each `model` stands on a line of its own",
        _each("model {} = {value}"),
        code="CS115",
    ),
    row(
        r"(?P<word>param|var|let)~(?P<name>[A-Za-z]\w*(?:-[A-Za-z]\w*)+)"
        r"(?P<rest> (?:=|in\b)[^#\n]*[^#\n; \t])",
        "a name has no `-` in it",
        lambda m: f"{{word}} {m['name'].replace('-', '_')}{{rest}}",
        code="CS106",
        note="`-` is a difference; where the name is used, it is written so, too",
        safe=False,
    ),
    row(
        r"param~(?P<word>float|int|real|double|number|scalar|const)~(?P<name>[A-Za-z_]\w*)"
        r"(?P<rest> (?:=(?!=)|in\b)[^#\n]*[^#\n; \t])?",
        "`{word}`: kinds are not declared",
        "param {name}{rest}",
    ),
    row(
        r"param~(?P<name>[A-Za-z_]\w*) (?:\[\w+\])? = (?:dict\()?\{[^#\n]*:[^#\n]*\}\)?",
        "a number for each value of a column is a table, and its numbers come from outside",
        lambda m: f"param {{name}}[{_grouped(m.string)}]",
        note="its numbers: `--set {name}={name}.json`, or one for all behind `=`",
        code="CS130",
        safe=False,
    ),
    row(
        r"(?P<head>var~[A-Za-z_]\w*) \[ (?P<a>\d+) ?[xX×*] ?(?P<b>\d+) \]"
        r"(?P<rest>[^#\n]*[^#\n; \t])?",
        "the sizes of rows and columns are separated by `,`",
        "{head}[{a}, {b}]{rest}",
        code="CS115",
    ),
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
        r"@variables?\( \w+ , "
        rf"(?:(?P<lo>{_VALUE}) <= )?(?P<name>[A-Za-z_]\w*)(?:\[1:(?P<size>\d+)\])?"
        rf"(?: (?P<mark><=|>=|==) (?P<hi>{_VALUE}))?(?P<rest>,[^#\n]*)?\)",
        "`@variable(...)`: a variable is a line that begins with `var`",
        _macro,
        safe=False,
    ),
    row(
        r"var~(?P<name>[A-Za-z_]\w*) (?:\{ (?:\w+~in~)?(?P<first>\d+) \.\. "
        rf"(?P<last>\d+) \}})? (?P<mark>>=|<=) (?P<bound>{_VALUE})"
        rf"(?: , (?P<mark2>>=|<=) (?P<bound2>{_VALUE}))?"
        rf"(?: ,? := (?P<start>{_VALUE}))?",
        "bounds of a `var` stand behind `in`",
        _bounded,
        note="`var x[3] = 1 in [0, 10]`: how many, where they start, and where they stay; indices"
        " begin at 0",
        safe=False,
    ),
    row(
        r"var~(?P<name>[A-Za-z_]\w*) \{ (?:\w+~in~)?(?P<first>\d+) \.\. "
        r"(?P<last>\d+) \}",
        "how many entries a `var` has stands in square brackets",
        lambda m: f"var {{name}}[{int(m['last']) - int(m['first']) + 1}]",
        note="indices begin at 0",
        safe=False,
    ),
    row(
        rf"var~(?P<name>[A-Za-z_]\w*) (?P<mark>>=|<=) (?P<bound>{_VALUE})~"
        rf"(?P<mark2>>=|<=) (?P<bound2>{_VALUE})",
        "bounds of a `var` stand behind `in`",
        _between,
    ),
    row(
        rf"var~(?P<lo>{_VALUE}) <= (?P<name>[A-Za-z_]\w*) <= (?P<hi>{_VALUE})",
        "bounds of a `var` stand behind `in`",
        "var {name} in [{lo}, {hi}]",
    ),
    row(
        rf"var~(?P<name>[A-Za-z_]\w*) :?= (?P<start>{_VALUE}) , "
        rf"(?P<mark>>=|<=) (?P<bound>{_VALUE})(?: , (?P<mark2>>=|<=) (?P<bound2>{_VALUE}))?",
        "bounds of a `var` stand behind `in`",
        _between,
    ),
    row(
        r"(?P<head>(?:var|param)~\w+(?:\[[^\]\n]*\])? = [-+]?[\d.]+) "
        r"(?P<set>\[[^\]\n]*,[^\]\n]*\])",
        "`in` is missing before a set",
        "{head} in {set}",
    ),
    row(
        rf"(?P<word>const~(?:int|double|float)|int|long)~(?P<name>\w+) = (?P<value>{_VALUE})",
        "`{word}`: kinds are not declared; a constant is a line that begins with `param`",
        "param {name} = {value}",
    ),
    row(
        rf"(?P<word>double|float|real)~(?P<name>\w+) = (?P<value>{_VALUE})",
        "`{word}`: kinds are not declared, and a definition says what it defines",
        "var {name} = {value}",
        help="write `var {name} = {value}`, or `param {name} = {value}` for what does not move",
        alternatives=("param {name} = {value}",),
    ),
    row(
        r"(?:var~)?(?P<word>real|float|double|scalar|vector|continuous|free|decision|tensor)~"
        r"(?:var~|variable~)?(?P<name>[A-Za-z_]\w*)(?: (?P<size>\[[\d, ]*\]))?"
        r"(?P<rest> (?:=(?!=)|in\b)[^#\n]*[^#\n; \t])?",
        "`{word}`: kinds are not declared; what is moved is a line that begins with `var`",
        "var {name}{size}{rest}",
    ),
    row(
        r"(?P<word>[Nn]on-?negative|[Pp]ositive)~(?:var~|variable~)(?P<name>[A-Za-z_]\w*)"
        r"(?: (?P<size>\[[\d, ]*\]))?(?P<start> =(?!=) [-+\d.e]+)?",
        "`{word}`: kinds are not declared; bounds of a variable stand behind `in`",
        "var {name}{size}{start} in [0, inf]",
    ),
    row(
        r"(?:var~)?(?P<word>int|integer|bool|boolean|binary)~(?:var~|variable~)?"
        r"(?P<name>[A-Za-z_]\w*) (?P<size>\[[\d, ]*\])?"
        r"(?: ,[\w, \t]+|(?: (?:=(?!=)|in\b)[^#\n]*[^#\n; \t]))?",
        f"`{{word}}`: {_LITTLE}",
        help="write `var {name}{size} in [0, 1]`, and look at how near to a whole number it ends",
    ),
    row(
        r"data~(?P<name>[A-Za-z_]\w*(?: \([\w, ]*\))?) (?:=|:|from|<-|in)"
        r" ['\"]?(?P<file>[\w./-]+\.(?:csv|tsv|txt|data))['\"]?",
        "a table is read by `csv(...)`, which says what its target is",
        lambda m: f'data {m["name"]} = csv("{m["file"]}", target="y")',
        note="`target` names the column that `y` is",
        safe=False,
    ),
    row(
        r"data~(?P<columns>x , y(?: , \w+)*)",
        "columns stand in brackets behind the name of their data",
        "data train({columns})",
    ),
    row(
        r"data~(?P<name>\w+) (?:= \(|\[|: |= )"
        r"(?P<columns>x , y(?: , \w+)*) [)\]]?",
        "columns stand in `( )` behind the name of their data",
        "data {name}({columns})",
    ),
    row(
        rf"(?P<parts>(?:train|val|test) \({_COLUMNS}\)(?: [,;] (?:train|val|test) \({_COLUMNS}\))*)"
        + _REST,
        "a line about data begins with `data`",
        _listed,
    ),
    row(
        rf"data~(?P<parts>\w+ \[{_COLUMNS}\](?: [,;] \w+ [\[(]{_COLUMNS}[\])])*)" + _REST,
        "columns stand in `( )` behind the name of their data",
        _listed,
    ),
    row(
        rf"data~(?P<parts>\w+ \({_COLUMNS}\)(?: [,;] \w+ \({_COLUMNS}\))* ;"
        rf" \w+ \({_COLUMNS}\)(?: [,;] \w+ \({_COLUMNS}\))*)" + _REST,
        "the data of one line are separated by `,`",
        _listed,
    ),
    row(
        rf"{_SIGNED}~(?P<names>\w+(?: , \w+)*)",
        "`{word}`: a variable is a line `var`, its bounds stand behind `in`",
        _each("var {} in [0, inf]"),
    ),
    row(
        rf"{_FREE}~(?P<names>\w+(?: , \w+)*)",
        "`{word}`: a variable is a line that begins with `var`",
        _each("var {}"),
    ),
    row(
        r"(?P<word>(?:[Bb]inary|[Ii]nteger)~[Vv]ariables?)~[\w, \t]+",
        f"`{{word}}`: {_LITTLE}",
        help="write `var x in [0, 1]`, and look at how near to a whole number it ends",
    ),
    row(
        rf"(?P<word>[Ss]calars?|SCALARS?)~(?P<name>\w+) (?:/ (?P<value>{_VALUE}) /"
        rf"|:?= (?P<other>{_VALUE}))",
        "`{word}`: a constant is a line that begins with `param`",
        "param {name} = {value}{other}",
    ),
    *(
        row(
            rf"(?P<name>[A-Za-z_]\w*)\.(?P<part>{parts})(?:\([\w, ]*\))? = (?P<value>{_VALUE})",
            "`{name}.{part}`: bounds and start of a variable stand in its own line",
            help=f"write `{form}` in the line that declares it, and remove this one",
        )
        for parts, form in _ATTRIBUTES.items()
    ),
    row(
        rf"var~(?P<names>[A-Za-z_]\w*(?: , [A-Za-z_]\w*)+) (?P<mark>>=|<=) (?P<value>{_VALUE})",
        "each `var` stands on a line of its own, its bounds behind `in`",
        _several,
    ),
    row(
        r"(?P<word>var|param)~(?P<name>[A-Za-z_]\w*)\( (?P<size>\d+(?: , \d+)*) \)"
        r"(?P<rest> (?:=|in\b)[^#\n]*)?",
        "how many entries there are stands in square brackets",
        "{word} {name}[{size}]{rest}",
    ),
    row(
        r"(?P<word>var|param)~(?P<name>[A-Za-z_]\w*)(?:\[[\d, ]*\])? ="
        rf" {MODULE}(?P<call>zeros|ones)\( \(? (?P<size>\d+(?: , \d+)*) ,? \)? \)",
        "`{call}`: entries stand in square brackets, and start at one number",
        lambda m: f"{{word}} {{name}}[{{size}}] = {0 if m['call'] == 'zeros' else 1}",
    ),
    row(
        r"var~(?P<name>[A-Za-z_]\w*) (?:in|∈|:) (?:R|ℝ|\\mathbb\{R\}|[Rr]eals?)"
        r"(?P<plus>_?\{?[+₊]\}?)(?:\^\{?(?P<size>\d+)\}?)?",
        "a variable is a real number; that it is not negative is `in [0, inf]`",
        lambda m: f"var {{name}}{'[{size}]' if m['size'] else ''} in [0, inf]",
    ),
    row(
        r"var~(?P<name>[A-Za-z_]\w*) (?:in|∈|:) (?:R|ℝ|\\mathbb\{R\}|[Rr]eals?)"
        r"(?:(?:\^\{?|\*\*)(?P<size>\d+)\}?|(?P<raised>[²³⁴]))?",
        "a variable is a real number",
        lambda m: f"var {{name}}{_entries(m)}",
    ),
    row(
        r"(?P<word>let|var|param)?~?(?P<name>[A-Za-z_]\w*) (?P<sign>[-+*/])="
        r" (?P<expr>[^#\n=<>\"]*[^#\n; \t])",
        "`{sign}=`: a name means one thing in the whole spec",
        help="give the new value a name of its own: `let {name}2 = {name} {sign} {expr}`",
    ),
    row(
        r"let~(?P<name>[A-Za-z_]\w*)~in (?P<set>\[[^#\n\]]*\])(?P<value> = [^#\n]*)?",
        "what is set from outside, in a set, is a `param`",
        lambda m: f"param {{name}}{m['value'] or ''} in {{set}}",
    ),
    row(
        rf"(?P<word>param|var)~(?P<name>[A-Za-z_]\w*) (?P<size>\[[^#\n\]]*\])?"
        r"(?: |,)(?P<how>default|init|initial|start|starts~at|value|initially)"
        rf" (?P<value>{_VALUE})",
        "`{how}`: a value stands behind `=`",
        "{word} {name}{size} = {value}",
    ),
    row(
        r"(?P<word>[Ss]ets?|SETS?)~(?P<name>\w+)\b[^#\n]*",
        "`{word} {name}`: sets of indices have no line of their own",
        help="remove the line, and write the set in place of `{name}`: `range(3)` is 0, 1, 2;"
        " `{{1, 4}}` are values",
    ),
    row(
        rf"{_DEFINED}(?P<call>{MODULE}(?:Set|RangeSet))\([^#\n]*\)",
        "`{call}(...)`: sets of indices have no line of their own",
        help="write the set where it is used: `for i in range(3)` is 0, 1, 2; `{{1, 4}}` are"
        " values",
    ),
    row(
        rf"(?P<word>fix|unfix)~(?P<name>\w+) (?::?= (?P<value>{_VALUE}))?",
        "`{word}` is no statement: a number that does not move is a `param`",
        help="write `param {name} = ...` in place of its `var` line",
    ),
    row(
        r"(?P<name>[A-Za-z_]\w*) : (?:float|int|Tensor|torch\.Tensor|real|double) = "
        rf"(?P<value>{_VALUE})",
        "kinds are not declared, and a definition says what it defines",
        "var {name} = {value}",
        help="write `var {name} = {value}`, or `param {name} = {value}` for what does not move",
        alternatives=("param {name} = {value}",),
    ),
)
"""Declarations of AMPL, GAMS, CVXPY, Pyomo, JuMP, CasADi, Gurobi, PuLP."""
