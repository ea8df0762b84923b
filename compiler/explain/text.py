"""An explanation as plain text, up to 96 columns wide."""

import textwrap
from collections.abc import Iterable, Iterator

from cspec.compiler.expressions.mathematics import (
    OBJECTIVE_SURROGATE,
    ConstraintRecord,
    Explanation,
    OperationRecord,
)
from cspec.dsl.messages.wording import counted

WIDTH = 96


def as_text(page: Explanation, verbose: bool = False) -> str:
    """The page: problem, method, update graph, signs, notes."""
    sections = [
        ("Can't run yet", (line for text in page.later for line in _wrapped(text, "  ", "    "))),
        ("Problem", _problem(page)),
        ("Method", _methods(page, verbose)),
        ("Rewriting", _changes(page) if verbose else ()),
        ("Update graph", _graph(page)),
        ("Signs", (line for text in page.signs for line in _wrapped(text, "  "))),
        ("Notes", (line for text in page.notes for line in _wrapped(text, "  "))),
    ]
    blocks = []
    for title, lines in sections:
        body = list(lines)
        if body:
            blocks.append("\n".join([title, "-" * len(title), *body]))
    return "\n\n".join(blocks) + "\n"


def _wrapped(text: str, indent: str, hang: str | None = None) -> list[str]:
    later = indent if hang is None else hang
    return textwrap.wrap(
        text, WIDTH, initial_indent=indent, subsequent_indent=later, break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip


def _row(head: str, text: str, width: int, indent: str = "  ") -> list[str]:
    """`head   text`, the text in a column of its own."""
    lead = f"{indent}{head:<{width}}  "
    return _wrapped(text, lead, " " * len(lead)) or [lead.rstrip()]


# --- Problem -------------------------------------------------------------------------------------


def _problem(page: Explanation) -> Iterator[str]:
    sense = "find x" if page.sense == "satisfy" else "minimize"
    objective = "" if page.sense == "satisfy" else page.objective.text
    yield from _row(sense, objective, 10)
    if page.sense == "maximize":
        yield from _row("", f"(written: maximize {page.objective_written})", 10)
    hard = [c for c in page.constraints if c.kind == "requirement"]
    soft = [c for c in page.constraints if c.kind != "requirement"]
    yield from _constraints("subject to", hard)
    yield from _constraints("preferring", soft)
    for name, text in page.metrics:
        yield from _row("recording", f"{name} = {text}", 10)
    if page.implied:
        yield ""
        for written, meaning in page.implied:
            yield from _wrapped(f"`{written}` means `{meaning}`", "  ", "    ")
    if page.quantities:
        yield ""
        width = max(len(f"{q.kind} {q.name}") for q in page.quantities)
        for quantity in page.quantities:
            yield from _row(f"{quantity.kind} {quantity.name}", quantity.meaning, width)
    yield ""
    moving = [q.name for q in page.quantities if q.moves]
    still = [q.name for q in page.quantities if q.kind == "model" and not q.moves]
    yield from _row("moves", ", ".join(moving) or "nothing of the spec's own", 10)
    if still:
        yield from _row("stays", ", ".join(still), 10)


def _constraints(title: str, constraints: Iterable[ConstraintRecord]) -> Iterator[str]:
    shown = list(constraints)
    width = max((len(c.label) + 1 for c in shown), default=0)
    head = title
    for c in shown:
        tail = "" if c.quantifier is None else f"   {c.quantifier.text}"
        for index, form in enumerate(c.canonical):
            label = f"{c.label}:" if index == 0 else ""
            yield from _row(f"{head:<10}  {label:<{width}}", f"{form.text}{tail}", 12 + width)
            head = ""
        if c.members:
            members = f"{counted(len(c.members), 'member')}: {', '.join(c.members)}"
            yield from _row(" " * (12 + width), members, 12 + width)


# --- Method --------------------------------------------------------------------------------------


def _methods(page: Explanation, verbose: bool) -> Iterator[str]:
    first = True
    if page.objective_surrogate:
        yield from _wrapped(f"objective: {page.objective_written}", "  ", "      ")
        shown = f"{OBJECTIVE_SURROGATE}: {page.objective_surrogate}"
        yield from _row("surrogate", shown, 10, "      ")
        first = False
    for c in page.constraints:
        if not first:
            yield ""
        first = False
        yield from _wrapped(f"{c.label}: {c.written}", "  ", "      ")
        yield from _items(c, verbose)
    if page.training:
        if page.constraints:
            yield ""
        yield from _row("training", ", ".join(s.text for s in page.training), 10)


def _items(c: ConstraintRecord, verbose: bool) -> Iterator[str]:
    forms = ",  ".join(form.text for form in c.surrogate_form)
    for head, text in (("method", c.method or c.kind), *facts_of(c, forms, verbose)):
        yield from _row(head, text, 10, "      ")


def facts_of(c: ConstraintRecord, forms: str, verbose: bool) -> Iterator[tuple[str, str]]:
    """What is said of a constraint, by what it is about; `forms` of its surrogate."""
    rows = [("why", c.reason), ("decided by", c.alternative)]
    rows.append(("settings", ", ".join(s.text for s in c.settings)))
    if c.surrogate:
        rows.append(("surrogate", f"{c.surrogate} moves the model" + (f": {forms}" * bool(forms))))
    rows += [("tolerance", c.tolerance), ("verdict", c.verdict), ("price", c.price)]
    if verbose:
        rows += [("not taken", text) for text in c.rejected]
    return ((head, text) for head, text in rows if text)


def _changes(page: Explanation) -> Iterator[str]:
    for change in page.changes:
        yield f"  {change.name}"
        for line in change.lines:
            yield from _wrapped(line, "      ", "          ")


# --- Update graph --------------------------------------------------------------------------------


def _graph(page: Explanation) -> Iterator[str]:
    width = max((len(op.kind) for op in page.operations), default=0)
    trigger = None
    for op in page.operations:
        if op.trigger != trigger:
            trigger = op.trigger
            yield f"  {trigger}"
        yield from _operation(op, width)
    if page.state:
        yield "  state"
        names = max(len(state.name) for state in page.state)
        for state in page.state:
            size = "" if state.size is None else f", {state.size} entries"
            size = ", 1 entry" if state.size == 1 else size
            text = f"{state.meaning}{size}, starts at {state.start}"
            yield from _row(state.name, text, max(names, width), "    ")


def _operation(op: OperationRecord, width: int) -> Iterator[str]:
    where = f": {'; '.join(op.targets)}" if op.targets else ""
    condition = f"   ({op.condition})" if op.condition else ""
    formulas = [update.text for update in op.updates]
    head = formulas.pop(0) if formulas and op.kind != "combine" else op.meaning
    yield from _row(op.kind, f"{head}{where if not op.updates else ''}{condition}", width, "    ")
    for formula in formulas:
        yield from _row("", formula, width, "    ")
