"""The first fix of the first finding, made as it stands, gives the spec that was meant.

The specs are those of `corpus/languages/meant.txt`, and some of them with a second mistake on a
line of its own.
"""

from pathlib import Path

import pytest

from cspec.dsl.check import check
from cspec.dsl.messages.diagnostic import Diagnostic, Fix, errors
from cspec.dsl.text.source import Source

CORPUS = Path(__file__).parents[1] / "corpus" / "languages" / "meant.txt"
D = "data train(x, y), val(x, y) = digits(split=[0.8, 0.2])\nmodel net\nminimize ce(net(x), y)\n"


def read_pairs() -> list[tuple[str, str, str]]:
    """Title, wrong spec and right one of each case."""
    pairs = []
    for block in CORPUS.read_text(encoding="utf-8").split("=== ")[1:]:
        title, _, rest = block.partition("\n")
        wrong, _, right = rest.partition("\n+++\n")
        pairs.append((title, wrong.split("\n--- ")[0] + "\n", right))
    return pairs


PAIRS = read_pairs()


def first_error(text: str) -> Diagnostic:
    return errors(check(Source(text=text)).diagnostics)[0]


def made(text: str, fix: Fix) -> str:
    return text[: fix.span.start] + fix.replacement + text[fix.span.end :]


def plain(text: str) -> str:
    return "".join(text.split())


@pytest.mark.parametrize(("title", "wrong", "right"), PAIRS, ids=lambda value: value[:30])
def test_the_first_fix_gives_what_was_meant(title: str, wrong: str, right: str) -> None:
    first = first_error(wrong)
    text = made(wrong, first.fixes[0])
    assert plain(text) == plain(right)
    assert errors(check(Source(text=text)).diagnostics) == ()
    assert not first.helps[0].startswith("or")


Q = "domain q(x) = box([0, 1])\nmodel u(x) = mlp(hidden=[8], act=tanh)\n"
R = f"{Q}minimize E[(diff(u, x) + u)^2 for x in q.sample(9)]\n"
G = "data train(x, y, sex, race), test(x, y, sex, race)\nmodel f\nminimize bce(f(x), y)\n"
DRAWN = "q.sample(200)"
WARNED = [
    (f"{Q}minimize E[(diff(u, x) + u)^2 for x in {{}}]\ns.t. u(0) == 1\n", "q", DRAWN),
    (f"{R}s.t. forall x in {{}}: u(x) >= 0\n", "q", DRAWN),
    (f"{R}s.t. {{}}\n", "max(u for x in q) <= 1", "forall x in q.sample(200): u(x) <= 1"),
    (f"{R}s.t. u(0) == 1\nmetric m = sqrt(E[(u - exp(-x))^2 for x in {{}}])\n", "q", DRAWN),
    (f"{G}s.t. forall g in values(sex): P[pred == 1 | {{}}] >= 20%\n", "sex", "sex == g"),
    (f'{G}s.t. forall g in {{{{"a", "b"}}}}: E[prob | {{}}] >= 20%\n', "race", "race == g"),
    (f"{G}s.t. forall g in values(sex): P[pred == 1{{}}] >= 20%\n", "", " | sex == g"),
    (f"{G}s.t. forall g in values(sex): P[pred == 1 | y == 1{{}}] >= 2%\n", "", " and sex == g"),
    (f"{G}s.t. forall g in values(sex): gap(P[pred == 1 | race{{}}]) <= 5%\n", "", ", sex == g"),
]


@pytest.mark.parametrize(("line", "wrong", "right"), WARNED)
def test_the_fix_of_the_only_warning_leaves_none(line: str, wrong: str, right: str) -> None:
    (warning,) = check(Source(text=line.format(wrong))).diagnostics
    text = made(line.format(wrong), warning.fixes[0])
    assert text == line.format(right)
    assert check(Source(text=text)).diagnostics == ()


@pytest.mark.parametrize("index", ["[x == 0]", "(x)[x == 0]", "[0]"])
def test_a_model_of_coordinates_has_no_entries(index: str) -> None:
    text = f"{R}s.t. forall x in q.sample(100): u{index} == 1\n"
    first = first_error(text)
    assert first.code == "CS302"
    assert made(text, first.fixes[0]) == f"{R}s.t. forall x in q.sample(100): u(0) == 1\n"


@pytest.mark.parametrize("word", ["Female", "Pia", "info", "Trudy"])
def test_an_unknown_word_is_no_slip_of_a_constant(word: str) -> None:
    text = f"{G}s.t. P[pred == 1 | sex == {word}] >= 20%\n"
    assert made(text, first_error(text).fixes[0]) == text.replace(word, f'"{word}"')
    first = first_error(f"{G}s.t. P[pred == 1 | {word}] >= 20%\n")
    assert not {fix.replacement for fix in first.fixes} & {"false", "true", "pi", "inf"}


