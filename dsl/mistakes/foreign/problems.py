"""Objectives and constraints that other libraries make by calls."""

import re

from cspec.dsl.mistakes.failure import Piece
from cspec.dsl.mistakes.foreign.rows import MODULE, ForeignLine, Pattern, row
from cspec.dsl.text.source import Span
from cspec.dsl.words.functions import SIGNATURES

_NAMED = r"(?:[A-Za-z_]\w*\.)?(?P<name>[A-Za-z_]\w*) = "
_OWNER = re.compile(r"\b(?:m|model|self)\.(?=[A-Za-z_])")
_LIST = re.compile(r"[()\[\]{},]")
_OBJECTIVE = "the objective is a line `minimize ...` or `maximize ...`"
_CONSTRAINT = "constraints stand below `s.t.`, one a line"


def _sense(match: re.Match[str]) -> tuple[Piece, ...]:
    """`Objective(expr=e, sense=maximize)`, `@objective(m, Max, e)`, `setObjective(e, MAXIMIZE)`."""
    word = "maximize" if re.search("max", match["sense"] or "", re.IGNORECASE) else "minimize"
    return (f"{word} ", *_bare(match))


def _by_word(match: re.Match[str]) -> str:
    return f"{'maximize' if match['word'].startswith('max') else 'minimize'} {{expr}}"


def _members(match: re.Match[str]) -> list[Span] | None:
    """Where the members of the group `list` stand; None where brackets do not match."""
    text, offset = match["list"], match.start("list")
    members, depth, start = list[Span](), 0, 0
    for mark in _LIST.finditer(text):
        depth += (mark[0] in "([{") - (mark[0] in ")]}")
        if depth < 0:
            return None
        if mark[0] == "," and not depth:
            members.append(Span(start, mark.start()))
            start = mark.end()
    members.append(Span(start, len(text)))
    stripped = (_stripped(text, member) for member in members)
    found = [Span(m.start + offset, m.end + offset) for m in stripped if m.end > m.start]
    return found if not depth else None


def _stripped(text: str, span: Span) -> Span:
    """A span without the blanks at its ends."""
    part = text[span.start : span.end]
    start = span.start + len(part) - len(part.lstrip())
    return Span(start, max(start, span.end - (len(part) - len(part.rstrip()))))


def _listed(match: re.Match[str]) -> tuple[Piece, ...] | None:
    """`constraints = [x >= 0, x <= 1]`."""
    members = _members(match)
    texts = [match.string[m.start : m.end] for m in members or ()]
    if not members or any("==" not in t and "<=" not in t and ">=" not in t for t in texts):
        return None
    return ("{st}", *_joined(members))


def _joined(members: list[Span]) -> tuple[Piece, ...]:
    pieces: list[Piece] = []
    for member in members:
        pieces += ["; ", member] if pieces else [member]
    return tuple(pieces)


def _both(match: re.Match[str]) -> tuple[Piece, ...] | None:
    """`minimize(f, c >= 0)`."""
    members = _members(match)
    if not members:
        return None
    return ("minimize ", Span(*match.span("expr")), "\ns.t. ", *_joined(members))


def _bare(match: re.Match[str]) -> tuple[Piece, ...]:
    """The expression of a match without `model.` before its variables."""
    begin, end = match.span("expr")
    pieces: list[Piece] = []
    for found in _OWNER.finditer(match.string, begin, end):
        pieces += [Span(begin, found.start())] if found.start() > begin else []
        begin = found.end()
    return (*pieces, Span(begin, end))


def _one(match: re.Match[str]) -> tuple[Piece, ...]:
    """`@constraint(m, c1, x >= 1)`, `Constraint(expr=x >= 1)`."""
    label = match.groupdict().get("label") or match.groupdict().get("name")
    return ("{st}", *((f"{label}: ",) if label else ()), *_bare(match))


_HEAD = r"(?P<head>(?:s\.t\.|subject~to)~)?"
_FIND = Pattern(
    r"(?P<word>find|satisfy)~(?!s\.t\.|subject~to|such~that)[A-Za-z_]\w*(?: , [A-Za-z_]\w*)*"
    r"(?= (?:s\.t\.|subject~to|such~that|#|\r?$|\Z))"
)
"""`find f s.t.`: what stands behind it goes on."""


