"""Natural specs about parameters: norms, sparsity, rows, matrices, bounds that depend on data."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from meaning.natural.kept import Facts, Setting, ce, natural, setting
from meaning.natural.settings import animals, houses, linear, robot


def delivered(d: Facts) -> np.ndarray:
    """The weight of the model as the run hands it over."""
    parameters = dict(d.result.models["f"].named_parameters())
    return parameters["weight"].detach().double().numpy()


def outputs(d: Facts) -> np.ndarray:
    """The outputs of the model as the run hands it over."""
    parameters = dict(d.result.models["f"].named_parameters())
    return d.x @ delivered(d).T + parameters["bias"].detach().double().numpy()


@natural(
    animals,
    """
    minimize ce
    metric a = l1(f.weights)
    metric b = l2(f.weights)
    metric c = sumsq(f.weights)
    metric d = norm(f.weights, inf)
    metric e = sum(sumsq(W) for W in f.weights)
    metric g = max(spectral(W) for W in f.weights)
    metric h = sum(nuclear(W) for W in f.weights)
    metric i = density(f)
    metric j = params(f)
    metric k = norm(f.weights, 1) - l1(f.weights)
    metric l = sum(l2(p)^2 for p in f.params)
""",
)
def norms_of_weights(d: Facts) -> dict:
    w, bias = d.weights_f["weight"], d.weights_f["bias"]
    values = np.linalg.svd(w, compute_uv=False)
    return {
        "a": np.abs(w).sum(),
        "b": np.sqrt((w**2).sum()),
        "c": (w**2).sum(),
        "d": np.abs(w).max(),
        "e": (w**2).sum(),
        "g": values.max(),
        "h": values.sum(),
        "i": 1.0,
        "j": 18,
        "k": 0.0,
        "l": (w**2).sum() + (bias**2).sum(),
    }


@natural(
    animals,
    """
    minimize ce + 0.01*sumsq(f.weights)
    metric a = E[ce] + 0.01*sumsq(f.weights)
    metric b = E[ce + 0.01*sumsq(f.weights)]
    metric c = E[ce]*l2(f.weights)
""",
)
def a_penalty_beside_a_loss_an_example(d: Facts) -> dict:
    w = d.weights_f["weight"]
    total = ce(d.z, d.y).mean() + 0.01 * (w**2).sum()
    return {
        "objective": total,
        "a": total,
        "b": total,
        "c": ce(d.z, d.y).mean() * np.sqrt((w**2).sum()),
    }


@natural(
    animals,
    """
    minimize ce
    s.t. small: l2(f.weights) <= E[cost]
""",
)
def a_norm_bounded_by_data(d: Facts) -> dict:
    w = delivered(d)
    value, bound = float(np.sqrt((w**2).sum())), float(d.cost.mean())
    violation = max(0.0, value - bound)
    right = {"small": value, "small.bound": bound, "small.violation": violation}
    return right | {"small.met": violation <= 1e-6 * max(1, bound)}


@natural(
    animals,
    """
    minimize ce
    s.t. dense: l2(f.weights) <= l1(f.weights)/3
         rows: forall W in f.weights: norm(W, inf) <= 2*P[pred == 0]
""",
)
def a_norm_bounded_by_another(d: Facts) -> dict:
    w = delivered(d)
    share = (outputs(d).argmax(1) == 0).mean()
    return {
        "dense": np.sqrt((w**2).sum()),
        "dense.bound": np.abs(w).sum() / 3,
        "rows[weight]": np.abs(w).max(),
        "rows[weight].bound": 2 * share,
    }


@natural(
    animals,
    """
    param r
    minimize ce
    s.t. ball: l2(f.weights) <= r by construction
         loss: E[ce] <= 3
