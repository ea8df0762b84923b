"""How often events are expected to hold, and the margins that follow: by counting rows in loops."""

import math

import numpy as np
import pytest

import cspec

N = 4000


def made(seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    sex = rng.choice(["F", "M"], N, p=[0.25, 0.75])
    x = rng.normal(size=(N, 3))
    y = (x[:, 0] + 0.8 * (sex == "M") + rng.normal(size=N) > 1.6).astype(np.int64)
    return {"x": x, "y": y, "sex": sex}


TRAIN, TEST = made(0), made(1)
Z = 1.6448536 + 1.2815516 * math.sqrt(2)
"""As many rows to train on as to certify: the error of both samples for nine of ten draws."""


def margin(requirement: str, columns: str = "x, y, sex") -> float:
    text = (
        f"data train({columns}), test({columns})\nmodel f = linear\nminimize bce\n"
        f"s.t. c: {requirement}\nverify c on test with confidence 95%\nfit(steps=10)"
    )
    return cspec.compile(text, train=TRAIN, test=TEST).constraints[0].margin


def share(value: int, **held: object) -> tuple[float, int]:
    """The share of a label among rows that hold something, one row more of each kind; the rows."""
    rows = [
        y
        for y, sex in zip(TEST["y"], TEST["sex"], strict=True)
        if held.get("sex", sex) == sex and held.get("y", y) == y
    ]
    return (sum(y == value for y in rows) + 1) / (len(rows) + 2), len(rows)


def error(p: float, n: int) -> float:
    return math.sqrt(p * (1 - p) / n)


def test_groups_that_are_held_together_meet_in_the_middle() -> None:
    (low, women), (high, men) = share(1, sex="F"), share(1, sex="M")
    middle = (low + high) / 2
    expected = Z * math.hypot(error(middle, women), error(middle, men))
    assert margin("gap(P[pred == 1 | sex]) <= 0.1") == pytest.approx(expected, rel=5e-3)
    assert expected < 0.8 * Z * math.hypot(error(0.5, women), error(0.5, men))


def test_conditions_on_columns_are_groups() -> None:
    (low, women), (high, men) = share(1, sex="F"), share(1, sex="M")
    expected = Z * math.hypot(error(low, women), error(high, men))
    written = 'P[pred == 1 | sex == "M"] - P[pred == 1 | sex == "F"] <= 0.2'
    assert margin(written) == pytest.approx(expected, rel=5e-3)


def test_errors_are_at_most_those_of_the_most_frequent_class() -> None:
    (low, women), (high, men) = share(1, sex="F"), share(1, sex="M")
    middle = (low + high) / 2
    expected = Z * math.hypot(error(middle, women), error(middle, men))
    assert margin("gap(P[pred != y | sex]) <= 0.1") == pytest.approx(expected, rel=5e-3)


def test_of_the_largest_group_the_bound_is_the_rate() -> None:
    women = share(1, sex="F")[1]
    assert margin("max(P[pred != y | sex]) <= 0.3") == pytest.approx(
        Z * error(0.3, women), rel=5e-3
    )


def test_what_labels_say_nothing_of_is_a_half() -> None:
    rows = [share(1, sex=sex, y=1)[1] for sex in ("F", "M")]
    expected = Z * math.hypot(*(error(0.5, n) for n in rows))
    assert margin("gap(P[pred == 1 | sex, y == 1]) <= 0.4") == pytest.approx(expected, rel=5e-3)


def test_a_column_of_many_numbers_makes_no_table() -> None:
    train = {**TRAIN, "age": np.arange(N)}
    test = {**TEST, "age": np.arange(N)}
    text = (
        "data train(x, y, age), test(x, y, age)\nmodel f = linear\nminimize bce\n"
        "s.t. c: P[pred == 1 | age >= 100] <= 0.4\nverify c on test with confidence 95%"
    )
    found = cspec.compile(text, train=train, test=test).constraints[0].margin
    assert found == pytest.approx(Z * error(0.4, N // 2), rel=5e-3)


def test_groups_that_are_too_small_for_a_certificate_are_named() -> None:
    rng = np.random.default_rng(2)
    race = rng.choice(["A", "B", "C"], N, p=[0.977, 0.018, 0.005])
    train, test = {**TRAIN, "race": race}, {**TEST, "race": race}
    text = (
        "data train(x, y, race), test(x, y, race)\nmodel f = linear\nminimize bce\n"
        "s.t. c: gap(P[pred == 1 | race]) <= 0.05\nverify c on test with confidence 95%"
    )
    plan = cspec.compile(text, train=train, test=test)
    b, c = (int((race == group).sum()) for group in "BC")
    assert any(note.endswith(f"too few rows are of [C] {c}, [B] {b}") for note in plan.notes)


@pytest.mark.parametrize(
    ("word", "selects"),
    [("or", [(), ()]), ("and", [(("sex", '"F"'), ("z", "1")), (("sex", '"M"'), ("z", "1"))])],
)
def test_examples_of_either_kind_are_not_of_both(word: str, selects: list[object]) -> None:
    """Means under `A or C` and `B or C` share examples: no test of two samples is theirs."""
    z = np.arange(N) % 2
    text = (
        "data train(x, y, sex, z), test(x, y, sex, z)\nmodel f = linear\nminimize bce\n"
        f's.t. c: P[pred == 1 | sex == "F" {word} z == 1] - P[pred == 1 | sex == "M" {word} z == 1]'
        " <= 0.4\nverify c on test with confidence 95%"
    )
    plan = cspec.compile(text, train={**TRAIN, "z": z}, test={**TEST, "z": z})
    proof = plan.constraints[0].certificate
    assert proof is not None
    assert [leaf.selects for leaf in proof.leaves] == selects