def _each_value(match: re.Match[str]) -> str | None:
    """`every class: P[pred == k | y == k] >= 80%`: the name that nothing defines is the class."""
    named = re.search(r"(\w+) == ([a-z])\b", match["body"])
    if named is None:
        return None
    column = match["column"] or ("y" if match["what"] == "class" else named[1])
    column = "y" if column == "pred" else column
    label = f"{match['name']}: " if match["name"] else ""
    return f"{{st}}{{head}}{label}forall {named[2]} in values({column}): {{body}}"


PROBLEMS = (
    ForeignLine(_FIND, "CS119", "`satisfy` stands alone: all variables and models move", "satisfy"),
    row(
        rf"{_HEAD}(?P<name>[A-Za-z_]\w*)? (?::)? ?(?:for~)?(?P<word>each|every|all|any)~"
        r"(?P<what>class|group|value|category|level)(?:es|s)? (?:of~|in~)?"
        r"(?P<column>[A-Za-z_]\w*)? "
        r"[:,] (?P<body>[^#\n]*\w == [a-z]\b[^#\n]*[^#\n; \t])",
        "what holds for each class or group begins with `forall`",
        _each_value,
        code="CS122",
    ),
    row(
        rf"{_HEAD}(?P<label>[A-Za-z_]\w* : )?forall ?\( (?P<binder>[\w, \t]+~in~[^:#\n]*)\) :?"
        r" (?P<body>[^#\n]*[^#\n; \t])",
        "no brackets stand around a quantifier, and a `:` behind it",
        "{st}{head}{label}forall {binder}: {body}",
        code="CS121",
    ),
    row(
        r"(?:where|with|and)~(?P<name>[A-Za-z_]\w*) :?= (?![=])(?P<expr>[^#\n<>]*[^#\n<>; \t])",
        "what a name stands for is a line that begins with `let`",
        "let {name} = {expr}",
        code="CS136",
    ),
    row(
        r"\\?arg ?(?P<sense>min|max)(?: over\b)?(?:_\{[^#\n{}]*\}|_\w+)?~"
        r"(?P<expr>[^#\n]*[^#\n; \t])",
        "`arg{sense}` is where it is best; a spec says what is optimized",
        lambda m: f"{m['sense']}imize {{expr}}",
        code="CS119",
    ),
    row(
        rf"(?P<head>s\.t\. )?(?P<name>(?!(?:{'|'.join(SIGNATURES)})\()[A-Za-z_]\w*)\([\w, ]+\) :?= "
        r"(?P<expr>[^#\n=<>]*(?:[<>]=|==)[^#\n]*[^#\n; \t])",
        "a constraint has a label, `{name}:`, and no arguments",
        lambda m: f"{'s.t. ' if m['head'] else '{st}'}{{name}}: {{expr}}",
        code="CS126",
    ),
    row(
        r"(?P<word>min|max|minimi[sz]e|maximi[sz]e)~(?:[A-Za-z_]\w*|\w+\( \w+(?: , \w+)* \)) ="
        r"(?![=>]) (?P<expr>[^#\n]*[^#\n; \t])",
        "an objective has no name: what is optimized stands behind its word",
        _by_word,
    ),
    row(
        r"[A-Za-z_]\w* : (?P<word>minimise|maximise|min|max)\b"
        r" (?P<expr>(?:(?![<>=]=)[^#\n])*[^#\n; \t])(?=\s*(?:[#\n]|$))",
        "an objective has no label",
        _by_word,
        code="CS126",
    ),
    row(
        r"(?P<call>(?:[A-Za-z_]\w*\.)+(?P<sense>minimize|maximize))\( (?P<expr>[^#\n]*)\)",
        f"`{{call}}(...)`: {_OBJECTIVE}",
        "{sense} {expr}",
    ),
    row(
        r"(?P<name>[A-Za-z_]\w*) \+= (?P<expr>[^#\n\[,\"]*[<>=]=[^#\n\[,\"]*)"
        r"(?:, \"(?P<label>[A-Za-z_]\w*)\")?",
        f"`{{name}} += ...`: {_CONSTRAINT}",
        lambda m: "{st}" + (f"{m['label']}: " if m["label"] else "") + "{expr}",
    ),
    row(
        rf"{_NAMED}(?P<call>{MODULE}(?P<sense>Minimize|Maximize))\((?P<expr>[^#\n]*)\)",
        f"`{{call}}(...)`: {_OBJECTIVE}",
        lambda m: f"{m['sense'].lower()} {{expr}}",
    ),
    row(
        rf"{_NAMED}(?P<call>{MODULE}Objective)\( (?:expr = )?(?P<expr>[^#\n]*?)"
        r"(?:, sense = (?P<sense>[\w.]+) )?\)",
        f"`{{call}}(...)`: {_OBJECTIVE}",
        _sense,
    ),
    row(
        r"(?P<call>@(?:NL)?objective)\( \w+ , (?P<sense>Min|Max|MIN_SENSE|MAX_SENSE)"
        r" , (?P<expr>[^#\n]*)\)",
        f"`{{call}}(...)`: {_OBJECTIVE}",
        _sense,
    ),
    row(
        rf"(?P<call>{MODULE}(?:setObjective|set_objective))\( (?P<expr>[^#\n]*?)"
        r"(?:, (?:sense = )?(?P<sense>[\w.]*(?:MAX|MIN|max|min)\w*) )?\)",
        f"`{{call}}(...)`: {_OBJECTIVE}",
        _sense,
    ),
    row(
        rf"(?P<call>{MODULE}minimi[sz]e)\( (?P<expr>[^#\n,]*), (?P<list>[^#\n]*[<>=]=[^#\n]*)\)",
        f"an objective takes one expression; {_CONSTRAINT}",
        _both,
    ),
    row(
        r"(?P<name>[A-Za-z_]\w*) \+?= \[(?P<list>[^#\n]*)\]",
        f"a list of constraints has no name: {_CONSTRAINT}",
        _listed,
    ),
    row(
        rf"(?P<call>{MODULE}(?:append|add))\( (?P<expr>[^#\n]*[<>=]=[^#\n]*)\)",
        f"`{{call}}(...)`: {_CONSTRAINT}",
        "{st}{expr}",
    ),
    row(
        rf"{_NAMED}(?P<call>{MODULE}Constraint)\( (?:expr = )?"
        r"(?P<expr>[^#\n]*[<>=]=[^#\n]*)\)",
        f"`{{call}}(...)`: {_CONSTRAINT}",
        _one,
    ),
    row(
        r"(?P<call>@(?:NL)?constraints?)\( \w+ , (?:(?P<label>[A-Za-z_]\w*) , )?"
        r"(?P<expr>[^#\n,]*[<>=]=?[^#\n]*)\)",
        f"`{{call}}(...)`: {_CONSTRAINT}",
        _one,
    ),
    row(
        rf"(?:\w+ = )?(?P<call>{MODULE}(?:addConstrs?|add_constraint|subject_to|addCons))\("
        r" (?P<expr>[^#\n]*?[<>=]=[^#\n]*?)"
        r"(?:, (?:name = )?[\"'](?P<label>[A-Za-z_]\w*)[\"'] )?\)",
        f"`{{call}}(...)`: {_CONSTRAINT}",
        _one,
    ),
    row(
        rf"{_NAMED}(?P<weight>[\d.]+) \* \((?P<expr>[^#\n]*[<>=]=[^#\n()]*)\)",
        "a weighted constraint is a preference: `soft(weight=...)` stands behind it",
        "{st}{name}: {expr} soft(weight={weight})",
    ),
    row(
        rf"{_NAMED}\(?(?P<expr>[^#\n]*)\)\.(?P<sense>minimize|maximize)\([^#\n]*\)",
        f"`.{{sense}}(...)`: {_OBJECTIVE}",
        lambda m: (
            None if m["expr"].count("(") != m["expr"].count(")") else f"{m['sense']} {{expr}}"
        ),
    ),
    row(
        rf"{_NAMED}(?P<call>{MODULE}(?:PenaltyLoss|AugmentedLagrangeLoss|BarrierLoss))\([^#\n]*\)",
        "`{call}(...)`: how constraints are weighed is a line `using ...`",
        help="write `using penalty`, `using augmented_lagrangian` or another method",
    ),
    row(
        rf"{_NAMED}(?P<call>{MODULE}(?:Trainer|SGD|Adam|AdamW))\([^#\n]*\)",
        "`{call}(...)`: training is set by a line `fit(...)`",
        help="write `fit(optimizer=adam(lr=1e-3), epochs=10)`",
    ),
    row(
        r"(?P<name>[A-Za-z_]\w*) (?P<mark>\+=|-=|\*=|/=) (?P<expr>[^#\n]*)",
        "`{mark}`: nothing is assigned twice; a spec has no order in which lines run",
        help="define it once: `let total = {name} + ...`",
        code="CS128",
    ),
)
"""Calls of CVXPY, Pyomo, JuMP, Gurobi, CasADi, NeuroMANCER that make a part of the problem."""
