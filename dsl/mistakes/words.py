"""Words: misspelt keywords, words of other languages, keywords in places of their own."""

import re
from dataclasses import replace
from difflib import get_close_matches

from cspec.dsl.messages.diagnostic import Diagnostic, Fix
from cspec.dsl.mistakes.failure import (
    OPERAND_ENDS,
    OPERAND_STARTS,
    Failure,
    Repair,
    closer_of,
    problem,
    rewritten,
    swapped,
    told,
)
from cspec.dsl.text.clauses import ITEM_WORDS
from cspec.dsl.text.defined_names import defined_data
from cspec.dsl.text.source import Source, Span
from cspec.dsl.text.terminals import keywords
from cspec.dsl.text.tokens import Token

OBJECTIVES = {
    **dict.fromkeys(
        ("min", "minimise", "minimum", "minimizing", "argmin", "objective"), "minimize"
    ),
    **dict.fromkeys(("max", "maximise", "maximum", "argmax"), "maximize"),
    **dict.fromkeys(("solve", "find"), "satisfy"),
}
SYNONYMS = OBJECTIVES | {
    **dict.fromkeys(("const", "constant", "parameter", "parameters"), "param"),
    **dict.fromkeys(("def", "define"), "let"),
    **dict.fromkeys(("variable", "variables"), "var"),
    "dataset": "data",
    "network": "model",
    **dict.fromkeys(("use", "method", "solver"), "using"),
    "train": "fit",
    "check": "verify",
    **dict.fromkeys(("track", "log"), "metric"),
    "import": "from",
}
_MODIFIERS = {
    **dict.fromkeys(("within", "tolerance", "tol", "atol"), "within"),
    **dict.fromkeys(("using", "via"), "by"),
    "over": "on",
    **dict.fromkeys(("given", "subject"), ""),
}
QUANTIFIERS = frozenset({"foreach", "for_all", "for_each", "forevery", "every", "all"})
PYTHON = {
    "class": 'a spec has no classes; bring one in by `from "nets.py" import Net`',
    "return": "a spec has no functions with steps; write `let f(a) = ...`",
    "while": "a spec has no loops; `stop when ...` ends training",
    "print": "a spec prints nothing; `metric name = ...` records a value",
    "assert": "write a constraint below `s.t.`, or `verify`",
    "async": "a spec has no threads",
    "global": "a spec has no globals",
    "del": "nothing needs to be deleted",
    "pass": "an empty line needs no `pass`",
}


def reference(kind: str) -> str:
    """The word that a keyword terminal stands for."""
    return next((word for word, name in keywords().items() if name == kind), kind)


def python_words(f: Failure) -> Repair | None:
    """`import x`, `lambda x:`, `a if b else c`, f-strings, loops."""
    first = f.first
    if first.text in PYTHON and f.index == 1:
        message = f"`{first.text}` is Python, not part of the language"
        return told(f, first.span, "CS128", message, PYTHON[first.text])
    if first.text == "import" and f.index >= 1:
        name = f.at(1).text
        help_ = (
            f'write `from {name} import ...`, or `from "nets.py" import {name}` for a'
            " file beside the spec"
        )
        return told(f, first.span, "CS128", "an import says where it comes from", help_)
    if f.before.text == "lambda":
        help_ = "give the function a name: `let f(a) = ...`"
        return told(f, f.before.span, "CS128", "there is no `lambda`", help_)
    if f.token.kind == "STRING" and f.before.text in {"f", "r", "b"}:
        said = ("CS128", f"strings have no prefix `{f.before.text}`", f"write `{f.token.text}`")
        return rewritten(f, f.index - 1, f.index, (), *said, safe=False)
    return _conditional(f)


def _conditional(f: Failure) -> Repair | None:
    body = f.part(f.index)
    if f.at(body).text == "if" and f.index == body + 1:
        span = f.at(body).span
    elif f.token.text in {"if", "when", "unless"} and f.before.kind in OPERAND_ENDS:
        span = f.token.span
    else:
        return None
    word = f.source.slice(span)
    opened = f.depth(f.index)
    if word == "if" and opened and f.at(opened[-1] - 1).kind == "AVERAGE":
        return None  # a condition of the mean
    bound = f.has("FORALL", "FOR", end=f.index)
    if f.token.text == "if" and bound and "WHERE" in f.expected:
        return swapped(f, f.index, "where", "WHERE", "CS128")
    condition = f.text(f.index + 1) if span == f.token.span else ""
    helps = ["write `condition => consequence`"]
    then = next((i for i in range(f.index, len(f.tokens)) if f.at(i).text == "then"), None)
    if then is not None and span != f.token.span and then + 1 < len(f.tokens):
        helps = [f"write `{f.text(f.index, then)} => {f.text(then + 1)}`"]
    if condition and f.kind == "clause" and not f.depth(f.index):
        held = f"not ({condition.strip()})" if word == "unless" else condition.strip()
        helps = [f"write `{held} => {f.text(body, f.index)}`"]
    message = f"there is no `{word}`; an implication is written `=>`"
    help_ = "a condition on the elements of a set is `forall v in S where ...:`"
    return told(f, span, "CS128", message, *helps, help_)


