"""First penalties from slopes: the emitted lines against gradients that are written out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from training.linear import Loop, Requirement, line, objective, point, requirement, table

HEAD = "data train(x, y)\nmodel f\n"
SQUARES = "minimize E[(f(x)[0] - y)^2]\n"
FIT = "\nfit(optimizer=sgd(lr={lr}), steps={steps}, batch_size={size}, precision=float64)"
TEXTS = {
    "a": ("E[f(x)[0]] <= 0.1", Requirement(0.1)),
    "b": ("E[f(x)[0]*x[0]] == 0.7", Requirement(0.7, feature=0, equal=True)),
    "c": ("E[f(x)[0]*x[1]] <= 5", Requirement(5, feature=1)),
    "d": ("E[f(x)[0]] == -4", Requirement(-4, equal=True)),
}


def spec(names: str, lr: float = 1e-3, steps: int = 60, size: str = "full") -> str:
    lines = "".join(f"     {name}: {TEXTS[name][0]}\n" for name in names)
    return f"{HEAD}{SQUARES}s.t. {lines.strip()}{FIT.format(lr=lr, steps=steps, size=size)}"


def started(session: Any, text: str, steps: int, **bound: Any) -> Any:
    """A session after its first steps."""
    run = session(text, **{"train": table(), "f": line(), **bound})
    run.total_steps = steps
    run.module["restore"] = lambda _: None
    run.module["train"](run)
    return run


def first(r: Requirement) -> float:
    """|grad f| / (|x| |grad g| + violation) / |grad g| at the start, a move a step of 60."""
    theta, x, y = point(line()), table()["x"].numpy(), table()["y"].numpy()
    pull = np.linalg.norm(objective(theta, x, y)[1])
    g, gradient = requirement(r, theta, x)
    slope = np.linalg.norm(gradient)
    over = abs(g) if r.equal else max(g, 0)
    return float(pull / (np.linalg.norm(theta) * slope + over) / slope)


@pytest.mark.parametrize("names", ["a", "b", "c", "d", "ac", "bd", "ab", "abcd"])
def test_the_first_penalty_is_the_formula(session: Any, names: str) -> None:
    """Of inequalities, equalities, and both under one rule."""
    run = session(spec(names), train=table(), f=line())
    f, g, true = run.module["measure"](run.primal, run.whole_batch())
    run.module["units_of_augmented_lagrangian"](run.state, f, g, true, run.parameters, 0.0)
    expected = [first(TEXTS[name][1]) for name in names]
    assert run.state["penalty"].tolist() == pytest.approx(expected, rel=1e-12)
    assert run.state["most"].tolist() == pytest.approx([1e4 * v for v in expected], rel=1e-12)
    assert set(run.state["multipliers"].tolist()) == {0.0}


COUNTED = f"{HEAD}{SQUARES}s.t. rate: P[f(x)[0] >= 0.5] <= 0.2\n     mean: E[f(x)[0]] <= 0.1"


@pytest.mark.parametrize("size", ["full", "8"])
def test_what_counts_has_three_tenths_of_the_first_penalty(session: Any, size: str) -> None:
    run = session(COUNTED + FIT.format(lr=1e-3, steps=60, size=size), train=table(), f=line())
    f, g, true = run.module["measure"](run.primal, run.whole_batch())
    run.module["units_of_augmented_lagrangian"](run.state, f, g, true, run.parameters, 0.0, 1)

    def slope(value: torch.Tensor) -> float:
        found = torch.autograd.grad(value, run.parameters, retain_graph=True)
        return sum(float(part.square().sum()) for part in found) ** 0.5

    norm = sum(float(p.detach().square().sum()) for p in run.parameters) ** 0.5
    expected = [
        share * slope(f) / (norm * slope(g[k]) + max(float(true[k]), 0.0)) / slope(g[k])
        for k, share in enumerate((0.3 if size == "full" else 1.0, 1.0))
    ]
    assert run.state["penalty"].tolist() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("size", "weights"), [("full", [0.4, 0.2]), ("8", [0.4, 0.7])])
def test_what_counts_is_averaged_on_whole_data_too(
    session: Any, size: str, weights: list[float]
) -> None:
    """A mean over all examples does not jump, and acts as it is."""
    run = session(COUNTED + FIT.format(lr=1e-3, steps=60, size=size), train=table(), f=line())
    run.state["penalty"], run.state["measured"] = torch.ones(2), torch.ones(2)
    run.state["mean"] = torch.tensor([0.4, 0.7])
    g = torch.zeros(2, requires_grad=True)
    run.module["combine"](torch.zeros(()), g, torch.tensor([-1.0, 0.2]), run.state).backward()
    assert g.grad is not None and g.grad.tolist() == pytest.approx(weights)


@pytest.mark.parametrize("scale", [1e-3, 1e3])
@pytest.mark.parametrize("size", ["full", "8"])
@pytest.mark.parametrize(
    ("using", "names"),
    [
        ("augmented_lagrangian(growth=1)", "ab"),
        ("sal", "ab"),
        ("proxy_lagrangian", "a"),
        ("proxy_lagrangian(regret=external)", "a"),
    ],
)
def test_a_constraint_times_a_number_is_the_same_constraint(
    session: Any, scale: float, size: str, using: str, names: str
) -> None:
    text = spec(names, lr=0.01, steps=60, size=size)
    text = text.replace("\nfit", f"\nusing {using}\nfit")
    scaled = text.replace("E[f(x)[0]] <= 0.1", f"{scale}*E[f(x)[0]] <= {0.1 * scale}").replace(
        "E[f(x)[0]*x[0]] == 0.7", f"{scale}*E[f(x)[0]*x[0]] == {0.7 * scale}"
    )
    mine, other = started(session, text, 60), started(session, scaled, 60)
    assert point(other.primal["f"]) == pytest.approx(point(mine.primal["f"]), abs=1e-9)
    found = (scale * other.state["multipliers"]).tolist()
    assert found == pytest.approx(mine.state["multipliers"].tolist(), rel=1e-6, abs=1e-9)
    assert max(map(abs, found)) > 0.01


def test_slopes_are_measured_in_the_first_tenth_only(session: Any) -> None:
    """The largest of the first 6 of 60 steps, whatever comes later."""
    text = spec("b", lr=0.01, steps=60, size="8")
    after = [started(session, text, steps).state["slope"].item() for steps in (6, 7, 30)]
    batches = [b["train"]["x"].numpy() for b in session(text, train=table(), f=line()).batches()]
    norms = [np.linalg.norm(requirement(TEXTS["b"][1], np.zeros(4), x)[1]) for x in batches]
    assert after == pytest.approx([max(norms[:6])] * 3, rel=1e-12)
    assert max(norms[:30]) > max(norms[:6])


def test_slopes_of_many_constraints_are_measured_on_fewer_steps(session: Any) -> None:
    """20 entries x 50 steps are more than 400 gradients: each third step is enough."""
    lines = "".join(f"     c{n}: E[f(x)[0]] <= {n}\n" for n in range(20))
    text = f"{HEAD}{SQUARES}s.t. {lines.strip()}{FIT.format(lr=1e-4, steps=600, size='full')}"
    source = session(text, train=table(), f=line()).program.source
    assert "session.step <= 50 and session.step % 3 == 1" in source


@pytest.mark.parametrize("name", ["a", "b"])
def test_where_nothing_is_minimized_the_pull_is_one(session: Any, name: str) -> None:
    text = spec(name).replace(SQUARES.strip(), "satisfy")
    text = text.replace("satisfy\ns.t. ", "satisfy\ns.t. ")
    run = session(text, train=table(), f=line())
    before = point(run.primal["f"])
    theta, x = point(line()), table()["x"].numpy()
    g, gradient = requirement(TEXTS[name][1], theta, x)
    slope, size = np.linalg.norm(gradient), np.linalg.norm(theta)
    assert g != 0
    run.total_steps = 1
    run.module["restore"] = lambda _: None
    run.module["train"](run)
    # The first weight is c g, of the first penalty c.
    over = abs(g) if TEXTS[name][1].equal else max(g, 0)
    penalty = 1 / (size * slope + over) / slope
    weight = penalty * g if TEXTS[name][1].equal else max(0.0, penalty * g)
    assert point(run.primal["f"]) == pytest.approx(before - 1e-3 * weight * gradient, abs=1e-12)


def test_a_flat_surrogate_makes_no_endless_penalty(session: Any) -> None:
    """Where |grad g| is nearly 0 the penalty is that of a slope of |g| / (1000 max(1, |x|))."""
    text = f"{HEAD}{SQUARES}s.t. a: P[f(x)[0] > 0] >= 90% with surrogate sigmoid(f(x)[0])" + (
        FIT.format(lr=1e-9, steps=60, size="full")
    )
    model = line()
    with torch.no_grad():
        model.weight.zero_()
        model.bias.fill_(-40.0)
    run = started(session, text, 1, f=model)
    slope = 1e-3 * 0.9 / 40
    assert run.state["slope"].item() < 1e-15
    pull = np.linalg.norm(objective(np.array([0, 0, 0, -40.0]), *_data())[1])
    assert run.state["penalty"].item() == pytest.approx(
        0.3 * pull / (40 * slope + 0.9) / slope, rel=1e-6
    )


def _data() -> tuple[Any, Any]:
    return table()["x"].numpy(), table()["y"].numpy()


def test_a_constraint_that_nothing_moves_has_no_penalty(session: Any) -> None:
    text = spec("a").replace("E[f(x)[0]] <= 0.1", "E[0*f(x)[0] + x[0]] <= 5")
    assert started(session, text, 1).state["penalty"].tolist() == [0.0]


def test_penalties_grow_to_ten_thousand_times_the_first(session: Any) -> None:
    """A bound that nothing can meet with a model that hardly moves."""
    text = spec("a", lr=1e-15, steps=1020).replace("<= 0.1", "<= -1000")
    run = started(session, text, 1020)
    theta, (x, y) = point(line()), _data()
    loop = Loop([Requirement(-1000)], theta, 1020, 1e-15, [(x, y)] * 1020, every=17).run()
    assert run.state["penalty"].item() == pytest.approx(loop.penalties[0], rel=1e-9)
    assert run.state["penalty"].item() == pytest.approx(1e4 * first(Requirement(-1000)), rel=1e-9)
