"""Specs that parse and can hardly be meant as they stand: each is told, on its line, with what
was meant; and those beside them that are right are left in peace.
"""

import pytest

from cspec.dsl.check import check
from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.dsl.text.source import Source

NUMBERS = "var x = 1\nvar y = 1\nminimize (x - 3)^2 + y^2\ns.t. c: "
ARRAYS = (
    "param A[3, 3] = [[1, 2, 3], [4, 5, 6], [7, 8, 10]]\nparam b[3] = [1, 2, 3]\n"
    "var v[3] = 1\nminimize sumsq(v - 3) + sumsq(A @ v - b)\ns.t. c: "
)
DATA = "data train(x, y, sex, age)\nmodel f\nminimize ce\ns.t. c: "

TOLD = [
    (NUMBERS, "x == inf", "CS311", "no number is infinite"),
    (NUMBERS, "x <= x", "CS328", "always true"),
    (NUMBERS, "x in 5", "CS302", "x == 5"),
    (NUMBERS, "forall i in {0, 1}: y <= 3", "CS203", "`i`"),
    (ARRAYS, "A * v <= b", "CS329", "A @ v"),
    (ARRAYS, "v*A == b", "CS329", "v @ A"),
    (ARRAYS, "A^-1 @ v <= b", "CS329", "inv(A)"),
    (ARRAYS, "forall i in range(3): sum(v) <= 2", "CS203", "`i`"),
    (DATA, "P[prob[1] > 50] <= 30%", "CS311", "50%"),
    (DATA, "E[ce(prob, y)] <= 1", "CS302", "probabilities"),
    (DATA, "E[bce(prob(f(x)), y)] <= 1", "CS302", "f(x)"),
    (DATA, "E[ce(softmax(f(x)), y)] <= 1", "CS302", "f(x)"),
    (DATA, "P[pred(prob(f(x))) == 1] <= 1%", "CS302", "f(x)"),
    (DATA, "forall g in values(sex): P[pred == 1] >= 20%", "CS203", "sex == g"),
    (DATA, "forall g in values(sex): P[pred == 1 | sex] >= 20%", "CS203", "sex == g"),
    (DATA, "forall (a, b) in cross(sex, age): P[pred == 1 | sex == a] >= 1%", "CS203", "`b`"),
    (DATA, "forall sex in values(sex): P[pred == 1 | sex == sex] >= 20%", "CS328", "sex == g"),
    (DATA, "forall W in f.weights: l2(f.weights) <= 3", "CS203", "`W`"),
    (DATA, "E[max(ce(f(x), y) for z in ball(x, 0.1, norm=inf))] <= 1", "CS203", "ce(f(z), y)"),
    (DATA, "P[all(pred(f(x)) == y for z in ball(x, 0.1, norm=2))] >= 80%", "CS203", "pred(f(z))"),
    (DATA, "E[max(ce(f(x + z), y) for z in ball(x, 1, norm=2))] <= 1", "CS203", "already|`z`"),
    (DATA, "E[E[(f(x) - y)^2 for e in normal(0, 0.1)]] <= 1", "CS203", "use `e`"),
    (DATA, "params(f) <= 10%", "CS311", "density(f) <= 10%"),
    (DATA, "flops(f) <= 0.5", "CS311", "count"),
    (DATA, "cvar(ce, 5%) <= 2", "CS412", "cvar(ce(f(x), y), 95%)|cvar(ce, 95%)"),
    (DATA, "E[ce] <= E[ce]", "CS328", "both sides are the same"),
    (DATA, "P[pred == 1 | age > 30 < 50] <= 10%", "CS111", "30 < age < 50"),
    (DATA, 'P[pred == 1 | sex in ["F", "M"]] <= 10%', "CS325", '{"F", "M"}'),
    (DATA, 'P[pred == 1 | sex >= "F"] <= 10%', "CS334", 'sex == "F"'),
]
QUIET = [
    (NUMBERS, "x <= y"),
    (NUMBERS, "forall i in range(3): y <= i"),
    (NUMBERS, "x in [0, 5]"),
    (ARRAYS, "A @ v <= b"),
    (ARRAYS, "2 * v <= b"),
    (ARRAYS, "v * b <= 3"),
    (ARRAYS, "forall i in range(3), j in range(i): v[i]*v[j] <= 2"),
    (ARRAYS, "sum(A[i, j]*v[j] for i in range(3) for j in range(3)) <= 2"),
    (DATA, "P[prob[1] > 50%] <= 30%"),
    (DATA, "E[ce(f(x), y)] <= 1"),
    (DATA, "E[max(ce(f(x + d), y) for d in ball(0.1, norm=inf))] <= 1"),
    (DATA, "E[entropy(prob(f(x)))] <= 1"),
    (DATA, "forall g in values(sex) where count >= 30: P[pred == 1 | sex == g] >= 20%"),
    (DATA, "forall (a, b) in cross(sex, age): P[pred == 1 | sex == a and age == b] >= 1%"),
    (DATA, "forall W in f.weights: l2(W) <= 3"),
    (DATA, "E[max(ce(f(z), y) for z in ball(x, 0.1, norm=inf))] <= 1"),
    (DATA, "E[E[(f(x + e) - f(x))^2 for e in normal(0, 0.1)]] <= 1"),
    (DATA, "E[abs(f(a.x) - f(b.x)) for (a, b) in pairs(train)] <= 1"),
    (DATA, "cvar(ce, 90%) <= 2"),
    (DATA, "P[pred == 1 | 30 < age < 50] <= 10%"),
    (DATA, 'P[pred == 1 | sex in {"F", "M"}] <= 10%'),
]


