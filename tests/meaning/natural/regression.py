"""Natural specs about regression: groups, several outputs, signs, limits."""

from __future__ import annotations

import numpy as np
from meaning.means import quantile, tail_mean
from meaning.natural.kept import Facts, natural
from meaning.natural.settings import houses, houses_n_by_1, one_feature, robot

REGIONS = ("east", "north", "south")


@natural(
    houses,
    """
    minimize mse(f(x), y)
    s.t. fair: gap(E[mse(f(x), y) | region]) <= 100
         worst: max(E[mae | region]) <= 60
         bias: forall r in values(region): abs(E[f(x) - y | region == r]) <= 10
""",
)
def errors_by_region(d: Facts) -> dict:
    e = d.z - d.y
    squared = [(e**2)[d.region == r].mean() for r in REGIONS]
    right = {f"bias[{r}]": abs(e[d.region == r].mean()) for r in REGIONS}
    return right | {
        "objective": (e**2).mean(),
        "fair": max(squared) - min(squared),
        "worst": max(np.abs(e)[d.region == r].mean() for r in REGIONS),
    }


@natural(
    houses_n_by_1,
    """
    minimize mse(f(x), y)
    s.t. fair: gap(E[mse(f(x), y) | region]) <= 100
         close: P[abs(f(x) - y) <= 20] >= 40%
         up: E[(f(x) - y)^2 | new == true] <= 3000
    metric r2 = 1 - E[(y - f(x))^2] / E[(y - E[y])^2]
    metric cov = E[(y - E[y])*(f(x) - E[f(x)])]
    metric per_meter = E[abs(f(x) - y)/area]
""",
)
def columns_n_by_1(d: Facts) -> dict:
    e = d.z - d.y
    squared = [(e**2)[d.region == r].mean() for r in REGIONS]
    return {
        "objective": (e**2).mean(),
        "fair": max(squared) - min(squared),
        "close": (np.abs(e) <= 20).mean(),
        "up": (e**2)[d.new].mean(),
        "up.n": int(d.new.sum()),
        "r2": 1 - (e**2).mean() / d.y.var(),
        "cov": np.cov(d.y, d.z, bias=True)[0, 1],
        "per_meter": (np.abs(e) / d.area).mean(),
    }


@natural(
    houses,
    """
    minimize E[(f(x) - y)^2]
    s.t. rmse: sqrt(E[(f(x) - y)^2]) <= 40
         low: E[relu(y - f(x))] <= 15
         tail: cvar(abs(f(x) - y), 0.75) <= 90
         q90: quantile(abs(f(x) - y), 0.9) <= 80
""",
)
def spelled_out_errors(d: Facts) -> dict:
    e = np.abs(d.z - d.y).tolist()
    return {
        "objective": ((d.z - d.y) ** 2).mean(),
        "rmse": np.sqrt(((d.z - d.y) ** 2).mean()),
        "low": np.maximum(d.y - d.z, 0).mean(),
        "tail": tail_mean(e, 0.75),
        "q90": quantile(e, 0.9),
    }


@natural(
    houses,
    """
    minimize huber
    s.t. mae <= 100
    metric a = huber
    metric b = E[huber(f(x), y) | region == "east"]
    metric c = mse
""",
)
def bare_losses_of_regression(d: Facts) -> dict:
    e = np.abs(d.z - d.y)
    h = np.where(e <= 1, e**2 / 2, e - 0.5)
    return {
        "objective": h.mean(),
        "c1": e.mean(),
        "a": h.mean(),
        "b": h[d.region == "east"].mean(),
        "c": (e**2).mean(),
    }


@natural(
    houses,
    """
    let tau = 0.9
    let e = y - f(x)
    minimize max(tau*e, (tau - 1)*e)
    s.t. cover: P[y <= f(x)] >= 90%
""",
)
def the_pinball_loss(d: Facts) -> dict:
    e = d.y - d.z
    return {"objective": np.maximum(0.9 * e, -0.1 * e).mean(), "cover": (d.y <= d.z).mean()}


