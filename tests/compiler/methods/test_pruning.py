"""How a count comes to its bound: what a spec gives acts as written, the rest fits around it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cspec.compiler.methods.pruning import Course, course, described
from cspec.compiler.records.problem import SetMember
from cspec.dsl.settings.base import EPOCH
from cspec.dsl.settings.methods import Projection
from cspec.dsl.tree.nodes import Call, Name, Number

TENTH = SetMember(word="sparse", model="net", arguments={"0": Number(text="10%", value=0.1)})


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({}, Course(0.1, 0.5, True)),
        ({"warmup": 0.5}, Course(0.5, 0.3, True)),
        ({"warmup": 0.0}, Course(0.0, 0.5, True)),
        ({"ramp": 0.3}, Course(0.1, 0.3, True)),
        ({"ramp": 0.96}, Course(0.02, 0.96, True)),
        ({"ramp": 0.0}, Course()),
        ({"ramp": 0.0, "warmup": 0.5, "freeze": True}, Course(0.5, 0.0, True)),
        ({"freeze": False}, Course(0.1, 0.5, False)),
        ({"every": EPOCH}, Course(0.1, 0.5, False)),
    ],
)
def test_what_is_given_acts_as_written_and_the_rest_fits(
    given: dict[str, Any], found: Course
) -> None:
    assert course(Projection(**given), TENTH) == found
    assert found.end < 1


def test_only_counts_shrink_and_a_bound_that_moves_is_followed() -> None:
    assert course(Projection(), SetMember(word="nonneg")) == Course()
    ends = tuple(Number(text=text, value=value) for text, value in (("1", 1.0), ("10%", 0.1)))
    ramp = Call(function=Name(id="ramp"), arguments=ends)
    assert course(Projection(), SetMember(word="sparse", arguments={"0": ramp})) == Course()
    assert described(Course()) == "onto the bound at every step"


SPEC = """data train(x, y) = digits(split=[1])
model net = mlp(hidden=[16])
minimize ce(net(x), y)
s.t. prune: {what}
fit(epochs=4)
"""


def test_the_plan_says_the_course_with_its_numbers(compiled: Callable[..., Any]) -> None:
    program = compiled(SPEC.format(what="density(net) <= 10%"))
    (fact,) = program.constraints
    assert "dense for the first 10% of the run" in fact.reason
    assert "cubic ramp until 60%" in fact.reason and "frozen" in fact.reason
    assert "ramp_down(1.0, 0.1, (progress - 0.1) / 0.5)" in program.source
    assert "if progress >= 0.6 and freeze_support(" in program.source


@pytest.mark.parametrize(
    ("what", "notes"),
    [
        ("density(net) <= 0.05%", ["leaves 0 of 1,184 weights to 2 layers"]),
        ("density(net) <= 10%", []),
        (
            "forall W in net.weights: W in sparse(0.5%)",
            ["leaves nothing of `net.fc2.weight`: 0.005 of 160 entries is less than one"],
        ),
        (
            "forall W in net.weights: W in channels(9%)",
            ["leaves nothing of `net.fc2.weight`: 0.09 of 10 rows is less than one"],
        ),
    ],
)
def test_a_count_that_leaves_a_layer_nothing_is_told(
    compiled: Callable[..., Any], what: str, notes: list[str]
) -> None:
    found = [n for n in compiled(SPEC.format(what=what)).notes if "leaves" in n]
    assert len(found) == len(notes)
    assert all(part in note for part, note in zip(notes, found, strict=True))
