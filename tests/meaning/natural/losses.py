"""Natural specs about losses, costs, tails, events as numbers, words about requirements."""

from __future__ import annotations

import numpy as np
from meaning.means import quantile, tail_mean
from meaning.natural.kept import Facts, bce, ce, natural
from meaning.natural.settings import (
    animals,
    loans,
    loans_two_logits,
    weather,
)


@natural(
    animals,
    """
    minimize cost*ce
    s.t. mild: E[cost*(pred != y)] <= 0.5
         wild_first: E[ce | wild == true] <= E[ce | not wild]
    metric mean_cost = E[cost]
""",
)
def costs_of_errors(d: Facts) -> dict:
    loss = ce(d.z, d.y)
    return {
        "objective": (d.cost * loss).mean(),
        "mild": (d.cost * (d.pred != d.y)).mean(),
        "wild_first": loss[d.wild].mean(),
        "wild_first.bound": loss[~d.wild].mean(),
        "mean_cost": d.cost.mean(),
    }


@natural(
    loans,
    """
    minimize E[5*(pred == 0)*(y == 1) + (pred == 1)*(y == 0)]
    s.t. E[bce] <= 2
    metric also = 5*P[pred == 0 and y == 1] + P[pred == 1 and y == 0]
""",
)
def a_table_of_costs(d: Facts) -> dict:
    cost = 5 * ((d.pred == 0) & (d.y == 1)) + ((d.pred == 1) & (d.y == 0))
    return {"objective": cost.mean(), "also": cost.mean(), "c1": bce(d.z, d.y).mean()}


@natural(
    animals,
    """
    param costs[3] = [0, 1, 5]
    minimize ce
    s.t. risk: E[prob @ costs] <= 2
         typed: E[prob @ [0, 1, 5] | wild and cost > 0] <= 3
    metric spelled = E[costs[1]*prob[1] + costs[2]*prob[2]]
""",
)
def expected_cost_of_a_prediction(d: Facts) -> dict:
    cost = d.p @ np.array([0, 1, 5.0])
    return {"risk": cost.mean(), "typed": cost[d.wild].mean(), "spelled": cost.mean()}


@natural(
    animals,
    """
    minimize E[max(ce, 0.2)]
    s.t. worst: cvar(ce, 0.5) <= 2
         most: quantile(ce(f(x), y), 90%) <= 1.5
         middle: quantile(prob[y], 0.5) >= 0.5
    metric weighted = cvar(cost*ce, 0.5)
""",
)
def tails_of_the_loss(d: Facts) -> dict:
    loss = ce(d.z, d.y)
    return {
        "objective": np.maximum(loss, 0.2).mean(),
        "worst": np.sort(loss)[-33:].mean(),
        "most": np.quantile(loss, 0.9),
        "middle": np.median(d.p[np.arange(d.n), d.y]),
        "weighted": np.sort(d.cost * loss)[-33:].mean(),
    }


@natural(
    loans,
    """
    minimize cvar(bce, 0.8)
    s.t. E[bce] <= 1
""",
)
def a_tail_in_the_objective(d: Facts) -> dict:
    loss = bce(d.z, d.y)
    return {"objective": tail_mean(loss.tolist(), 0.8), "c1": loss.mean()}


@natural(
    loans,
    """
    minimize bce(f(x), y)
    s.t. spread: quantile(prob, 0.9) - quantile(prob, 0.1) >= 0.3
         tail: cvar(bce(f(x), y), 90%) <= 2.5 on val
""",
)
def quantiles_and_tails_of_data(d: Facts) -> dict:
    p, loss = d.p.tolist(), bce(d.val.z, d.val.y).tolist()
    return {"spread": quantile(p, 0.9) - quantile(p, 0.1), "tail": tail_mean(loss, 0.9)}


@natural(
    animals,
    """
    minimize ce^2
    s.t. clipped: E[min(ce, 1)] <= 0.8
    metric bad = P[ce > 1]
    metric root = E[sqrt(ce)]
    metric both = E[ce*(pred != y)]
""",
)
def arithmetic_of_bare_losses(d: Facts) -> dict:
    loss = ce(d.z, d.y)
    return {
        "objective": (loss**2).mean(),
        "clipped": np.minimum(loss, 1).mean(),
        "bad": (loss > 1).mean(),
        "root": np.sqrt(loss).mean(),
        "both": (loss * (d.pred != d.y)).mean(),
    }


@natural(
    animals,
    """
    let v = cost*ce
    let hard = ce > 1
    minimize v
    s.t. a: E[v] <= 2
         b: P[hard] <= 40%
         c: P[hard and wild] <= 20%
    metric m = E[v | hard]
""",
)
def lets_of_bare_losses(d: Facts) -> dict:
    loss = ce(d.z, d.y)
    return {
        "objective": (d.cost * loss).mean(),
        "a": (d.cost * loss).mean(),
        "b": (loss > 1).mean(),
        "c": ((loss > 1) & d.wild).mean(),
        "m": (d.cost * loss)[loss > 1].mean(),
    }