@natural(
    houses,
    """
    minimize area*(f(x) - y)^2
    s.t. E[f(x)*new] <= 80
         E[f(x) | area > 100] >= E[f(x) | area <= 100]
""",
)
def weights_of_examples(d: Facts) -> dict:
    return {
        "objective": (d.area * (d.z - d.y) ** 2).mean(),
        "c1": (d.z * d.new).mean(),
        "c2": d.z[d.area > 100].mean(),
        "c2.bound": d.z[d.area <= 100].mean(),
    }


@natural(
    houses,
    """
    minimize mae
    s.t. mean_kept: E[f(x)] == E[y]
         sign: P[f(x) > 0] == 1
         second: E[f(x)^2] <= E[y^2]
    verify all on val
""",
)
def moments_on_other_data(d: Facts) -> dict:
    v = d.val
    return {
        "mean_kept": v.z.mean(),
        "mean_kept.bound": v.y.mean(),
        "sign": (v.z > 0).mean(),
        "second": (v.z**2).mean(),
        "second.bound": (v.y**2).mean(),
        "second.split": "val",
    }


@natural(
    houses,
    """
    minimize mse
    s.t. small: E[mse on val] <= E[mse on train] + 500
    metric there = E[mae on val]
    metric here = E[mae]
""",
)
def a_gap_between_two_data_sets(d: Facts) -> dict:
    v = d.val
    return {
        "small": ((v.z - v.y) ** 2).mean(),
        "small.bound": ((d.z - d.y) ** 2).mean() + 500,
        "there": np.abs(v.z - v.y).mean(),
        "here": np.abs(d.z - d.y).mean(),
    }


@natural(
    robot,
    """
    minimize mse(f(x), y)
    s.t. first: E[(f(x)[0] - y[0])^2] <= 0.5
         second: E[abs(f(x)[1] - y[1])] <= 1
         power: E[sumsq(f(x))] <= 3
         reach: P[l2(f(x)) <= 2] >= 80%
         peak: P[norm(f(x), inf) <= 1.5] >= 50%
""",
)
def two_outputs(d: Facts) -> dict:
    e = d.z - d.y
    return {
        "objective": (e**2).mean(),
        "first": (e[:, 0] ** 2).mean(),
        "second": np.abs(e[:, 1]).mean(),
        "power": (d.z**2).sum(1).mean(),
        "reach": (np.sqrt((d.z**2).sum(1)) <= 2).mean(),
        "peak": (np.abs(d.z).max(1) <= 1.5).mean(),
    }


@natural(
    robot,
    """
    minimize E[sumsq(f(x) - y)]
    s.t. dist: E[l2(f(x) - y)] <= 1
         loaded: E[load*l1(f(x))] <= 5
         total: E[sum(f(x))] >= 0
         arms: gap(E[sumsq(f(x) - y) | arm]) <= 0.3
         scaled: E[sumsq(load*f(x))] <= 50
""",
)
def norms_of_outputs(d: Facts) -> dict:
    e = d.z - d.y
    squared = (e**2).sum(1)
    arms = [squared[d.arm == a].mean() for a in ("left", "right")]
    return {
        "objective": squared.mean(),
        "dist": np.sqrt(squared).mean(),
        "loaded": (d.load * np.abs(d.z).sum(1)).mean(),
        "total": d.z.sum(1).mean(),
        "arms": max(arms) - min(arms),
        "scaled": ((d.load[:, None] * d.z) ** 2).sum(1).mean(),
    }


@natural(
    robot,
    """
    minimize mae
    s.t. order: P[f(x)[0] <= f(x)[1]] >= 30%
         away: E[max(f(x))] <= 2
         both: P[f(x)[0] > 0 and f(x)[1] > 0] <= 50%
         all_up: P[all(f(x) > 0)] <= 50%
    metric work = E[f(x) @ y]
    metric self = E[f(x) @ f(x)]
""",
)
def outputs_compared(d: Facts) -> dict:
    up = ((d.z[:, 0] > 0) & (d.z[:, 1] > 0)).mean()
    return {
        "objective": np.abs(d.z - d.y).mean(),
        "order": (d.z[:, 0] <= d.z[:, 1]).mean(),
        "away": d.z.max(1).mean(),
        "both": up,
        "all_up": up,
        "work": (d.z * d.y).sum(1).mean(),
        "self": (d.z**2).sum(1).mean(),
    }


