"""Functions as Python, R, MATLAB, Julia and Mathematica define them: `let f(a) = ...`."""

import re
from functools import partial

from cspec.dsl.mistakes.foreign.rows import row

_NAME = r"(?P<name>[A-Za-z_]\w*)"
_PARAMETERS = r"(?P<parameters>[A-Za-z_]\w*(?: , [A-Za-z_]\w*)*)"
_BODY = r"(?P<body>[^#\n;]*[^#\n; \t])"
_LET = "let {name}({parameters}) = {body}"
_ATTRIBUTE = re.compile(r"\b(?:m|model|self)\.")


def _definition(match: re.Match[str]) -> str | None:
    """The `let` of a function, unless its body reads from a model object."""
    return None if _ATTRIBUTE.search(match["body"]) else _LET


_programmed = partial(row, code="CS128")
"""A row for a form of another programming language."""

FUNCTIONS = (
    _programmed(
        rf"def~{_NAME}\( {_PARAMETERS} \) (?:-> [\w.\[\], ]+)?: "
        rf"(?:\r?\n~)?return~{_BODY}",
        "`def` is Python: a function is a line `let {name}({parameters}) = ...`",
        _definition,
    ),
    _programmed(
        rf"def~{_NAME}\([^#\n]*\) (?:->[^#\n:]+)?:(?: \r?\n~[^\n]*)*",
        "`def` is Python: a function is a line `let {name}(a) = ...`, with one expression",
        help='write `let {name}(a) = ...`, or bring it in: `from "my.py" import {name}`',
    ),
    _programmed(
        rf"(?:let~)?{_NAME} (?:=|<-) lambda~{_PARAMETERS} : {_BODY}",
        "`lambda` is Python: a function has a name and is a line with `let`",
        _LET,
    ),
    _programmed(
        rf"(?:let~)?{_NAME} (?:=|<-) @\( {_PARAMETERS} \) {_BODY}",
        "`@(...)` is MATLAB: a function is a line with `let`",
        _LET,
    ),
    _programmed(
        rf"(?:let~)?{_NAME} (?:=|<-) function \( {_PARAMETERS} \) "
        r"\{? (?P<body>[^#\n;{}]*[^#\n;{} \t]) \}?",
        "`function` is R: a function is a line with `let`",
        _LET,
    ),
    _programmed(
        rf"(?:let~)?{_NAME} = \(? {_PARAMETERS} \)? -> {_BODY}",
        "`->`: a function has a name and is a line with `let`",
        _LET,
    ),
    row(
        rf"(?:function~)?{_NAME}\( {_PARAMETERS} \) :?=(?![=><]) {_BODY}",
        "`{name}({parameters}) = ...` does not say what it defines",
        _LET,
    ),
    row(
        rf"{_NAME} <- {_BODY}",
        "`<-` is written `=`, and a definition begins with its kind",
        "let {name} = {body}",
    ),
    _programmed(
        r"(?P<word>minimize|maximize|let~\w+ =|metric~\w+ =)~"
        r"(?P<yes>(?:[^#\n;()\[\]]|\([^#\n;()]*\)|\[[^#\n;\[\]]*\])*?[^#\n; \t])"
        r"~if~(?P<condition>[^#\n;]*?)~else~"
        r"(?P<no>[^#\n;]*[^#\n; \t])",
        "`a if c else b` is written `where(c, a, b)`",
        "{word} where({condition}, {yes}, {no})",
    ),
    _programmed(
        r"(?P<word>minimize|maximize|let~\w+ =|metric~\w+ =)~if~"
        r"(?P<condition>[^#\n;]*?)~then~(?P<yes>[^#\n;]*?[^#\n; \t])~else~"
        r"(?P<no>[^#\n;]*[^#\n; \t])",
        "`if c then a else b` is written `where(c, a, b)`",
        "{word} where({condition}, {yes}, {no})",
    ),
)
"""Definitions of functions, and the choice between two values."""