def misspelt_item(f: Failure) -> Repair | None:
    """The first word of a line is almost an item, or another language's word for one."""
    first = f.first
    if f.kind != "clause" or first.kind not in {"NAME", "IMPORT"} or f.index != 1:
        return None
    if f.token.kind not in OPERAND_STARTS and f.token.kind != "$END" and not f.token.soft:
        return None
    words = keywords()
    lower = first.text.lower()
    items = [word for word, kind in words.items() if kind in ITEM_WORDS | {"FORALL"}]
    meant = SYNONYMS.get(lower)
    if meant is None:
        close = get_close_matches(lower, items, n=1, cutoff=0.7)
        meant = close[0] if close else None
    if meant is None or meant == first.text:
        return None
    code = "CS119" if meant in {"minimize", "maximize", "satisfy"} else "CS120"
    repair = swapped(f, 0, meant, words[meant], code)
    if first.text in SYNONYMS and lower not in OBJECTIVES:
        note = (f"`{meant}` is the word for it here",)
        repair = repair._replace(diagnostic=repair.diagnostic.model_copy(update={"notes": note}))
    return repair


def misspelt_word(f: Failure) -> Repair | None:
    """The word that does not fit, or the one before it, is almost a keyword that would."""
    words = keywords()
    here = [word for word, kind in words.items() if kind in f.expected]
    if f.first.kind == "VERIFY" and f.token.kind == "IN" and "on" in here:
        return swapped(f, f.index, "on", "ON", "CS120")
    if f.first.kind == "STOP" and f.index == 1 and f.token.text in {"if", "once", "as"}:
        return swapped(f, f.index, "when", "WHEN", "CS120")
    if f.token.kind == "NAME" and len(f.token.text) > 2:
        spelled = _MODIFIERS.get(f.token.text)
        close = get_close_matches(f.token.text.lower(), here, n=1, cutoff=0.6)
        meant = spelled if spelled in here else (close[0] if close else None)
        if f.token.text == "implies" and "ARROW" in f.expected:
            return swapped(f, f.index, "=>", "ARROW", "CS110")
        if meant and meant != f.token.text:
            return swapped(f, f.index, meant, words[meant], "CS120")
    before = f.before
    if before.kind not in {"NAME", "EVERY"} or f.token.kind not in OPERAND_STARTS:
        return None
    if before.text.lower() in QUANTIFIERS and f.at(f.index + 1).kind == "IN":
        return swapped(f, f.index - 1, "forall", "FORALL", "CS122")
    close = get_close_matches(before.text.lower(), ["forall", "not"], n=1, cutoff=0.7)
    if close and before.text != close[0]:
        return swapped(f, f.index - 1, close[0], words[close[0]], "CS120")
    return None


def bare_word(f: Failure) -> Repair | None:
    """`surrogate sigmoid`, `confidence 95%`: the `with` before it is missing."""
    if f.token.kind not in {"SURROGATE", "CONFIDENCE"} or f.before.kind not in OPERAND_ENDS:
        return None
    if f.depth(f.index) or f.at(f.index + 1).kind not in OPERAND_STARTS:
        return None
    shown = f.token.span
    said = ("CS120", f"before `{f.token.text}` stands `with`", f"write `with {f.token.text} ...`")
    return rewritten(f, f.index, f.index, ("with ",), *said, shown=shown, place=shown.start)


def given_bar(f: Failure) -> Repair | None:
    """`P[pred == 1 given sex]`, `P[a, b]`."""
    opened = f.depth(f.index)
    if not opened or f.at(opened[-1] - 1).kind != "AVERAGE":
        return None
    if f.token.text.lower() not in {"given", "if", "where", "when", "for", ","}:
        return None
    if f.token.kind == "FOR" and f.at(f.index + 2).kind == "IN":
        return None
    opener = f.at(opened[-1] - 1).text
    if f.token.text == ",":
        end = f.closer() or 0
        on = f.find("ON", opened[-1], f.index)
        if on is not None:
            return _moved_on(f, opened[-1], on, end)
        if f.text(f.index + 1, end) in defined_data(f.source.text):
            message = "where it is measured stands behind `on`"
            return rewritten(f, f.index, f.index + 1, (" on",), "CS115", message)
        head, rest = f.text(opened[-1] - 1, f.index), f.text(f.index + 1, end + 1)
        tokens = f.replaced(f.index, f.index + 1, Token("AND", "and", f.token.start, f.token.end))
        message = f"`{opener}[...]` takes one expression"
        help_ = f"where both are asked for: `{head} and {rest}`"
        said = ("CS115", message, help_, f"where the second is a condition: `{head} | {rest}`")
        fixes = (
            Fix(span=f.token.span, replacement=" and", title="both"),
            Fix(span=f.token.span, replacement=" |", title="a condition"),
        )
        return told(f, f.token.span, *said, fixes=fixes, tokens=tokens)
    return swapped(f, f.index, "|", "BAR", "CS120")


