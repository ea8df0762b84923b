"""Right words in a wrong place: a line that begins inside another, `on` before the relation."""

from __future__ import annotations

from cspec.dsl.mistakes.averages import means_on
from cspec.dsl.mistakes.failure import OPERAND_ENDS, Failure, Repair, next_constraint, told
from cspec.dsl.mistakes.repairs import rewritten
from cspec.dsl.text.clauses import ITEM_WORDS
from cspec.dsl.text.source import Span


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
