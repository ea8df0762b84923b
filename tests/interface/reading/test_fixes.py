"""A fix is written only if the spec gets better by it and says the same elsewhere."""

import pytest

from cspec.dsl.check import check
from cspec.dsl.messages.diagnostic import Diagnostic, Fix, errors
from cspec.dsl.text.source import Source, Span
from cspec.reading.fixes import fixed, mended, offered
from cspec.reading.slips import one_off


def wrong(spec: str) -> int:
    return len(errors(check(Source(text=spec)).diagnostics))


@pytest.mark.parametrize(
    ("spec", "right"),
    [
        ("var w[2] = 1\nminimize 0.5||w||^2\n", "var w[2] = 1\nminimize 0.5*norm(w, 2)^2\n"),
        ("var x = 1\nminimize x^2\ns.t. x \\le 1\n", "var x = 1\nminimize x^2\ns.t. x <= 1\n"),
    ],
)
def test_safe_fixes_are_written(spec: str, right: str) -> None:
    assert mended(Source(text=spec))[0].text == right


@pytest.mark.parametrize(
    "spec",
    [
        "var x = 1\nminimize 1/2x\n",
        'data train(x, y) = csv("a.csv", target="y", split=[null])\nmodel f = mlp\nminimize bce\n',
        "var x = 1\nminimize x^2\ns.t. cap x <= 3\n",
        "var x = 1\nminimize {x - 1}^2\n",
    ],
)
def test_what_asks_or_does_not_help_is_left_alone(spec: str) -> None:
    assert mended(Source(text=spec)) == (Source(text=spec), 0)
    assert wrong(spec)


def test_a_round_ends_where_a_fix_would_repeat_itself() -> None:
    spec = 'data t(x, y) = csv("a.csv", target="y", split=null)\nmodel f = mlp\nminimize bce\n'
    text, count = mended(Source(text=spec), safe_only=False)
    assert "[[" not in text.text
    assert count <= 1


def offers(spec: str, *fixes: Fix) -> tuple[Fix, ...]:
    """Those of the fixes that are worth it, were they the only finding's."""
    checked = check(Source(text=spec))
    finding = Diagnostic(code="CS201", message="m", fixes=fixes)
    return offered(checked.model_copy(update={"diagnostics": (finding,)}))[0].fixes


def test_a_fix_that_only_moves_the_mistake_is_not_offered() -> None:
    spec = "var x = 1\nminimize x + zz\n"
    place = Span(spec.index("zz"), spec.index("zz") + 2)
    worse = Fix(span=Span(0, 9), replacement="var zz = 1", title="another variable")
    good = Fix(span=place, replacement="x", title="x")
    assert offers(spec, worse, good) == (good,)


def test_a_fix_that_grows_together_with_its_neighbour_is_not_offered() -> None:
    spec = "var orw = 1\nvar w = 1\nminimize w^2 + (w||w)\n"
    place = Span(spec.index("||"), spec.index("||") + 2)
    glued = Fix(span=place, replacement="*or", title="grown together")
    good = Fix(span=place, replacement="*", title="a product")
    assert offers(spec, glued, good) == (good,)


def test_fixes_that_overlap_wait() -> None:
    fix = Fix(span=Span(0, 1), replacement="b", title="b", safe=True)
    finding = Diagnostic(code="CS101", message="m", fixes=(fix,))
    assert fixed("a", [finding, finding]) == ("b", 1)


def test_few_fixes_are_tried_of_a_text_that_is_no_spec(monkeypatch: pytest.MonkeyPatch) -> None:
    read = []

    def counted(source: Source) -> object:
        read.append(len(source.text))
        return check(source)

    monkeypatch.setattr("cspec.reading.fixes.check", counted)
    mended(Source(text="var x[3] = 1\nminimize " + "x'" * 1000 + "\n"))
    assert sum(read) < 150_000


def test_one_bad_fix_among_many_costs_few_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = "\n     ".join(f"c{i}: x =< {i}" for i in range(40))
    spec = f"var x = 1\nminimize x^{{2}} + {{x}}\ns.t. {lines}\n     d: x \\le 9\n"
    times = []

    def counted(source: Source) -> object:
        times.append(source)
        return check(source)

    monkeypatch.setattr("cspec.reading.fixes.check", counted)
    source, applied = mended(Source(text=spec))
    assert applied >= 41
    assert "=<" not in source.text
    assert len(times) < 20


@pytest.mark.parametrize(
    ("spec", "right"),
    [
        ("var x = 1\nminimze x^2\n", "var x = 1\nminimize x^2\n"),
        ("minimize ce\ns.t. densty(model) <= 50%\n", "minimize ce\ns.t. density(model) <= 50%\n"),
        (
            "data train(x, y), val(x, y)\nmodel f\nminimize ce\ns.t. q: P[perd == 1] <= 30%\n"
            "verify q on vla\nfit(epoch=3)\n",
            "data train(x, y), val(x, y)\nmodel f\nminimize ce\ns.t. q: P[pred == 1] <= 30%\n"
            "verify q on val\nfit(epochs=3)\n",
        ),
    ],
)
def test_slips_of_the_finger_are_written(spec: str, right: str) -> None:
    assert mended(Source(text=spec))[0].text == right


@pytest.mark.parametrize(
    "spec",
    [
        "var speed = 1\nminimize sped^2 + zz\n",  # another mistake stays
        "var width1 = 1\nvar width2 = 1\nminimize width1^2 + width3^2\n",  # numbers are no slips
        "var grade = 1\nvar grape = 1\nminimize grade^2 + grape^2 + grate\n",  # two that are near
        "var eps = 1\nminimize eps^2 + es\n",  # too short to tell
        "data train(x, y, sex)\nmodel f\nminimize ce\ns.t. P[pred == 1 | sex == Female] <= 1%\n",
    ],
)
def test_what_is_more_than_a_slip_is_left_alone(spec: str) -> None:
    assert mended(Source(text=spec)) == (Source(text=spec), 0)


def test_one_letter_more_less_another_or_two_turned() -> None:
    one_off_words = ("minimze", "minimizee", "minimise", "mniimize", "Minimize")
    assert all(one_off(word, "minimize") for word in one_off_words)
    others = ("minimize", "minmze", "minimize2", "maximize")
    assert not any(one_off(word, "minimize") for word in others)
    assert one_off("vla", "val")
    assert not one_off("va", "val")
    assert not one_off("x1", "x2")


def test_a_text_with_more_findings_than_are_shown_is_tried_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read = []

    def counted(source: Source) -> object:
        read.append(source)
        return check(source)

    monkeypatch.setattr("cspec.reading.fixes.check", counted)
    mended(Source(text="var x[3] = 1\nminimize " + "x'" * 1500 + "\n"))
    assert len(read) <= 3
