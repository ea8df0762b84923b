"""Separators, labels, modifiers and whole lines in the wrong form or place."""

from cspec.dsl.messages.diagnostic import Fix
from cspec.dsl.messages.wording import as_name, closing
from cspec.dsl.mistakes.averages import means_on
from cspec.dsl.mistakes.failure import (
    OPERAND_ENDS,
    Failure,
    Repair,
    closer_of,
    comma_before,
    commas_between,
    next_constraint,
    outside_brackets,
    rewritten,
    swapped,
    told,
    touching,
)
from cspec.dsl.mistakes.words import QUANTIFIERS
from cspec.dsl.settings.methods import METHODS
from cspec.dsl.text.clauses import ITEM_WORDS
from cspec.dsl.text.defined_names import defined_data
from cspec.dsl.text.source import Span, line_of
from cspec.dsl.text.tokens import Token


def shared_bound(f: Failure) -> Repair | None:
    """`x, y >= 0`: several expressions with one bound, as papers write it."""
    if f.token.kind != "COMMA" or f.kind != "clause" or f.depth(f.index):
        return None
    first = f.body
    relations = outside_brackets(f.tokens, first, len(f.tokens), frozenset({"RELATION", "IN"}))
    behind = [i for i in relations if i > f.index]
    before = [i for i in relations if i < f.index]
    if len(behind) != 1 or len(before) > 1 or (before and not _two_sided(f, before[0], behind[0])):
        return None
    start, end = before[0] + 1 if before else first, behind[0]
    every = commas_between(f.tokens, first, len(f.tokens))
    commas = [i for i in every if i < end]
    bounds = list(zip([start - 1, *commas], [*commas, end], strict=True))
    if every != commas or len(commas) > _MANY or any(a + 1 >= b for a, b in bounds):
        return None
    head, tail = f.text(first, start) if start > first else "", f.text(end)
    parts = [f.text(a + 1, b) for a, b in bounds]
    tokens = [(*f.tokens[first:start], *f.tokens[a + 1 : b], *f.tokens[end:]) for a, b in bounds]
    return told(
        f,
        f.token.span,
        "CS115",
        "each constraint stands alone, also where several have one bound",
        fix="; ".join(f"{head} {part} {tail}".strip() for part in parts),
        fix_span=f.span(first),
        safe=not before,
        tokens=(*f.tokens[:first], *tokens[0]),
        rest=tokens[1],
        sure=False,
    )


_MANY = 20


def _two_sided(f: Failure, left: int, right: int) -> bool:
    """Whether `0 <= x, y <= 1` is one interval for all: a number first, both in one direction."""
    same = f.at(left).text[:1] == f.at(right).text[:1]
    labelled = f.has("COLON", start=left, end=right)
    return same and f.at(left - 1).kind == "NUMBER" and not labelled


def commas(f: Failure) -> Repair | None:
    """`,` between constraints."""
    token = f.token
    if token.kind != "COMMA" or f.kind != "clause":
        return None
    opened = f.depth(f.index)
    if opened and f.at(opened[-1]).kind != "LBRACE":
        return None
    decimal = _decimal_comma(f)
    if decimal is not None:
        return decimal
    said = ("CS115", "constraints are separated by `;` or a new line")
    repair = rewritten(f, f.index, f.index + 1, (";",), *said, label="not by `,`")
    if opened:
        return repair
    return repair._replace(tokens=f.tokens[: f.index], rest=f.tokens[f.index + 1 :])


def _decimal_comma(f: Failure) -> Repair | None:
    """`0,5` and `1,000`: a comma inside a number."""
    left, right = f.before, f.at(f.index + 1)
    digits = left.text.isdigit() and right.kind == "NUMBER" and right.text[0].isdigit()
    if not digits or not touching(left, f.token) or not touching(f.token, right):
        return None
    span = Span(left.start, right.end)
    decimal, thousands = f"{left.text}.{right.text}", f"{left.text}_{right.text}"
    two = len(right.text) == 3 and left.text != "0"
    helps = [f"write `{decimal}`"]
    fixes = [Fix(span=span, replacement=decimal, title="a decimal point", safe=not two)]
    if two:
        helps = [f"for thousands write `{thousands}`", f"for a decimal point `{decimal}`"]
        fixes.insert(0, Fix(span=span, replacement=thousands, title="a thousand"))
    said = ("CS124", f"`{f.source.slice(span)}`: numbers have no comma")
    tokens = f.replaced(f.index - 1, f.index + 2, Token("NUMBER", decimal, *span))
    return told(f, span, *said, *helps, fixes=fixes, tokens=tokens, sure=False)