def _moved_on(f: Failure, opened: int, on: int, end: int) -> Repair | None:
    """`P[a on train, b]`: the data stand last."""
    event, data, second = f.text(opened + 1, on), f.text(on, f.index), f.text(f.index + 1, end)
    meant = f"{event} | {second} {data}"
    help_ = f"write `{f.at(opened - 1).text}[{meant}]`"
    message = f"`{data}` stands last in the brackets"
    return rewritten(f, opened + 1, end, (meant,), "CS115", message, help_, safe=False)


def keyword_start(f: Failure) -> Repair | None:
    """`fit <= 3`: a keyword begins an unlabelled constraint."""
    first = f.first
    continues = {"RELATION", "SIGN", "TIMES", "POWER", "DOT", "IN", "ARROW", "LSQB"}
    if first.kind in {"MODEL", "DATA", "DOMAIN", "VAR", "PARAM", "LET", "GIVEN", "METRIC"}:
        continues.add("LPAR")
    if f.kind != "item" or f.index != 1 or f.token.kind not in continues:
        return None
    if first.text == "fit" and f.token.kind == "LSQB":
        return None
    if first.text == "var" and f.token.kind == "LPAR":
        return _variance(f)
    help_ = f"for a constraint on `{first.text}` give it a label: `c: {first.text} ...`"
    said = ("CS126", f"`{first.text}` begins a line of its own kind", help_)
    notes, place = ("an unlabelled constraint may not begin with a keyword",), first.start
    named = replace(f, tokens=(first._replace(kind="NAME"), *f.tokens[1:]))
    return rewritten(
        named, 0, 0, ("c: ",), *said, notes=notes, shown=first.span, place=place, safe=False
    )


def _variance(f: Failure) -> Repair:
    """`var(f(x)) <= 1`: the word for a spread is another one."""
    close = closer_of(f.tokens, 1)
    inner = "..." if close is None else f.text(2, close)
    message = "`var` begins a line of its own kind: a spread is written otherwise"
    help_ = f"over the examples: `E[({inner} - E[{inner}])^2]`"
    said = ("CS126", message, help_, f"of entries: `variance({inner})`")
    tokens = f.replaced(0, 1, Token("NAME", "variance", *f.first.span))
    return told(f, f.first.span, *said, label="a variable", tokens=tokens, sure=False)


def _objective_key(
    source: Source, tokens: tuple[Token, ...], meant: str, kind: str
) -> tuple[tuple[Token, ...], list[Diagnostic]]:
    """`min: x^2`, `Minimize: x^2`."""
    span = Span(tokens[0].start, tokens[1].end)
    written = source.slice(span)
    message = f"`{written}` is written `{meant}`"
    helps = (f"write `{meant} ...`, without a colon",)
    finding = problem(source, "CS119", message, span, helps=helps, fix=meant)
    return (Token(kind, meant, span.start, span.end, True), *tokens[2:]), [finding]


def colon_after_item(
    source: Source, tokens: tuple[Token, ...]
) -> tuple[tuple[Token, ...], list[Diagnostic]]:
    """`minimize: loss`: with the `:` the keyword is a label, but no constraint follows."""
    if len(tokens) < 3 or tokens[1].kind != "COLON" or tokens[0].kind != "NAME":
        return tokens, []
    word, colon = tokens[0], tokens[1]
    meant = OBJECTIVES.get(word.text.lower(), word.text.lower())
    objective = meant in {"minimize", "maximize"} and word.text != "objective"
    meant = meant if objective else word.text
    kind = keywords().get(meant, "")
    relations = {"RELATION", "IN", "ARROW", "FORALL"}
    if kind not in ITEM_WORDS or any(token.kind in relations for token in tokens):
        return tokens, []
    if meant != word.text:
        return _objective_key(source, tokens, meant, kind)
    message = f"no `:` stands behind `{word.text}`"
    label = "with a `:` the word before is the label of a constraint"
    helps = (f"write `{word.text} ...`",)
    finding = problem(source, "CS126", message, colon.span, label=label, helps=helps, fix="")
    return (word._replace(kind=kind, soft=True), *tokens[2:]), [finding]


def objective_word(
    source: Source, tokens: tuple[Token, ...]
) -> tuple[tuple[Token, ...], list[Diagnostic]]:
    """`minimise (x - 1)^2`: a call of a word that is almost `minimize`, and no objective yet."""
    if len(tokens) < 3 or tokens[0].kind != "NAME" or tokens[1].kind not in {"LPAR", "SIGN"}:
        return tokens, []
    word = tokens[0]
    close = get_close_matches(word.text.lower(), ("minimize", "maximize"), n=1, cutoff=0.75)
    if not close or any(t.kind in {"RELATION", "IN", "ARROW"} for t in tokens):
        return tokens, []
    if re.search(rf"\b(?:let|import)\b[^\n]*\b{re.escape(word.text)}\b", source.text):
        return tokens, []
    said = f"`{word.text}` is written `{close[0]}`"
    finding = problem(source, "CS119", said, word.span, fix=close[0])
    kind = keywords()[close[0]]
    return (Token(kind, close[0], *word.span, True), *tokens[1:]), [finding]