@natural(
    animals,
    """
    minimize ce
    s.t. a: 0.5*ce <= 2
""",
    may_be_refused=True,
)
def half_a_bare_loss_as_a_side(d: Facts) -> dict:
    return {"a": 0.5 * ce(d.z, d.y).mean()}


@natural(
    animals,
    """
    minimize ce
    s.t. ce <= 1
         top: max(prob) >= 0
    metric sure = E[max(prob)]
    metric gap = E[max(prob) - min(prob)]
    metric confident = P[max(prob) > 0.9 and pred != y]
""",
    may_be_refused=True,
)
def the_largest_probability(d: Facts) -> dict:
    return {"c1": ce(d.z, d.y).mean(), "sure": d.p.max(1).mean()}


@natural(
    animals,
    """
    minimize ce
    s.t. ce <= 1
         careful: P[max(prob) > 0.9 and pred != y] <= 5%
    metric sure = E[max(prob)]
    metric gap = E[max(prob) - min(prob)]
    metric close = P[max(f(x)) - f(x)[y] < 0.5]
""",
)
def confident_mistakes(d: Facts) -> dict:
    own = d.z[np.arange(d.n), d.y]
    return {
        "c1": ce(d.z, d.y).mean(),
        "careful": ((d.p.max(1) > 0.9) & (d.pred != d.y)).mean(),
        "sure": d.p.max(1).mean(),
        "gap": (d.p.max(1) - d.p.min(1)).mean(),
        "close": (d.z.max(1) - own < 0.5).mean(),
    }


@natural(
    weather,
    """
    minimize ce(f(x), y)
    s.t. wet: P[pred == "rain" or pred == "snow"] >= 40%
         seen: P[pred == "rain" | y == "rain"] >= 70%
         sunny: E[prob.sun] <= 50%
         anna: P[pred == anna] >= 30%
    metric acc = P[pred == y]
    metric agree = P[y == anna]
    metric own = E[prob[y]]
    metric hail = P[anna == "hail"]
    metric warm = P[y in {"rain", "sun"}]
""",
)
def labels_in_words(d: Facts) -> dict:
    codes = np.searchsorted(["rain", "snow", "sun"], d.y)
    return {
        "objective": ce(d.z, codes).mean(),
        "wet": (d.named != "sun").mean(),
        "seen": (d.named == "rain")[d.y == "rain"].mean(),
        "sunny": d.p[:, 2].mean(),
        "anna": (d.named == d.anna).mean(),
        "acc": (d.named == d.y).mean(),
        "agree": (d.y == d.anna).mean(),
        "own": d.p[np.arange(d.n), codes].mean(),
        "hail": (d.anna == "hail").mean(),
        "warm": np.isin(d.y, ["rain", "sun"]).mean(),
    }


@natural(
    loans,
    """
    minimize bce(f(x), y)
    s.t. a: P[(pred == 1) == (y == 1)] >= 70%
         b: P[pred == 1 => amount > 300] >= 80%
         c: E[(pred == 1) + (age > 60)] <= 1
    metric d = E[1 - (pred == y)]
    metric e = E[abs(pred - y)]
    metric h = E[pred]
    metric k = P[pred in {1}]
    metric l = P[pred > 0]
""",
)
def events_as_numbers(d: Facts) -> dict:
    return {
        "a": (d.pred == d.y).mean(),
        "b": ((d.pred == 0) | (d.amount > 300)).mean(),
        "c": (d.pred + (d.age > 60)).mean(),
        "d": (d.pred != d.y).mean(),
        "e": (d.pred != d.y).mean(),
        "h": d.pred.mean(),
        "k": d.pred.mean(),
        "l": d.pred.mean(),
    }


@natural(
    loans,
    """
    minimize bce(f(x), y)
    s.t. band: P[-1 <= f(x) <= 1] >= 20%
         inside: P[f(x) in [-1, 1]] >= 20%
         sure: P[f(x)[0] > 2 or f(x)[0] < -2] <= 60%
         sharp: E[(pred == y) | abs(f(x)) > 1] >= 70%
""",
)
def events_of_logits(d: Facts) -> dict:
    inside = (np.abs(d.z) <= 1).mean()
    return {
        "band": inside,
        "inside": inside,
        "sure": (np.abs(d.z) > 2).mean(),
        "sharp": (d.pred == d.y)[np.abs(d.z) > 1].mean(),
    }