""",
    also={"r": 1.5},
)
def a_ball_by_construction(d: Facts) -> dict:
    w = delivered(d)
    return {
        "ball": np.sqrt((w**2).sum()),
        "ball.met": True,
        "loss": ce(outputs(d), d.y).mean(),
        "objective": ce(outputs(d), d.y).mean(),
    }


@natural(
    animals,
    """
    minimize ce
    s.t. rows: forall W in f.weights: W in simplex by construction
""",
    close=1e-6,
)
def every_row_a_simplex(d: Facts) -> dict:
    w = delivered(d)
    off = max(np.abs(w.sum(1) - 1).max(), (-w).max(), 0)
    return {"rows[weight].met": True, "rows[weight]": off, "objective": ce(outputs(d), d.y).mean()}


@natural(
    animals,
    """
    minimize ce
    s.t. rows: forall W in f.weights: W in sphere by construction
    metric whole = l2(f.weights)
""",
    close=1e-6,
)
def every_row_on_the_sphere(d: Facts) -> dict:
    w = delivered(d)
    off = np.abs(np.sqrt((w**2).sum(1)) - 1).max()
    return {"rows[weight].met": True, "rows[weight]": off, "whole": np.sqrt(3)}


@natural(
    animals,
    """
    minimize ce
    s.t. whole: forall W in f.weights: norm(W, 2) == 1 by construction
""",
    close=1e-6,
)
def the_whole_weight_of_norm_one(d: Facts) -> dict:
    return {"whole[weight]": 1.0, "whole[weight].met": np.isclose((delivered(d) ** 2).sum(), 1)}


@natural(
    animals,
    """
    minimize ce
    s.t. rows: forall W in f.weights: W in monotone by construction
""",
    close=1e-6,
)
def every_row_rises(d: Facts) -> dict:
    off = np.maximum(-np.diff(delivered(d), axis=1), 0).max()
    return {"rows[weight].met": True, "rows[weight]": off}


@natural(
    animals,
    """
    minimize ce
    s.t. up: forall W in f.weights: W >= 0 by construction
         rows: forall W in f.weights: forall i in range(3): sum(W[i]) <= 10
    metric least = min(min(W) for W in f.weights)
""",
    close=1e-6,
)
def non_negative_weights(d: Facts) -> dict:
    w = delivered(d)
    right = {f"rows[weight, {i}]": w[i].sum() for i in range(3)}
    return right | {"up[weight].met": bool((w >= 0).all()), "least": w.min()}


@natural(
    animals,
    """
    minimize ce
    metric a = sum(sum(W[0:2, :]) for W in f.weights)
    metric b = sum(W[0, 1] for W in f.weights)
    metric c = sum(sumsq(W[:, 2]) for W in f.weights)
    metric d = sum(sum(W[1]) for W in f.weights)
""",
)
def slices_of_a_weight(d: Facts) -> dict:
    w = d.weights_f["weight"]
    return {"a": w[:2].sum(), "b": w[0, 1], "c": (w[:, 2] ** 2).sum(), "d": w[1].sum()}


@natural(
    animals,
    """
    minimize ce
    metric a = sum(trace(W @ W.T) for W in f.weights)
    metric b = sum(det(W @ W.T) for W in f.weights)
    metric c = sum(logdet(W @ W.T) for W in f.weights)
    metric d = sum(mean(W) for W in f.weights)
    metric e = sum(median(W) for W in f.weights)
    metric g = sum(sum(diag(W @ W.T)) for W in f.weights)
    metric h = sum(trace(inv(W @ W.T)) for W in f.weights)
    metric i = sum(sumsq(W @ W.T - eye) for W in f.weights)
""",
    close=1e-8,
)
def words_of_linear_algebra(d: Facts) -> dict:
    w = d.weights_f["weight"]
    g = w @ w.T
    return {
        "a": np.trace(g),
        "b": np.linalg.det(g),
        "c": np.log(np.linalg.det(g)),
        "d": w.mean(),
        "e": float(np.median(w)),
        "g": np.trace(g),
        "h": np.trace(np.linalg.inv(g)),
        "i": ((g - np.eye(3)) ** 2).sum(),
    }


@natural(
    robot,
    """
    minimize mse
    s.t. ortho: forall W in f.weights: W @ W.T == eye within 1e-2
    metric s = max(spectral(W) for W in f.weights)
