"""Lines that one edit makes right: they say all that was written, over mutations of right specs."""

import random
import re
from collections.abc import Iterator

import pytest

from cspec.dsl.check import check
from cspec.dsl.format.spec import format_text
from cspec.dsl.messages.diagnostic import Diagnostic, errors
from cspec.dsl.parsing.kept_words import keeps
from cspec.dsl.text.source import Source

RIGHT = (
    "data train(x, y, sex, age), test(x, y, sex, age)\nmodel f = mlp(hidden=[32])\nminimize ce\n"
    's.t. few: P[pred == 1 | sex == "F"] <= 30%\n     fair: gap(P[pred == 1 | sex]) <= 5%\n'
    "     small: density(f) <= 50%\nverify few, fair on test\nfit(epochs=10, batch_size=64)\n",
    "param a[3] = 2\nvar x[3] = 1 in [0, 10]\nminimize sumsq(x - a) + 0.5*x[0]\n"
    "s.t. forall i in range(2): x[i] - x[i + 1] <= 3\n     flat: sum(x) == 4 within 1e-2\n",
    "domain q(t, x) = box([0, 1], [-1, 1])\nmodel u(t, x) = mlp(hidden=[16], act=tanh)\n"
    "minimize E[(diff(u, t) - diff(u, x, x))^2 for (t, x) in q.sample(200)]\n"
    "s.t. forall x in uniform(-1, 1).sample(50): u(0, x) == 0 within 1e-2\n",
)
TOKEN = re.compile(r'"[^"\n]*"|s\.t\.|[\w.]+%?|<=|>=|==|[^\w\s]|[ \t]+|\n')
OTHER = {"(": "[", ")": "]", "[": "(", "]": ")"}


def mutations(seed: int, count: int) -> Iterator[tuple[str, str]]:
    """A right spec, and the same with a token doubled, exchanged, misspelt, or a mark lost."""
    choose = random.Random(seed)
    for _ in range(count):
        right = choose.choice(RIGHT)
        tokens = TOKEN.findall(right)
        places = [i for i, token in enumerate(tokens) if token.strip()]
        at = choose.choice(places[:-1])
        token = tokens[at]
        kind = choose.choice(("double", "swap", "spell", "bracket", "lose"))
        if kind == "double":
            tokens[at] = f"{token} {token}" if token[0].isalnum() else token * 2
        elif kind == "swap":
            after = next(i for i in places if i > at)
            tokens[at], tokens[after] = tokens[after], token
        elif kind == "spell" and token.isalpha() and len(token) > 3:
            tokens[at] = token[:2] + token[3:]
        elif kind == "bracket":
            tokens[at] = OTHER.get(token, token)
        elif kind == "lose" and token in "(),:[]":
            tokens[at] = ""
        wrong = "".join(tokens)
        if wrong != right:
            yield right, wrong


def found(text: str) -> tuple[Diagnostic, ...]:
    return errors(check(Source(text=text)).diagnostics)


def suggested(text: str) -> Iterator[str]:
    """The spec with each line that the first finding asks `did you mean` of."""
    first = next(iter(found(text)), None)
    if first is None or not first.helps or not first.helps[0].startswith("did you mean"):
        return
    for fix in first.fixes:
        made = f"{text[: fix.span.start]}{fix.replacement}{text[fix.span.end :]}"
        start = made.rfind("\n", 0, fix.span.start) + 1
        line = made[start : made.find("\n", fix.span.start + len(fix.replacement))]
        if f"did you mean `{line.strip()}`?" == first.helps[0]:
            yield made


def wrong_trees(seed: int, count: int) -> tuple[list[str], int]:
    """The suggestions that check clean and say another thing, and how many there were."""
    other, seen = [], 0
    for right, wrong in mutations(seed, count):
        for text in suggested(wrong):
            if found(text):
                continue
            seen += 1
            if format_text(text) != format_text(right):
                other.append(f"{wrong}\n{text}")
    return other, seen


def test_what_a_line_suggests_is_what_was_meant() -> None:
    other, seen = wrong_trees(1, 60)
    assert seen > 5
    assert not other, "\n".join(other)


@pytest.mark.slow
def test_what_many_lines_suggest_is_what_was_meant() -> None:
    other, seen = wrong_trees(2, 1000)
    assert seen > 100
    assert len(other) <= seen // 50, "\n".join(other)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("domain q(t, x) = [0, 1] x [-1, 1]", "domain q(t, x) = [0, 1]  [-1, 1]"),
        ("verify P[pred == 0] >= 5% on test", "verify: P[pred == 0] >= 5% on test"),
        ("verify P[pred == 0] >= 5% on test", "P[pred == 0] >= 5% on test"),
        ("data train(x, y, sex: categorical)", "data train(x, y, sex, categorical)"),
        ("data (x, y) = digits()", "data in (x, y) = digits()"),
        ("using sal(every=5 epochs)", "using sal(every=5 )"),
        ("using sal(every=5 epochs)", "using sal(every= epochs)"),
        ("minimize diff(u, x, 2)", "minimize diff(u, x= 2)"),
        ("s.t. sum(x) == 1 +- 1e-3", "s.t. sum(x) == 1 -- 1e-3"),
        ("s.t. x  eps", "s.t. x <= eps"),
        ("data train(x, age, age)", "data train(x, age, range)"),
        ("data train(, y)", "data train( y)"),
        ("var x[[3] = 1", "var x[[3] == 1]"),
        ("var x(3]", "var x =(3)"),
        ("s.t. x <= 5", "s.t. x 5"),
        ("s.t. f(x) := 3", "s.t. f(x) == 3"),
        ("metric acc = P[pred == y on test]", "metric acc: P[pred == y on test]"),
    ],
)
def test_what_loses_a_word_is_not_kept(before: str, after: str) -> None:
    assert not keeps(before, after)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("s.t. a: sum x) <= 1", "s.t. a: sum( x) <= 1"),
        ("s.t. gap gap(P[pred == 1 | sex]) <= 5%", "s.t. gap(P[pred == 1 | sex]) <= 5%"),
        ("s.t. densty(f) <= 5%", "s.t. density(f) <= 5%"),
        ("s.t. <= x 5", "s.t. x <= 5"),
        ("s.t. np.sum(x) <= 5", "s.t. sum(x) <= 5"),
        ("s.t. x = 5", "s.t. x == 5"),
    ],
)
def test_what_says_the_same_is_kept(before: str, after: str) -> None:
    assert keeps(before, after)


def test_a_word_that_the_line_has_is_told_once() -> None:
    text = 'data train = csv("d.csv", label="y", group="s")\nmodel f\nminimize ce\n'
    first = next(d for d in found(text) if "`label`" in d.message)
    assert first.helps == ('did you mean `data train = csv("d.csv", target="y")`?',)