def said(finding: Diagnostic) -> str:
    return " ".join([finding.message, finding.label, *finding.notes, *finding.helps])


@pytest.mark.parametrize(("head", "relation", "code", "words"), TOLD)
def test_what_can_hardly_be_meant_is_told(head: str, relation: str, code: str, words: str) -> None:
    source = Source(text=head + relation + "\n")
    found = [d for d in check(source).diagnostics if d.code == code]
    assert found, relation
    line = source.text.count("\n", 0, len(head)) + 1
    assert source.position(found[0].span.start).line == line
    assert any(word in said(found[0]) for word in words.split("|")), said(found[0])


@pytest.mark.parametrize(("head", "relation"), QUIET)
def test_what_is_right_is_left_in_peace(head: str, relation: str) -> None:
    text = head + relation + "\n"
    found = [d for d in check(Source(text=text)).diagnostics if d.span.start >= len(head)]
    assert found == []


def test_names_that_a_binder_behind_them_reads_are_used() -> None:
    text = NUMBERS + "forall i in {1, 2}, j in range(i): x <= j\n"
    assert [d.code for d in check(Source(text=text)).diagnostics] == []


def test_a_name_that_a_clause_which_is_not_read_may_use_is_no_finding() -> None:
    text = "param a = 1\nparam b = 2\nvar x = 0\nminimize x^2\ns.t. c: x <=\n"
    assert {d.code for d in check(Source(text=text)).diagnostics} == {"CS102"}


def test_what_is_gone_with_the_line_that_is_written_anew_is_not_told_again() -> None:
    text = "var x in R^3\nminimize sumsqr(x)\ns.t. c: x[0] + x[1] == 1\n"
    found = check(Source(text=text)).diagnostics
    assert [found[0].helps[0], *(d.code for d in found)] == ["write `var x[3]`", "CS317", "CS201"]


@pytest.mark.parametrize("word", ["hoeffding", "exact"])
def test_no_edit_drops_a_certificate(word: str) -> None:
    text = f"{DATA}P[pred == 1] <= 30%\nverify all on train (confidence=0.9, how={word})\n"
    for finding in check(Source(text=text)).diagnostics:
        for fix in finding.fixes:
            made = text[: fix.span.start] + fix.replacement + text[fix.span.end :]
            assert "90%" in made or "0.9" in made
