"""What the machine decided, as a page: the problem, each method and why, the update graph."""

import json
from typing import Literal

from cspec.compiler.explain.gather import gather
from cspec.compiler.explain.markdown import as_markdown, as_mermaid
from cspec.compiler.explain.text import as_text
from cspec.compiler.plan import Plan
from cspec.compiler.records.facts import Facts
from cspec.compiler.records.program import Program

Form = Literal["text", "json", "markdown", "mermaid"]


def explain(
    plan: Plan,
    program: Program | None = None,
    *,
    format: Form = "text",
    verbose: bool = False,
    facts: Facts | None = None,
) -> str:
    """The explanation of a plan, and of its program where data and models are bound.

    Without a program index sets stay sets and choices that depend on a model stay open. `facts`
    adds rows, classes and which parameters move. `verbose` adds the rewriting steps, alternatives
    that were not taken and every default. `json` always has all of it; `mermaid` is the update
    graph alone.

    Raises:
        ValueError: a form that there is not.
    """
    page = gather(plan, program, facts, verbose or format == "json")
    match format:
        case "text":
            return as_text(page, verbose)
        case "json":
            return json.dumps(page.model_dump(mode="json"), indent=1, ensure_ascii=False) + "\n"
        case "markdown":
            return as_markdown(page, verbose)
        case "mermaid":
            return as_mermaid(page)
        case _:
            raise ValueError(f"no form {format!r}: text, json, markdown, mermaid")
