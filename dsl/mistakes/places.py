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
    word, place = f.token.text, f.before.end
    return told(
        f,
        f.token.span,
        "CS101",
        f"`{word}` begins a line of its own",
        f"put `{f.text(f.index)}` on the next line",
        *((f"or, for this constraint alone: `{_by(f)}`",) if word == "using" else ()),
        label="here begins another line",
        fix="\n",
        fix_span=Span(place, f.token.start),
        tokens=f.tokens[: f.index],
        rest=f.tokens[f.index :],
    )


def _by(f: Failure) -> str:
    return f"by {f.text(f.index + 1)}"


def quantifier_on_this_line(f: Failure) -> Repair | None:
    """`l2(W) <= 1 forall V in ...: l2(V) <= 2`: a second constraint on the line."""
    closed = f.kind == "clause" and f.before.kind in OPERAND_ENDS and not f.depth(f.index)
    if f.token.kind != "FORALL" or not closed:
        return None
    related = f.has("RELATION", "IN", end=f.index)
    if not related or not f.has("COLON", start=f.index):
        return None
    return next_constraint(f, "forall")


def early_on(f: Failure) -> Repair | None:
    """`ce(f(x), y) on val <= 2`: the data before the relation."""
    at = f.index - 2
    if f.kind != "clause" or f.token.kind != "RELATION" or f.at(at).kind != "ON" or f.depth(at):
        return None
    starts = [i for i, t in enumerate(f.tokens[:at]) if t.kind == "COLON" and not f.depth(i)]
    start = starts[-1] + 1 if starts else 0
    data, value = f.before.text, f.text(start, at)
    rest = f.text(f.index)
    moved = f"{value} {rest} on {data}"
    means = means_on(f, start, at, data)
    averaged, inside = bool(means), means or f"E[{value} on {data}]"
    return told(
        f,
        Span(f.at(at).start, f.before.end),
        "CS101",
        f"`on {data}` stands inside `E[...]`, or at the end of the constraint",
        *(
            (f"for a mean write `{inside} {rest}`",)
            + ((f"or write `{moved}`",) if averaged else ())
        ),
        label="before the relation it belongs to nothing",
        fix=f"{inside} {rest}",
        fix_span=f.span(start),
        safe=False,
    )


def several_objectives(f: Failure) -> Repair | None:
    """`minimize a, b`."""
    objective = f.first.kind in {"MINIMIZE", "MAXIMIZE"}
    if not objective or f.token.kind != "COMMA" or f.depth(f.index):
        return None
    first, second = f.text(1, f.index), f.text(f.index + 1)
    if any(f.at(i).kind == "RELATION" and not f.depth(i) for i in range(f.index, len(f.tokens))):
        return _constraint_behind(f, second)
    message = "an objective is one number"
    help_ = f"add them with weights: `{f.first.text} {first} + 0.1*({second})`"
    notes = ("how much one counts against the other is not said",)
    said = ("CS115", message, help_, "or make one of them a constraint below `s.t.`")
    return told(f, f.token.span, *said, label="not a list", notes=notes, tokens=f.tokens[: f.index])


def _constraint_behind(f: Failure, constraint: str) -> Repair:
    """`minimize a, b <= 3`: what stands behind the comma is a constraint."""
    message = "constraints stand behind `s.t.`"
    label = "`s.t.` goes here"
    said = ("CS116", message, f"write `s.t. {constraint}` on the next line")
    return told(
        f, f.token.span, *said, label=label, fix="\ns.t.", tokens=f.tokens[: f.index], sure=False
    )


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
