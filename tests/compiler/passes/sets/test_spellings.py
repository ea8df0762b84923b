"""Every way to write a set: the set that is seen, and that its members meet what was written."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

import cspec
from cspec.compiler.plan import canonical_problem
from cspec.compiler.records.problem import SetMember
from cspec.dsl.check import Checked
from cspec.dsl.tree.constants import value_or_none
from cspec.dsl.tree.nodes import Expr
from cspec.runtime.operators.rows import dense
from cspec.runtime.result.result import Result

Check = Callable[[str], Checked]

INF = float("inf")
PARAMS = {"r": 2.0}
HEAD = "param r = 2\nlet used = r\nmodel net\nminimize ce + 0*used\n"

WEIGHTS: list[tuple[str, str, tuple[Any, ...]]] = [
    ("min(W) >= 0", "nonneg", ()),
    ("-min(W) <= 0", "nonneg", ()),
    ("max(-W) <= 0", "nonneg", ()),
    ("max(W) <= 1", "box", (-INF, 1)),
    ("min(-W) >= -1", "box", (-INF, 1)),
    ("1 - W >= 0", "box", (-INF, 1)),
    ("abs(W) <= 0.1", "box", (-0.1, 0.1)),
    ("0.1 >= abs(W)", "box", (-0.1, 0.1)),
    ("2*abs(W) - 0.2 <= 0", "box", (-0.1, 0.1)),
    ("abs(-2*W) <= 0.2", "box", (-0.1, 0.1)),
    ("abs(W - 1) <= 2", "box", (-1, 3)),
    ("abs(1 - 2*W) <= 3", "box", (-1, 2)),
    ("W^2 <= 0.01", "box", (-0.1, 0.1)),
    ("W*W <= 0.01", "box", (-0.1, 0.1)),
    ("abs(W)^2 <= 0.01", "box", (-0.1, 0.1)),
    ("-1 <= 2*W <= 3", "box", (-0.5, 1.5)),
    ("W == 0.5", "box", (0.5, 0.5)),
    ("max(abs(W)) <= 0.1", "ball", (0.1,)),
    ("norm(W, inf) <= 0.1", "ball", (0.1,)),
    ("sum(abs(W)) <= 1", "ball", (1,)),
    ("norm(2*W, 1) <= 2", "ball", (1,)),
    ("norm(-W, 1) <= 1", "ball", (1,)),
    ("sqrt(sumsq(W)) <= 0.5", "ball", (0.5,)),
    ("sqrt(sum(W*W)) <= 0.5", "ball", (0.5,)),
    ("sum(W^2) <= 0.25", "ball", (0.5,)),
    ("norm(W.T, 2) <= 0.5", "ball", (0.5,)),
    ("norm(W, 2)^2 <= 4/16", "ball", (0.5,)),
    ("0 >= 4*sumsq(W) - 1", "ball", (0.5,)),
    ("norm(W, 2) == 3", "sphere", ()),
    ("sumsq(W) == 9", "sphere", ()),
    ("9 - sum(W^2) == 0", "sphere", ()),
    ("spectral(W.T) <= 0.5", "spectral", (0.5,)),
    ("spectral(2*W)^2 <= 1", "spectral", (0.5,)),
    ("nuclear(-W)/2 <= 1", "nuclear", (2,)),
    ("sum(W) <= 0.5", "halfspace", (1.0, 0.5)),
    ("2*sum(W) - 3 >= 0", "halfspace", (-1.0, -1.5)),
    ("sum(2*W) >= 3", "halfspace", (-2.0, -3.0)),
    ("3 <= sum(W.T) + sum(W)", "halfspace", (-2.0, -3.0)),
    ("sum(W) == 1", "affine", ((1.0,), (1.0,))),
    ("0 == sum(W) - 1", "affine", ((1.0,), (1.0,))),
    ("sum(W)/6 == 0", "affine", ((1.0,), (0.0,))),
    ("W[0, 0] + 2*W[0, 1] <= -1", "halfspace", ((0.0, (((0, 0), 1.0), ((0, 1), 2.0))), -1.0)),
    ("W[0, 0] == W[1, 1] + r", "affine", (((0.0, (((0, 0), 1.0), ((1, 1), -1.0))),), (2.0,))),
    ("sum(W) + W[0, 1] == 1", "affine", (((1.0, (((0, 1), 1.0),)),), (1.0,))),
]

SQUARE: list[tuple[str, str]] = [
    ("W == W.T", "symmetric"),
    ("W.T - W == 0", "symmetric"),
    ("0 == W - W.T", "symmetric"),
    ("2*W == 2*W.T", "symmetric"),
    ("norm(W - W.T, 2) == 0", "symmetric"),
    ("sumsq(W.T - W) <= 0", "symmetric"),
    ("W + W.T == 0", "skew"),
    ("-W == W.T", "skew"),
    ("W @ W.T == eye", "stiefel"),
    ("norm(W.T @ W - eye, 2) == 0", "stiefel"),
]

LISTS: list[tuple[str, tuple[Any, ...], bool]] = [
    ("norm(net.weights, 2) <= 0.5", (0.5,), True),
    ("norm(net.weights, 1) <= 0.5", (0.5,), True),
    ("norm(net.weights, inf) <= 0.1", (0.1,), False),
    ('l2(net.weights("*weight"))^2 <= 0.25', (0.5,), True),
    ("4*sumsq(net.weights) - 1 <= 0", (0.5,), True),
    ("sum(sumsq(W) for W in net.weights) <= 0.25", (0.5,), True),
    ("sum(l1(W) for W in net.weights) <= 0.5", (0.5,), True),
    ("max(norm(W, inf) for W in net.weights) <= 0.1", (0.1,), False),
]


def plain(argument: object) -> object:
    """A number for an expression; the rest as it is."""
    return value_or_none(argument, PARAMS) if isinstance(argument, Expr) else argument


def sets_of(found: Checked) -> list[SetMember]:
    sets = [c.set for c in canonical_problem(found).constraints]
    assert all(s is not None for s in sets)
    return [s for s in sets if s is not None]


def numbers(member: SetMember) -> list[object]:
    return [plain(v) for k, v in member.arguments.items() if k.isdigit()]


@pytest.mark.parametrize(("text", "word", "arguments"), WEIGHTS, ids=[w[0] for w in WEIGHTS])
def test_the_set_of_each_weight(
    checked: Check, text: str, word: str, arguments: tuple[Any, ...]
) -> None:
    found = sets_of(checked(f"{HEAD}s.t. c: forall W in net.weights: {text}"))
    assert {s.word for s in found} == {word}
    if len(found) == 2:  # a chain: one side each
        ends = [numbers(s) for s in found]
        assert (ends[0][0], ends[1][1]) == pytest.approx(arguments)
    elif word in ("affine", "halfspace"):
        assert tuple(numbers(found[0])) == arguments
    else:
        assert numbers(found[0]) == pytest.approx(arguments)


@pytest.mark.parametrize(("text", "word"), SQUARE, ids=[w[0] for w in SQUARE])
def test_the_set_of_a_square_weight(checked: Check, text: str, word: str) -> None:
    (found,) = sets_of(checked(f"{HEAD}s.t. c: forall W in net.weights: {text}"))
    assert found.word == word


@pytest.mark.parametrize(("text", "arguments", "joint"), LISTS, ids=[w[0] for w in LISTS])
def test_weights_in_one_ball(
    checked: Check, text: str, arguments: tuple[Any, ...], joint: bool
) -> None:
    (found,) = sets_of(checked(f"{HEAD}s.t. c: {text}"))
    assert (found.word, numbers(found)) == ("ball", list(arguments))
    assert bool(found.arguments.get("joint")) is joint


@pytest.mark.parametrize(
    "text",
    [
        "norm(W, 2) >= 1",
        "abs(W) >= 1",
        "max(W) >= 1",
        "min(W) <= 0",
        "norm(W, 3) <= 1",
        "norm(W, 1) == 1",
        "sum(W)^2 <= 1",
        "sum(exp(W)) <= 1",
        "W[0, 0]*W[0, 1] <= 1",
        "norm(W, 2) <= norm(W, 1)",
        "sum(W)/sumsq(W) <= 1",
        "norm(W - W.T, 2) <= 1",
        "W == 2*W.T",
        "sum(0*W) <= 1",
    ],
)
def test_what_is_no_such_set_is_left(checked: Check, text: str) -> None:
    found = checked(f"{HEAD}s.t. c: forall W in net.weights: {text}")
    (c,) = canonical_problem(found).constraints
    assert c.set is None


VECTORS = [
    ("w[0] + 2*w[1] == 1", "affine", [[1, 2, 0]], [1]),
    ("c @ w <= 2", "halfspace", [[1, -2, 0.5]], [2]),
    ("2 >= w @ c", "halfspace", [[1, -2, 0.5]], [2]),
    ("sum(c*w) - 1 >= r", "halfspace", [[-1, 2, -0.5]], [-3]),
    ("A @ w == [1, 2]", "affine", [[1, 2, 3], [0, 1, -1]], [1, 2]),
    ("A @ w <= 1", "polyhedron", [[1, 2, 3], [0, 1, -1]], [1, 1]),
    ("0 <= A @ w + [1, 0]", "polyhedron", [[-1, -2, -3], [0, -1, 1]], [1, 0]),
    ("w[0] - w[1] == w[2]", "affine", [[1, -1, -1]], [0]),
    ("2*(w[0] + w[1]) <= w[2] + pi", "halfspace", [[2, 2, -1]], [3.141592653589793]),
    ("sum(w) + 3*w[2] <= 4", "halfspace", [[1, 1, 4]], [4]),
]


@pytest.mark.parametrize(("text", "word", "rows", "bounds"), VECTORS, ids=[v[0] for v in VECTORS])
def test_rows_of_a_variable(
    checked: Check, text: str, word: str, rows: list[list[float]], bounds: list[float]
) -> None:
    given = "param r = 2\nparam c[3] = [1, -2, 0.5]\nparam A[2, 3] = [[1, 2, 3], [0, 1, -1]]\n"
    head = f"{given}let used = r + sum(c) + sum(A)\nvar w[3] = 0.2\nminimize sumsq(w) + 0*used\n"
    (found,) = sets_of(checked(f"{head}s.t. c: {text}"))
    assert found.word == word
    first, second = found.arguments["0"], found.arguments["1"]
    written = [first] if word == "halfspace" else list(first)
    assert [dense(row, torch.Size([3]), word).tolist() for row in written] == rows
    assert ([second] if word == "halfspace" else list(second)) == pytest.approx(bounds)


# --- Members of the set meet what was written ----------------------------------------------------


def network(hidden: int) -> nn.Module:
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Linear(3, hidden), nn.Tanh(), nn.Linear(hidden, 3))
    with torch.no_grad():
        for p in layers.parameters():
            p.mul_(3)
    return layers.double()


def train(row: str, hidden: int = 2) -> Result:
    """Two steps of a run on a few random rows, from large weights."""
    torch.manual_seed(1)
    x, y = torch.randn(8, 3, dtype=torch.float64), torch.randint(3, (8,))
    text = "param r = 2\nlet used = r\nmodel net\ndata train(x, y)\nminimize ce + 0*used\n"
    fit = "fit(optimizer=sgd(lr=1e-2), steps=2, precision=float64)"
    return cspec.run(f"{text}s.t. c: {row}\n{fit}", net=network(hidden), train=(x, y))


def require_met(result: Result) -> None:
    assert result.satisfied, [(c.name, c.value, c.bound) for c in result.constraints]
    assert {c.method for c in result.constraints} == {"projection"}


@pytest.mark.parametrize("text", [w[0] for w in WEIGHTS])
def test_members_meet_what_was_written(text: str) -> None:
    require_met(train(f"forall W in net.weights: {text}"))


@pytest.mark.parametrize("text", [w[0] for w in SQUARE])
def test_square_members_meet_what_was_written(text: str) -> None:
    require_met(train(f"forall W in net.weights: {text}", hidden=3))


@pytest.mark.parametrize("text", [w[0] for w in LISTS])
def test_members_together_meet_what_was_written(text: str) -> None:
    require_met(train(text))


@pytest.mark.parametrize(
    "rows",
    [
        ("norm(net.weights, 2) <= 0.5", "forall W in net.weights: W >= 0"),
        ("norm(net.weights, 1) <= 0.5", "forall W in net.weights: sum(W) == 0.1"),
        ("forall W in net.weights: sum(W) <= 0.5", "forall W in net.weights: W >= 0"),
        ("forall W in net.weights: sum(W) == 0.5", "forall W in net.weights: abs(W) <= 0.3"),
    ],
)
def test_members_of_two_sets_meet_both(rows: tuple[str, str]) -> None:
    require_met(train(f"{rows[0]}\n     d: {rows[1]}"))
