"""The printed form of diagnostics."""

import json
import re

from cspec.dsl.messages.diagnostic import Diagnostic, Fix, Label
from cspec.dsl.messages.render import as_json, render_text
from cspec.dsl.text.source import Source, Span

TEXT = (
    "minimize ce\ns.t.\n    sparsity: density(model) <= 0.5\n    floor:    density(model) >= 0.6\n"
)


def conflict(text: str = TEXT) -> Diagnostic:
    first = text.index("density")
    second = text.index("density", first + 1)
    end = text.index("\n", second)
    return Diagnostic(
        code="CS401",
        message="constraints `sparsity` and `floor` contradict each other",
        span=Span(second, end),
        label="needs density of at least 0.6",
        related=(Label(span=Span(first, first + 21), text="needs density of at most 0.5"),),
        notes=("no value of density(model) satisfies both",),
        helps=("drop one, or\nmake one a preference",),
        fixes=(Fix(span=Span(second, end), replacement="", title="drop it"),),
        source=Source(text=text, name="mlp.cspec"),
    )


def test_layout_of_the_reference() -> None:
    assert render_text([conflict()]) == (
        "error[CS401]: constraints `sparsity` and `floor` contradict each other\n"
        " --> mlp.cspec:4:15\n"
        "  |\n"
        "3 |     sparsity: density(model) <= 0.5\n"
        "  |               --------------------- needs density of at most 0.5\n"
        "4 |     floor:    density(model) >= 0.6\n"
        "  |               ^^^^^^^^^^^^^^^^^^^^^ needs density of at least 0.6\n"
        "  = note: no value of density(model) satisfies both\n"
        "  = help: drop one, or\n"
        "          make one a preference"
    )


def marks(text: str, start: int, end: int) -> list[str]:
    found = Diagnostic(code="CS101", message="m", span=Span(start, end), source=Source(text=text))
    return render_text([found]).splitlines()[3:]


def test_tabs_and_wide_characters_line_up() -> None:
    assert marks("\ta: 模型 <= x", 10, 11) == ["1 |     a: 模型 <= x", "  |                ^"]
    assert marks("a\tb", 2, 3) == ["1 | a   b", "  |     ^"]
    assert marks("模型", 0, 2) == ["1 | 模型", "  | ^^^^"]
    assert marks("e\u0301x", 2, 3) == ["1 | e\u0301x", "  |  ^"]


def test_control_characters_are_not_sent_to_the_terminal() -> None:
    assert "\x1b" not in render_text(
        [Diagnostic(code="CS1", message="m", span=Span(0, 1), source=Source(text="\x1b[31mx"))]
    )


def test_a_span_over_lines() -> None:
    assert marks("a: f(x,\n   y)\n", 3, 13) == [
        "1 | a: f(x,",
        "  |    ^^^^",
        "2 |    y)",
        "  |    ^^",
    ]
    long = "\n".join("line" for _ in range(40))
    shown = marks(long, 0, len(long))
    assert len(shown) < 14
    assert any(line.startswith("...") for line in shown)


def test_the_end_of_the_text_has_a_caret() -> None:
    assert marks("minimize", 8, 8) == ["1 | minimize", "  |         ^"]
    assert marks("", 0, 0) == ["1 |", "  | ^"]


def test_without_a_source_there_is_no_place() -> None:
    bare = Diagnostic(code="CS140", message="`a` does not exist", helps=("look again",))
    assert render_text([bare]) == "error[CS140]: `a` does not exist\n  = help: look again"
    assert as_json(bare)["line"] is None


def test_several_are_separated_by_a_blank_line() -> None:
    assert render_text([conflict(), conflict()]).count("\n\n") == 1


def test_color_adds_only_escapes() -> None:
    colored = render_text([conflict()], color=True)
    assert "\x1b[" in colored
    assert re.sub(r"\x1b\[\d+m", "", colored) == render_text([conflict()])


def test_json() -> None:
    data = as_json(conflict())
    assert list(data) == [
        "code",
        "severity",
        "message",
        "line",
        "column",
        "end_line",
        "end_column",
        "label",
        "notes",
        "help",
        "fixes",
    ]
    assert (data["line"], data["column"], data["end_line"], data["end_column"]) == (4, 15, 4, 36)
    assert json.loads(json.dumps(data)) == data