def semicolons(f: Failure) -> Repair | None:
    """`;` inside brackets."""
    if f.token.kind != "SEMICOLON":
        return None
    opened = f.depth(f.index)
    rest = f.text(f.index + 1, f.closer() or f.index + 1)
    if opened and f.at(opened[-1] - 1).kind == "AVERAGE" and rest in defined_data(f.source.text):
        said = ("CS115", "where it is measured stands behind `on`")
        return rewritten(f, f.index, f.index + 1, (" on",), *said)
    message = "inside brackets parts are separated by `,`"
    return rewritten(f, f.index, f.index + 1, (",",), "CS115", message)


def objective_modifier(f: Failure) -> Repair | None:
    """`minimize ce on train`: an objective has no modifiers."""
    if f.first.kind not in {"MINIMIZE", "MAXIMIZE"} or f.depth(f.index):
        return None
    span, left = f.token.span, f.tokens[: f.index]
    if f.token.kind == "ON":
        meant = f"E[{f.text(1)}]"
        if f.at(1).kind == "AVERAGE" and closer_of(f.tokens, 2) == f.index - 1:
            meant = f"{f.text(1, f.index - 1)} {f.text(f.index)}]"
        said = ("CS101", "`on` belongs inside an expectation", f"write `{f.first.text} {meant}`")
        fix_span = f.span(1)
        return told(f, span, *said, fix=meant, fix_span=fix_span, safe=False, tokens=left)
    if f.token.kind in {"BY", "SOFT", "WITHIN", "WITH"}:
        message = f"`{f.token.text}` belongs to a constraint, not to the objective"
        help_ = "put it behind a constraint below `s.t.`"
        return told(f, span, "CS101", message, help_, tokens=left)
    return None


def labels(f: Failure) -> Repair | None:
    """`eo.tpr: ...`, `"my label": ...`, `3: ...`, `foreach (x, y) in train: ...`."""
    if f.token.kind != "COLON" or f.kind != "clause" or f.depth(f.index):
        return None
    first = 1 + max((i for i in range(f.index) if f.at(i).kind == "COLON"), default=-1)
    if f.at(first).text.lower() in QUANTIFIERS and f.has("IN", end=f.index):
        return swapped(f, first, "forall", "FORALL", "CS122")
    if f.has("RELATION", "FORALL", "COLON", end=f.index):
        return None
    span = f.span(0, f.index)
    written = f.source.slice(span)
    name = as_name(written)
    notes = ("a label is one name; the parts of a group are named by the group",)
    tokens = f.replaced(0, f.index, Token("NAME", name, span.start, span.end))
    said = ("CS126", f"`{written}` can't be a label", f"write `{name}: ...`")
    return told(f, span, *said, notes=notes, fix=name, safe=False, tokens=tokens)


def bare_surrogate(f: Failure) -> Repair | None:
    """`with hinge`: what it is with is missing."""
    if f.before.kind != "WITH" or f.kind != "clause":
        return None
    if f.token.text in METHODS:
        said = ("CS120", "a method stands behind `by`", f"write `by {f.token.text}`")
        own_line = line_of(f.source.text, f.before.start)[0] == f.before.start
        return rewritten(f, f.index - 1, f.index, ("by",), *said, safe=not own_line)
    number = f.at(f.index + 2)
    if f.token.text == "sigmoid" and f.at(f.index + 1).kind == "LPAR" and number.kind == "NUMBER":
        meant = f"surrogate sigmoid(temperature={number.text})"
        said = ("CS120", "behind `with` stands `surrogate`", f"write `with {meant}`")
        return rewritten(f, f.index, f.index + 4, (meant,), *said, safe=False)
    close = closing(f.source.text, f.token.end) if f.at(f.index + 1).kind == "LPAR" else None
    whole = f.source.text[f.token.start : close + 1] if close else f.token.text
    said = ("CS120", "behind `with` stands `surrogate`", f"write `with surrogate {whole}`")
    return rewritten(
        f, f.index, f.index, ("surrogate ",), *said, shown=f.before.span, place=f.token.start
    )


