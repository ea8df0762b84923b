"""An explanation as Markdown with LaTeX mathematics, its update graph as a Mermaid flowchart."""

from collections.abc import Iterator
from itertools import pairwise

from cspec.compiler.explain.text import facts_of
from cspec.compiler.expressions.latex import escape
from cspec.compiler.expressions.mathematics import (
    OBJECTIVE_SURROGATE,
    ConstraintRecord,
    Explanation,
    OperationRecord,
)
from cspec.dsl.text.visible import visible_line


def as_markdown(page: Explanation, verbose: bool = False) -> str:
    """The page as Markdown: problem, method, update graph, signs, notes."""
    lines = [
        f"# {page.name}",
        "",
        *(["## Can't run yet", "", *(f"- {text}" for text in page.later), ""] * bool(page.later)),
        "## Problem",
        "",
        *_problem(page),
        "",
        "## Method",
        "",
        *_methods(page, verbose),
        *(_changes(page) if verbose else ()),
        "## Update graph",
        "",
        *_graph(page),
    ]
    for title, texts in (("Signs", page.signs), ("Notes", page.notes)):
        if texts:
            lines += ["", f"## {title}", "", *(f"- {text}" for text in texts)]
    return "\n".join(lines) + "\n"


def _problem(page: Explanation) -> Iterator[str]:
    yield "$$"
    yield r"\begin{aligned}"
    if page.sense == "satisfy":
        yield r"\text{find}\quad & x \\"
    else:
        yield rf"\text{{minimize}}\quad & {page.objective.latex} \\"
    head = r"\text{subject to}\quad"
    for c in page.constraints:
        if c.kind != "requirement":
            continue
        for form in c.canonical:
            index = "" if c.quantifier is None else c.quantifier.latex
            yield rf"{head} & {form.latex}{index} && \text{{({escape(c.label)})}} \\"
            head = ""
    yield r"\end{aligned}"
    yield "$$"
    if page.implied:
        yield ""
        yield from (f"- `{written}` means `{meaning}`" for written, meaning in page.implied)
    if page.quantities:
        yield ""
        yield "| | | moves |"
        yield "|---|---|---|"
        for q in page.quantities:
            meaning = visible_line(q.meaning).replace("|", r"\|")
            yield f"| {q.kind} `{q.name}` | {meaning} | {'yes' if q.moves else ''} |"


def _methods(page: Explanation, verbose: bool) -> Iterator[str]:
    if page.objective_surrogate:
        yield f"**objective**: {OBJECTIVE_SURROGATE}: `{page.objective_surrogate}`"
        yield ""
    for c in page.constraints:
        yield f"**{c.label}**: `{c.written}` by {c.method or c.kind}"
        yield ""
        yield from _items(c, verbose)
        yield ""
    if page.training:
        yield f"Training: {', '.join(s.text for s in page.training)}."
        yield ""


def _items(c: ConstraintRecord, verbose: bool) -> Iterator[str]:
    if c.members:
        yield f"- members: {', '.join(f'`{m}`' for m in c.members)}"
    forms = ", ".join(f"${form.latex}$" for form in c.surrogate_form)
    yield from (f"- {head}: {text}" for head, text in facts_of(c, forms, verbose))


def _changes(page: Explanation) -> Iterator[str]:
    yield "## Rewriting"
    yield ""
    for change in page.changes:
        yield f"- {change.name}"
        yield from (f"  - `{line}`" for line in change.lines)
    yield ""


def _graph(page: Explanation) -> Iterator[str]:
    yield "```mermaid"
    yield as_mermaid(page).rstrip()
    yield "```"
    yield ""
    for op in page.operations:
        if op.updates:
            condition = f" ({op.condition})" if op.condition else ""
            formulas = r",\quad ".join(update.latex for update in op.updates)
            yield f"- {op.kind}, {op.trigger}{condition}: ${formulas}$"


def as_mermaid(page: Explanation) -> str:
    """`flowchart TD`: the operations of a step in a circle, what comes by the epoch beside it."""
    steps = [(i, op) for i, op in enumerate(page.operations) if "epoch" not in op.trigger]
    epochs = [(i, op) for i, op in enumerate(page.operations) if "epoch" in op.trigger]
    lines = ["flowchart TD"]
    lines += _group("step", "every step", steps)
    lines += _group("epoch", "at the end of an epoch", epochs)
    if steps and epochs:
        lines.append(f"  n{steps[-1][0]} -. epoch ended .-> n{epochs[0][0]}")
        lines.append(f"  n{epochs[-1][0]} -. next batch .-> n{steps[0][0]}")
    if steps:
        lines.append(f"  n{steps[-1][0]} -- next batch --> n{steps[0][0]}")
    return "\n".join(lines) + "\n"


def _group(name: str, title: str, operations: list[tuple[int, OperationRecord]]) -> Iterator[str]:
    if not operations:
        return
    yield f'  subgraph {name}["{title}"]'
    for index, op in operations:
        yield f'    n{index}["{_label(op)}"]'
    for (before, _), (after, _) in pairwise(operations):
        yield f"    n{before} --> n{after}"
    yield "  end"


def _label(op: OperationRecord) -> str:
    """Kind and formulas; what Mermaid reads as markup is written as entities."""
    lines = [op.kind, *(update.text for update in op.updates)]
    if not op.updates:
        lines.append(" ".join([op.meaning, *(f"of {target}" for target in op.targets)]))
    if op.trigger not in ("every step", "every epoch"):
        lines.append(op.trigger)
    if op.condition:
        lines.append(op.condition)
    escaped = (
        line.replace("&", "#amp;").replace('"', "#quot;").replace("<", "#lt;").replace(">", "#gt;")
        for line in lines
    )
    return "<br/>".join(escaped)
