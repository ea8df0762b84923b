"""Functions as Python, R, MATLAB, Julia and Mathematica define them: `let f(a) = ...`."""

from __future__ import annotations

import re

from cspec.dsl.foreign.rows import row

_NAME = r"(?P<name>[A-Za-z_]\w*)"
_PARAMETERS = r"(?P<parameters>[A-Za-z_]\w*(?:[ \t]*,[ \t]*[A-Za-z_]\w*)*)"
_BODY = r"(?P<body>[^#\n;]*[^#\n; \t])"
_LET = "let {name}({parameters}) = {body}"
_ATTRIBUTE = re.compile(r"\b(?:m|model|self)\.")


def _definition(match: re.Match[str]) -> str | None:
    """The `let` of a function, unless its body reads from a model object."""
    return None if _ATTRIBUTE.search(match["body"]) else _LET


FUNCTIONS = (
    row(
        rf"def[ \t]+{_NAME}\([ \t]*{_PARAMETERS}[ \t]*\)[ \t]*(?:->[ \t]*[\w.\[\], ]+)?:[ \t]*"
        rf"(?:\r?\n[ \t]+)?return[ \t]+{_BODY}",
        "`def` is Python: a function is a line `let {name}({parameters}) = ...`",
        _definition,
        code="CS128",
    ),
    row(
        rf"def[ \t]+{_NAME}\([^#\n]*\)[ \t]*(?:->[^#\n:]+)?:(?:[ \t]*\r?\n[ \t]+[^\n]*)*",
        "`def` is Python: a function is a line `let {name}(a) = ...`, with one expression",
        help='write `let {name}(a) = ...`, or bring it in: `from "my.py" import {name}`',
        code="CS128",
    ),
    row(
        rf"(?:let[ \t]+)?{_NAME}[ \t]*(?:=|<-)[ \t]*lambda[ \t]+{_PARAMETERS}[ \t]*:[ \t]*{_BODY}",
        "`lambda` is Python: a function has a name and is a line with `let`",
        _LET,
        code="CS128",
    ),
    row(
        rf"(?:let[ \t]+)?{_NAME}[ \t]*(?:=|<-)[ \t]*@\([ \t]*{_PARAMETERS}[ \t]*\)[ \t]*{_BODY}",
        "`@(...)` is MATLAB: a function is a line with `let`",
        _LET,
        code="CS128",
    ),
    row(
        rf"(?:let[ \t]+)?{_NAME}[ \t]*(?:=|<-)[ \t]*function[ \t]*\([ \t]*{_PARAMETERS}[ \t]*\)[ \t]*"
        r"\{?[ \t]*(?P<body>[^#\n;{}]*[^#\n;{} \t])[ \t]*\}?",
        "`function` is R: a function is a line with `let`",
        _LET,
        code="CS128",
    ),
    row(
        rf"(?:let[ \t]+)?{_NAME}[ \t]*=[ \t]*\(?[ \t]*{_PARAMETERS}[ \t]*\)?[ \t]*->[ \t]*{_BODY}",
        "`->`: a function has a name and is a line with `let`",
        _LET,
        code="CS128",
    ),
    row(
        rf"{_NAME}\([ \t]*{_PARAMETERS}[ \t]*\)[ \t]*:?=(?![=><])[ \t]*{_BODY}",
        "`{name}({parameters}) = ...` does not say what it defines",
        _LET,
    ),
    row(
        rf"{_NAME}[ \t]*<-[ \t]*{_BODY}",
        "`<-` is written `=`, and a definition begins with its kind",
        "let {name} = {body}",
    ),
    row(
        r"(?P<word>minimize|maximize|let[ \t]+\w+[ \t]*=|metric[ \t]+\w+[ \t]*=)[ \t]+"
        r"(?P<yes>[^#\n;]*?[^#\n; \t])[ \t]+if[ \t]+(?P<condition>[^#\n;]*?)[ \t]+else[ \t]+"
        r"(?P<no>[^#\n;]*[^#\n; \t])",
        "`a if c else b` is written `where(c, a, b)`",
        "{word} where({condition}, {yes}, {no})",
        code="CS128",
    ),
    row(
        r"(?P<word>minimize|maximize|let[ \t]+\w+[ \t]*=|metric[ \t]+\w+[ \t]*=)[ \t]+if[ \t]+"
        r"(?P<condition>[^#\n;]*?)[ \t]+then[ \t]+(?P<yes>[^#\n;]*?[^#\n; \t])[ \t]+else[ \t]+"
        r"(?P<no>[^#\n;]*[^#\n; \t])",
        "`if c then a else b` is written `where(c, a, b)`",
        "{word} where({condition}, {yes}, {no})",
        code="CS128",
    ),
)
"""Definitions of functions, and the choice between two values."""