@natural(
    robot,
    """
    minimize huber(f(x), y)
    s.t. safe: forall a in values(arm): P[sumsq(f(x)) <= 4 | arm == a] >= 70%
    metric input = E[l2(x)]
    metric third = E[x[2]^2]
    metric part = E[x[0]*f(x)[0]]
""",
)
def inputs_and_outputs(d: Facts) -> dict:
    e = np.abs(d.z - d.y)
    right = {f"safe[{a}]": ((d.z**2).sum(1) <= 4)[d.arm == a].mean() for a in ("left", "right")}
    return right | {
        "objective": np.where(e <= 1, e**2 / 2, e - 0.5).mean(),
        "input": np.sqrt((d.x**2).sum(1)).mean(),
        "third": (d.x[:, 2] ** 2).mean(),
        "part": (d.x[:, 0] * d.z[:, 0]).mean(),
    }


@natural(
    one_feature,
    """
    minimize w*(f(x) - y)^2
    s.t. slope: E[x*(f(x) - y)] == 0
         right_half: E[f(x) | x > 0] >= 1
    metric up = P[f(x) > x]
    metric m = E[w*x]
    metric first = E[x[0]^2]
""",
)
def one_feature_without_an_index(d: Facts) -> dict:
    x = d.x[:, 0]
    return {
        "objective": (d.w * (d.z - d.y) ** 2).mean(),
        "slope": (x * (d.z - d.y)).mean(),
        "right_half": d.z[x > 0].mean(),
        "up": (d.z > x).mean(),
        "m": (d.w * x).mean(),
        "first": (x**2).mean(),
    }


@natural(
    one_feature,
    """
    minimize exp(-w)*mse
    s.t. E[log(1 + exp(f(x)))] <= 3
         E[softplus(f(x))] <= 3.5
    metric a = E[where(x > 0, f(x), -f(x))]
    metric b = E[clip(f(x), -1, 1)]
    metric c = E[floor(w)]
    metric d = E[sign(x)*abs(f(x))]
    metric e = E[tanh(f(x)/2)]
""",
)
def elementary_functions(d: Facts) -> dict:
    x = d.x[:, 0]
    return {
        "objective": (np.exp(-d.w) * (d.z - d.y) ** 2).mean(),
        "c1": np.log1p(np.exp(d.z)).mean(),
        "c2": np.log1p(np.exp(d.z)).mean(),
        "a": np.where(x > 0, d.z, -d.z).mean(),
        "b": np.clip(d.z, -1, 1).mean(),
        "c": np.floor(d.w).mean(),
        "d": (np.sign(x) * np.abs(d.z)).mean(),
        "e": np.tanh(d.z / 2).mean(),
    }


@natural(
    one_feature,
    """
    minimize mse
    s.t. E[mse] <= 100
    metric v = variance(y)
    metric s = std(f(x))
    metric m = mean(w)
    metric h = median(y)
""",
    may_be_refused=True,
)
def statistics_of_a_column(d: Facts) -> dict:
    return {"m": d.w.mean(), "h": float(np.median(d.y))}


@natural(
    houses,
    """
    param eps = 15%
    param dear
    minimize mse
    s.t. a: P[f(x) > dear] <= eps
         b: E[f(x) | y > dear] >= 0.9*dear
    verify all on val
""",
    also={"eps": 0.3, "dear": 230.0},
)
def params_from_outside(d: Facts) -> dict:
    v = d.val
    return {
        "a": (v.z > 230).mean(),
        "a.bound": 0.3,
        "b": v.z[v.y > 230].mean(),
        "b.bound": 207.0,
    }


@natural(
    houses,
    """
    param mu[3]
    minimize mse
    s.t. a: E[f(x)*(x @ mu)] <= 200
    metric b = E[x @ mu]
    metric c = E[mu[0]*x[0] - mu[2]]
""",
    also={"mu": np.array([0.5, -1.0, 2.0])},
)
def a_vector_of_params(d: Facts) -> dict:
    dot = d.x @ np.array([0.5, -1.0, 2.0])
    return {"a": (d.z * dot).mean(), "b": dot.mean(), "c": (0.5 * d.x[:, 0] - 2).mean()}


@natural(
    houses,
    """
    minimize mse
    s.t. up: E[f(x) | new] <= 250
""",
)
def a_bool_column_alone_behind_the_bar(d: Facts) -> dict:
    return {"up": d.z[d.new].mean()}
