"""Known values on faces: exact for any weights, and the same problem elsewhere."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

import cspec
from cspec.dsl.messages.diagnostic import SpecError
from cspec.runtime.steps.lifting import Face, Lifted

HEAD = (
    "domain q(t, x) = box([0, 2], [-1, 3])\ndomain wall(t, x) = box([0, 2], [3, 3])\n"
    "model u(t, x) = mlp(hidden=[8], act=tanh)\n"
    "minimize E[(diff(u, t) - diff(u, x, x))^2 for (t, x) in q.sample(20)]\ns.t. "
)
LINE = (
    "domain q(x) = box([0, 1])\nmodel u(x) = mlp(hidden=[8], act=tanh)\n"
    "minimize E[(diff(u, x, x) + 1)^2 for x in q.sample(20)]\ns.t. "
)
END = "\nfit(steps=20)\n"
START = "start: forall s in uniform(-1, 3).sample(9): u(0, s) == (s + 1)*(3 - s)"


def test_values_are_exact_between_the_points_of_training_and_for_any_weights() -> None:
    result = cspec.run(
        f"{HEAD}{START}\n     low: forall t in uniform(0, 2).sample(9): u(t, -1) == 0\n"
        f"     high: forall (t, x) in wall.sample(9): u == sin(t){END}"
    )
    assert {c.method for c in result.constraints} == {"lifting"} and result.status == "satisfied"
    u = result.models["u"]
    torch.manual_seed(1)
    for weight in u.parameters():
        torch.nn.init.normal_(weight)
    s, t = 4 * torch.rand(99) - 1, 2 * torch.rand(99)
    with torch.no_grad():
        gaps = (
            u(torch.zeros(99), s) - (s + 1) * (3 - s),
            u(t, -torch.ones(99)),
            u(t, 3 * torch.ones(99)) - torch.sin(t),
        )
    assert all(float(gap.abs().max()) < 1e-5 for gap in gaps)


@pytest.mark.parametrize(
    "lines", ["u(0) == 1\n     u(1) == -1", "forall e in {0, 1}: 1 - 2*e == u(e)"]
)
def test_ends_of_an_interval(lines: str) -> None:
    u = cspec.run(f"{LINE}{lines}{END}").models["u"]
    with torch.no_grad():
        assert u(torch.tensor([0.0, 1.0])).tolist() == pytest.approx([1, -1], abs=1e-6)


def test_a_value_that_is_longer_than_a_line() -> None:
    waves = " + ".join(f"{k}.125*sin({k}*pi*s)*cos({k}*pi*s)" for k in range(1, 6))
    u = cspec.run(
        f"{HEAD}start: forall s in uniform(-1, 3).sample(9): u(0, s) == {waves}{END}"
    ).models["u"]
    s = 4 * torch.rand(50) - 1
    angle = math.pi * s
    exact = sum((k + 0.125) * torch.sin(k * angle) * torch.cos(k * angle) for k in range(1, 6))
    with torch.no_grad():
        assert torch.allclose(u(torch.zeros(50), s), exact, atol=1e-4)


def test_a_lifting_is_a_boolean_sum_and_its_distance_is_at_most_one() -> None:
    """On three faces of a cube with values of x + 2 y z: equal there, and D <= 1."""
    exact = lambda x, y, z: x + 2 * y * z  # noqa: E731
    faces = [Face(axis, at, exact) for axis, at in ((0, 0.0), (0, 1.0), (2, 3.0))]
    hook = Lifted([0, 0, 0], [1, 2, 3], faces)
    points = [high * torch.rand(50, dtype=torch.float64) for high in (1, 2, 3)]
    for face in (0, 0.0), (0, 1.0), (2, 3.0):
        there = list(points)
        there[face[0]] = torch.full_like(points[0], face[1])
        assert torch.allclose(hook.known(there, [0, 2]), exact(*there))
    module = torch.nn.Identity()
    none = hook(module, tuple(points), torch.zeros(50, dtype=torch.float64))
    one = hook(module, tuple(points), torch.ones(50, dtype=torch.float64))
    assert float((one - none).abs().max()) <= 1 + 1e-12


@pytest.mark.parametrize(
    ("line", "method"),
    [
        ("c: forall t in uniform(0, 1).sample(9): u(t, -1) == 0", "augmented_lagrangian"),
        ("c: forall t in uniform(0, 2).sample(9): u(t, -1) <= 0", "augmented_lagrangian"),
        ("c: forall t in uniform(0, 2).sample(9): 2*u(t, -1) == 0", "augmented_lagrangian"),
        ("c: forall t in uniform(0, 2).sample(9): u(t, 9) == 0", "augmented_lagrangian"),
        ("c: forall t in normal(0, 2).sample(9): u(t, -1) == 0", "augmented_lagrangian"),
        ("c: forall t in uniform(0, 2).sample(9): u(t, -1) == u(t, 3)", "augmented_lagrangian"),
        ("c: forall (t, x) in wall.sample(9): u == t by lagrangian", "lagrangian"),
        ("c: forall (t, x) in q.sample(9): u == t", "augmented_lagrangian"),
    ],
)
def test_what_is_no_known_face_keeps_its_multipliers(line: str, method: str) -> None:
    assert cspec.run(f"{HEAD}{line}{END}")["c"].method == method


def test_of_faces_that_disagree_in_a_corner_the_later_keeps_its_multipliers() -> None:
    text = f"{HEAD}{START}\n     low: forall t in uniform(0, 2).sample(9): u(t, -1) == 1{END}"
    result = cspec.run(text)
    assert (result["start"].method, result["low"].method) == ("lifting", "augmented_lagrangian")
    assert "agree where the faces meet" in " ".join(cspec.explain(text, verbose=True).split())


@pytest.mark.parametrize(
    "line",
    [
        "c: forall t in uniform(0, 1).sample(9): u(t, -1) == 0 by construction",
        "c: forall t in uniform(0, 2).sample(9): u(t, -1) <= 0 by construction",
        "c: u(0, 0) == 1 by lifting",
    ],
)
def test_a_construction_is_never_one_of_the_whole_box(line: str) -> None:
    with pytest.raises(SpecError) as caught:
        cspec.run(f"{HEAD}{line}{END}")
    assert "CS533" in {d.code for d in caught.value.diagnostics}


def test_the_emitted_file_and_a_run_that_is_verified_again_have_it(tmp_path: Path) -> None:
    text = f"{LINE}u(0) == 1{END}"
    assert "Face(0, 0.0" in cspec.compile(text).source and "lifting" in cspec.explain(text)
    result = cspec.run(text, out=tmp_path / "run")
    again = cspec.verify(tmp_path / "run")
    assert again.holds and result.constraints[0].violation < 1e-6


@pytest.mark.slow
def test_poisson_on_a_square() -> None:
    """-laplacian(u) = 2 pi^2 sin(pi x) sin(pi y), 0 on all sides."""
    walls = "".join(
        f"     forall s in uniform(0, 1).sample(30): u({place}) == 0\n"
        for place in ("s, 0", "s, 1", "0, s", "1, s")
    )
    result = cspec.run(
        "let f(x, y) = 2*pi^2*sin(pi*x)*sin(pi*y)\ndomain q(x, y) = box([0, 1], [0, 1])\n"
        "model u(x, y) = mlp(hidden=[32, 32], act=tanh)\n"
        "minimize E[(laplacian(u, x, y) + f(x, y))^2 for (x, y) in q.sample(200)]\n"
        f"s.t.{walls[4:]}fit(optimizer=adam(lr=2e-3), steps=2000)\n"
    )
    x, y = torch.rand(2, 500)
    with torch.no_grad():
        gap = result.models["u"](x, y) - torch.sin(math.pi * x) * torch.sin(math.pi * y)
    assert float(gap.square().mean().sqrt()) < 1e-3