def several_names(f: Failure) -> Repair | None:
    """`model a, b`, `param a, b`, `let a = 1, b = 2`: one each line."""
    word, begun = f.first.text, f.index + 1
    if f.token.kind != "COMMA" or f.first.kind not in _OF_A_NAME or f.depth(f.index):
        return None
    if f.first.kind == "METRIC" and f.at(begun + 1).kind != "EQUAL":
        return None
    left, gap = f.tokens[: f.index], Span(f.token.start, max(f.token.end, f.at(begun).start))
    if f.at(begun).kind in ITEM_WORDS:
        rest = f.text(begun)
        help_ = f"write `{rest}` on the next line"
        said = ("CS115", f"each line begins with its own word: `{rest}`", help_)
        right = f.tokens[begun:]
        return told(f, f.token.span, *said, fix="\n", fix_span=gap, tokens=left, rest=right)
    commas = (i for i in range(begun, len(f.tokens)) if f.at(i).kind == "COMMA" and not f.depth(i))
    following = f.text(begun, next(commas, len(f.tokens))) or "..."
    message, help_ = f"each `{word}` stands on a line of its own", f"write `{word} {following}`"
    said = ("CS115", message, f"{help_} on the next line")
    new, at, second = f"\n{word} ", f.token.span, (f.first, *f.tokens[begun:])
    return told(f, at, *said, fix=new, fix_span=gap, safe=False, tokens=left, rest=second)


_OF_A_NAME = frozenset({"MODEL", "PARAM", "VAR", "LET", "METRIC", "DOMAIN"})


def colons(f: Failure) -> Repair | None:
    """`x[0:9:2]`, `in [0:1]`, `{"a": 1}`: a colon in brackets that makes no slice."""
    opened = f.depth(f.index)
    if f.token.kind != "COLON" or not opened:
        return None
    bracket = opened[-1]
    if f.at(bracket).kind == "LBRACE":
        message, help_ = "there are no dictionaries", "write settings as `name=value` in `( )`"
    elif f.has("COLON", start=bracket, end=f.index):
        message = "slices have no step"
        help_ = "take every second entry in a sum: `sum(x[2*i] for i in range(n))`"
    else:
        message = "`:` makes a slice only behind a name: `x[0:2]`"
        help_ = "an interval is written `[0, 2]`, the numbers 0, 1, 2 are `range(3)`"
    return told(f, f.token.span, "CS128", message, help_)


def two_constraints(f: Failure) -> Repair | None:
    """`a: x <= 1 b: y <= 2`: a second label on the line."""
    token = f.token
    labelled = token.kind == "NAME" and f.at(f.index + 1).kind == "COLON"
    if f.kind != "clause" or not labelled or f.before.kind not in OPERAND_ENDS:
        return None
    if f.depth(f.index) or not f.has("RELATION", "IN", end=f.index):
        return None
    return next_constraint(f, f"{token.text}:")


def missing_comma(f: Failure) -> Repair | None:
    """`data train(x y)`: columns, parameters and axes are lists; so are datasets."""
    datasets = f.first.kind == "DATA" and f.before.kind == "RPAR" and f.token.kind == "NAME"
    if datasets and not f.depth(f.index) and "COMMA" in f.expected:
        return comma_before(f, f", {f.token.text}")
    opened = f.depth(f.index)
    listing = f.first.kind in {"DATA", "MODEL", "DOMAIN", "LET"} and "COMMA" in f.expected
    equal = f.has("EQUAL", end=f.index)
    if not listing or not opened or equal or f.before.kind != "NAME" or f.token.kind != "NAME":
        return None
    message = f"a `,` is missing between `{f.before.text}` and `{f.token.text}`"
    return rewritten(f, f.index, f.index, (",",), "CS115", message, shown=f.token.span)


