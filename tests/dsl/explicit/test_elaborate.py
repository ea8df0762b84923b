"""What is implicit is made explicit: `corpus/checks/explicit.txt`, a spec and its meaning."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cspec.dsl.check import check
from cspec.dsl.explicit.spec import flatten
from cspec.dsl.format.expressions import format_binder, format_expression
from cspec.dsl.format.spec import format_item, format_modifiers
from cspec.dsl.not_compiled import LATER
from cspec.dsl.text.source import Source
from cspec.dsl.tree.nodes import Spec, SubjectTo

CORPUS = Path(__file__).parents[1] / "corpus" / "checks"


def blocks(name: str) -> list[tuple[str, str]]:
    """Titles and bodies of a corpus file."""
    text = (CORPUS / name).read_text(encoding="utf-8")
    parts = re.split(r"^=== ", text, flags=re.MULTILINE)[1:]
    return [(part.partition("\n")[0], part.partition("\n")[2]) for part in parts]


def written(spec: Spec) -> str:
    """An elaborated spec, one item and one constraint with all its quantifiers a line."""
    lines: list[str] = []
    for item in spec.items:
        if not isinstance(item, SubjectTo):
            lines.append(format_item(item))
            continue
        for binders, constraint in flatten(Spec(items=(item,))):
            over = "".join(f"forall {format_binder(binder)}: " for binder in binders)
            relation = format_expression(constraint.relation)
            after = format_modifiers(constraint.modifiers)
            lines.append(f"{constraint.label}: {over}{relation} {after}".rstrip())
    return "\n".join(lines)


@pytest.mark.parametrize(("title", "body"), blocks("explicit.txt"), ids=lambda value: value[:40])
def test_explicit(title: str, body: str) -> None:
    source, _, meaning = re.split(r"^(---\s*)$", body, maxsplit=1, flags=re.MULTILINE)
    checked = check(Source(text=source))
    assert [d.message for d in checked.diagnostics if d.code not in LATER] == []
    assert re.sub(" +", " ", written(checked.elaborated)) == meaning.strip()


@pytest.mark.parametrize(("title", "body"), blocks("right.txt"), ids=lambda value: value[:40])
def test_right_specs_have_no_findings(title: str, body: str) -> None:
    found = check(Source(text=body)).diagnostics
    assert [d.message for d in found if d.code not in LATER] == []


def test_notes_say_what_was_made_explicit() -> None:
    checked = check(Source(text="model f\nminimize ce(f(x), y)\ns.t. mae <= 3\n"))
    assert [(note.written, note.meaning) for note in checked.notes] == [
        ("ce(f(x), y)", "E[ce(f(x), y) on data]"),
        ("mae", "E[mae(f(x), y) on data]"),
    ]


def test_spans_of_what_is_inferred_point_at_what_was_written() -> None:
    source = Source(text="model f\nminimize ce\n")
    objective = check(source).elaborated.items[2]
    assert source.slice(objective.expression.span) == "ce"  # type: ignore[attr-defined]