SECOND = "fit(steps=0)"
ALONE = [pair for pair in PAIRS if "fit(" not in pair[1]]


@pytest.mark.parametrize(("title", "wrong", "right"), ALONE[::4], ids=lambda value: value[:30])
def test_a_mistake_on_another_line_changes_nothing(title: str, wrong: str, right: str) -> None:
    text = f"{wrong}{SECOND}\n"
    fixed = made(text, first_error(text).fixes[0])
    assert plain(fixed) == plain(f"{right}{SECOND}")


LEGAL = [
    "forall (x, y) in train: ce(net(x), y) <= 4",
    "forall (a, b) in train: prob(net(a))[b] >= 1%",
    "forall a in train: sumsq(net(a)) <= 100",
    "E[prob[y]] >= 50%",
    "forall k in range(10): E[net(x)[k]] <= 5",
]


@pytest.mark.parametrize("relation", LEGAL)
def test_indices_of_outputs_and_quantifiers_over_columns_stay_legal(relation: str) -> None:
    found = check(Source(text=f"{D}s.t. c: {relation}\n")).diagnostics
    assert [d.code for d in found if d.code == "CS333"] == []


def test_a_name_that_an_edit_defines_is_unknown_no_more() -> None:
    found = check(Source(text="var x, y = 1, 2\nminimize x^2 + y^2\n")).diagnostics
    assert [d.code for d in found] == ["CS115"]


def test_a_help_in_the_place_of_a_call_keeps_its_numbers() -> None:
    text = "var x[2]\nminimize sumsq(x)\ns.t. sum(x) >= 1\nusing ipopt(max_iter=100)\n"
    assert "sqp(iterations=100)" in made(text, first_error(text).fixes[0])


LEGAL_CLASSES = [
    "P[pred == y | y == 9] >= 90%",
    "P[pred == 0] >= 5%",
    "P[pred == y | y in {0, 9}] >= 90%",
    "E[prob[1]] <= 30%",
    "abs(E[max(prob)] - P[pred == y]) <= 3%",
    "E[max(ce(net(z), y) for z in ball(x, 0.1, norm=inf))] <= 2",
]


@pytest.mark.parametrize("relation", LEGAL_CLASSES)
def test_classes_chances_and_balls_that_are_right_stay_legal(relation: str) -> None:
    assert errors(check(Source(text=f"{D}s.t. c: {relation}\n")).diagnostics) == ()


@pytest.mark.parametrize(("wrong", "nearest"), [("10", "9"), ("-1", "0"), ("21", "9")])
def test_of_numbers_the_nearest_class_is_offered(wrong: str, nearest: str) -> None:
    first = first_error(f"{D}s.t. c: P[pred == y | y == {wrong}] >= 95%\n")
    assert (first.code, first.fixes[0].replacement) == ("CS208", nearest)
    assert "0 to 9" in first.message


def test_a_text_that_no_class_resembles_is_asked_about() -> None:
    text = "data train(x, y) = iris()\nmodel net = mlp\nminimize ce(net(x), y)\n"
    first = first_error(f'{text}s.t. c: P[pred == y | y == "rose"] >= 95%\n')
    assert [fix.replacement for fix in first.fixes] == ['"setosa"', '"versicolor"', '"virginica"']


LABELS = "s.t. sparse density(net) <= 30%\n     easy E[ce(net(x), y) | y == 0] <= 0.2\n"


def test_two_labels_without_their_colons_are_two_findings() -> None:
    found = errors(check(Source(text=D + LABELS)).diagnostics)
    assert [d.message for d in found] == ["a label ends with `:`"] * 2


@pytest.mark.parametrize("line", ["s.t. c: y ~ net(x)", "with lagrangian"])
def test_what_may_mean_something_else_is_not_applied_unasked(line: str) -> None:
    for found in errors(check(Source(text=f"{D}{line}\n")).diagnostics):
        assert not found.fixes or not found.fixes[0].safe


@pytest.mark.parametrize(
    "bound", ["max(u(x) for x in q.grid(9)) <= 1", "mean(u for x in q.grid(9)) <= 1"]
)
@pytest.mark.parametrize("soft", ["", " soft(weight=1)"])
def test_what_runs_over_points_is_not_warned_of(bound: str, soft: str) -> None:
    assert check(Source(text=f"{R}s.t. {bound}{soft}\n")).diagnostics == ()