""",
)
def orthonormal_rows(d: Facts) -> dict:
    w = delivered(d)
    off = float(np.abs(w @ w.T - np.eye(2)).max())
    return {"ortho[weight].violation": off, "ortho[weight].met": off <= 1e-2}


@natural(
    houses,
    """
    minimize mse + 5*l1(f.weights)
    s.t. E[f(x)] >= 0
    metric a = l1(f.weights)
""",
)
def the_lasso(d: Facts) -> dict:
    w = np.abs(d.weights_f["weight"]).sum()
    return {"objective": ((d.z - d.y) ** 2).mean() + 5 * w, "a": w, "c1": d.z.mean()}


def half_empty() -> Setting:
    """A weight with zeros."""
    rng = np.random.default_rng(95)
    model = linear(6, 3, 96)
    model.weight.data[:, ::2] = 0
    x = rng.normal(size=(40, 6))
    x[:, ::2] = 0  # no gradient moves these entries
    columns = {"x": x, "y": rng.integers(0, 3, 40)}
    return setting("data train(x, y)\nmodel f\n", {"train": columns}, {"f": model})


@natural(
    half_empty,
    """
    minimize ce
    metric share = density(f)
    metric count = params(f)
    metric dense = 1 - density(f)
""",
)
def the_share_of_entries_that_are_not_zero(d: Facts) -> dict:
    return {"share": 0.5, "count": 12, "dense": 0.5}


@natural(
    animals,
    """
    minimize ce
    s.t. sparse: density(f) <= 50%
    fit(optimizer=sgd(lr=0.01), steps=5, batch_size=full, precision=float64)
""",
)
def half_of_the_weights(d: Facts) -> dict:
    w = delivered(d)
    found = float((w != 0).mean())
    return {
        "sparse": found,
        "sparse.met": found <= 0.5,
        "objective": ce(outputs(d), d.y).mean(),
    }


@natural(
    animals,
    """
    minimize ce
    s.t. sparse: density(f) <= ramp(100%, 40%)
    fit(optimizer=sgd(lr=0.01), steps=20, batch_size=full, precision=float64)
""",
)
def a_ramp_over_the_whole_run(d: Facts) -> dict:
    found = float((delivered(d) != 0).mean())
    return {"sparse": found, "sparse.bound": 0.4, "sparse.met": found <= 0.4}


@natural(
    animals,
    """
    model ref = frozen(f)
    minimize E[ce(f(x), y)]
    s.t. a: sum(sumsq(W) for W in f.weights) <= 2*sum(sumsq(W) for W in ref.weights)
    metric b = l2(f.weights) - l2(ref.weights)
""",
)
def a_norm_bounded_by_that_of_a_copy(d: Facts) -> dict:
    w = d.weights_f["weight"]
    return {"a": (w**2).sum(), "a.bound": 2 * (w**2).sum(), "b": 0.0}


def unbiased() -> Setting:
    """A linear map without bias."""
    rng = np.random.default_rng(97)
    torch.manual_seed(98)
    columns: dict[str, Any] = {"x": rng.normal(size=(40, 4)), "y": rng.integers(0, 3, 40)}
    model = torch.nn.Linear(4, 3, bias=False)
    return setting("data train(x, y)\nmodel f\n", {"train": columns}, {"f": model})


@natural(
    unbiased,
    """
    minimize ce
    s.t. E[ce] <= 5
    metric a = flops(f)
    metric b = params(f)
""",
)
def sizes_of_a_linear_map(d: Facts) -> dict:
    return {"a": 24, "b": 12}