@natural(
    loans,
    """
    minimize bce
    s.t. none: P[pred == 1 and y == 1 | age > 200] / P[pred == 1 | age > 200] >= 10%
         empty: P[pred == 1 and age > 200] / P[age > 200] <= 50%
    metric m = E[bce | age > 200]
""",
)
def a_ratio_over_nobody(d: Facts) -> dict:
    nan = float("nan")
    return {"none": nan, "none.met": False, "empty": nan, "empty.met": False, "m": nan}


@natural(
    loans_two_logits,
    """
    minimize ce
    s.t. a: E[f(x)[1] - f(x)[0]] <= 1
         b: P[prob[1] > 0.8] <= 30%
         c: P[f(x)[1] > f(x)[0]] == P[y == 1]
    metric m = E[(f(x)[1] - f(x)[0])*(2*y - 1)]
    metric lse = E[log(sum(exp(f(x))))]
""",
)
def two_logits(d: Facts) -> dict:
    margin = d.z[:, 1] - d.z[:, 0]
    return {
        "a": margin.mean(),
        "b": (d.p[:, 1] > 0.8).mean(),
        "c": d.pred.mean(),
        "c.bound": d.y.mean(),
        "m": (margin * (2 * d.y - 1)).mean(),
        "lse": np.log(np.exp(d.z).sum(1)).mean(),
    }


@natural(
    animals,
    """
    minimize ce
    s.t. zero: P[pred == 0] == P[pred == 1] == P[pred == 2]
""",
)
def equal_shares_of_classes(d: Facts) -> dict:
    shares = [(d.pred == k).mean() for k in range(3)]
    return {
        "zero.1": shares[0],
        "zero.1.violation": abs(shares[0] - shares[1]),
        "zero.2": shares[1],
        "zero.2.violation": abs(shares[1] - shares[2]),
    }


@natural(
    animals,
    """
    minimize ce
    s.t. rising: P[pred == 0] <= P[pred == 1] <= P[pred == 2] <= 60%
    metric low = P[pred == 0]
""",
)
def a_chain_of_rates(d: Facts) -> dict:
    return {"low": (d.pred == 0).mean()}


@natural(
    animals,
    """
    minimize ce
    s.t. each: forall (x, y) in train: ce(f(x), y) <= 2
""",
    may_be_refused=True,
)
def every_example_below_a_level(d: Facts) -> dict:
    return {"each.violation": max(0.0, ce(d.z, d.y).max() - 2), "each.met": ce(d.z, d.y).max() <= 2}


@natural(
    animals,
    """
    minimize ce
    s.t. rule: forall (x, y) in train: prob[0] > 0.5 => prob[1] <= 0.3
         level: forall (x, y) in train: prob[y] >= 0.01
""",
    may_be_refused=True,
)
def a_rule_for_every_example(d: Facts) -> dict:
    holds = (d.p[:, 0] <= 0.5) | (d.p[:, 1] <= 0.3)
    own = d.p[np.arange(d.n), d.y].min()
    return {"rule.met": bool(holds.all()), "level.met": own >= 0.01}


@natural(
    animals,
    """
    minimize ce
    s.t. soft_one: P[pred == 0] <= 10% soft(weight=0.5)
         rare: P[pred == 2] <= 90% within 1e-3
    metric v = violation(soft_one)
    metric most = max(violations)
    metric start = initial(E[ce])
""",
)
def words_about_requirements(d: Facts) -> dict:
    return {
        "v": max(0.0, (d.pred == 0).mean() - 0.1),
        "most": max(0.0, (d.pred == 2).mean() - 0.9),
        "start": ce(d.z, d.y).mean(),
        "rare.tolerance": 1e-3,
    }


@natural(
    animals,
    """
    minimize ce
    s.t. a: P[pred == 0] <= 10%
         b: P[pred == 1] >= 60%
    metric cv = norm(violations, 2)
    metric relative = norm(violations, 2) / initial(norm(violations, 2))
""",
)
def the_size_of_all_violations(d: Facts) -> dict:
    parts = [(d.pred == 0).mean() - 0.1, 0.6 - (d.pred == 1).mean()]
    return {"cv": float(np.hypot(*(max(p, 0) for p in parts))), "relative": 1.0}


@natural(
    animals,
    """
    minimize ce
    s.t. a: E[topk(prob, 2)[1]] <= 0.3
    metric second = E[max(prob) + min(prob)]
    metric best = P[argmax(f(x)) == y]
    metric middle = E[median(f(x))]
""",
    may_be_refused=True,
)
def the_second_best_class(d: Facts) -> dict:
    ordered = np.sort(d.p, 1)
    return {
        "a": ordered[:, 1].mean(),
        "second": (ordered[:, 2] + ordered[:, 0]).mean(),
        "best": (d.pred == d.y).mean(),
        "middle": np.median(d.z, axis=1).mean(),
    }