def item_on_this_line(f: Failure) -> Repair | None:
    """`... <= 0.5 verify all on test`: an item after the end of another clause."""
    if f.token.kind not in ITEM_WORDS or f.before.kind not in OPERAND_ENDS or f.depth(f.index):
        return None
    if f.at(f.index + 1).kind in {"$END", "RELATION", "EQUAL", "COLON", "COMMA"}:
        return None
    word, gap = f.token.text, Span(f.before.end, f.token.start)
    helps = [f"put `{f.text(f.index)}` on the next line"]
    if word == "using":
        helps.append(f"or, for this constraint alone: `by {f.text(f.index + 1)}`")
    said = ("CS101", f"`{word}` begins a line of its own", *helps)
    label, left, rest = "here begins another line", f.tokens[: f.index], f.tokens[f.index :]
    span = f.token.span
    return told(f, span, *said, label=label, fix="\n", fix_span=gap, tokens=left, rest=rest)


def quantifier_on_this_line(f: Failure) -> Repair | None:
    """`l2(W) <= 1 forall V in ...: l2(V) <= 2`: a second constraint on the line."""
    closed = f.kind == "clause" and f.before.kind in OPERAND_ENDS and not f.depth(f.index)
    if f.token.kind != "FORALL" or not closed:
        return None
    related = f.has("RELATION", "IN", end=f.index) and f.has("COLON", start=f.index)
    return next_constraint(f, "forall") if related else None


def early_on(f: Failure) -> Repair | None:
    """`ce(f(x), y) on val <= 2`: the data before the relation."""
    at = f.index - 2
    if f.kind != "clause" or f.token.kind != "RELATION" or f.at(at).kind != "ON" or f.depth(at):
        return None
    start = f.part(at)
    data, value, rest = f.before.text, f.text(start, at), f.text(f.index)
    means = means_on(f, start, at, data)
    meant = f"{means or f'E[{value} on {data}]'} {rest}"
    helps = [f"for a mean write `{meant}`"]
    if means:
        helps.append(f"or write `{value} {rest} on {data}`")
    said = ("CS101", f"`on {data}` stands inside `E[...]`, or at the end of the constraint")
    label, fix_span = "before the relation it belongs to nothing", f.span(start)
    span = f.span(at, f.index)
    return told(f, span, *said, *helps, label=label, fix=meant, fix_span=fix_span, safe=False)


def several_objectives(f: Failure) -> Repair | None:
    """`minimize a, b`."""
    objective = f.first.kind in {"MINIMIZE", "MAXIMIZE"}
    if not objective or f.token.kind != "COMMA" or f.depth(f.index):
        return None
    first, second = f.text(1, f.index), f.text(f.index + 1)
    if f.outer("RELATION", f.index):
        return _constraint_behind(f, second)
    message = "an objective is one number"
    help_ = f"add them with weights: `{f.first.text} {first} + 0.1*({second})`"
    notes = ("how much one counts against the other is not said",)
    said = ("CS115", message, help_, "or make one of them a constraint below `s.t.`")
    return told(f, f.token.span, *said, label="not a list", notes=notes, tokens=f.tokens[: f.index])


def _constraint_behind(f: Failure, constraint: str) -> Repair:
    """`minimize a, b <= 3`: what stands behind the comma is a constraint."""
    help_ = f"write `s.t. {constraint}` on the next line"
    said = ("CS116", "constraints stand behind `s.t.`", help_)
    left, label = f.tokens[: f.index], "`s.t.` goes here"
    return told(f, f.token.span, *said, label=label, fix="\ns.t.", tokens=left, sure=False)


def bare_pattern(f: Failure) -> Repair | None:
    """`net.weights(conv*)`: a pattern of names without quotes."""
    opened = f.depth(f.index)
    if f.token.kind != "RPAR" or not opened or f.before.text not in {"*", "?"}:
        return None
    if f.at(opened[-1] - 1).text not in {"weights", "params"}:
        return None
    start = opened[-1] + 1
    pattern = f.text(start, f.index)
    message = f"the pattern `{pattern}` stands between quotes"
    return rewritten(f, start, f.index, (f'"{pattern}"',), "CS105", message)
