"""Natural specs about several data sets: which one is measured, groups that lack."""

from __future__ import annotations

import numpy as np
from meaning.natural.kept import Facts, Setting, ce, natural, setting
from meaning.natural.settings import animals, linear


def unlearning() -> Setting:
    """Two data sets, neither of them called `train`."""
    rng = np.random.default_rng(91)
    tables = {
        "forget": {"x": rng.normal(size=(21, 4)), "y": np.full(21, 2)},
        "retain": {"x": rng.normal(size=(55, 4)), "y": rng.choice([0, 1, 3], 55)},
    }
    return setting("data forget(x, y), retain(x, y)\nmodel f\n", tables, {"f": linear(4, 4, 92)})


@natural(
    unlearning,
    """
    model ref = frozen(f)
    minimize E[ce(f(x), y) on retain]
    s.t. forgets: E[ce(f(x), y) on forget] >= 3
         retains: E[ce(f(x), y) on retain] <= E[ce(ref(x), y) on retain] + 0.02
         gone: P[pred(f(x)) == 2 on forget] <= 5%
         kept: P[pred(f(x)) == y] >= 80% on retain
    metric m = E[ce(f(x), y) on forget] - E[ce(f(x), y) on retain]
""",
)
def unlearning_a_class(d: Facts) -> dict:
    r = d.retain
    lost, kept = ce(d.z, d.y).mean(), ce(r.z, r.y).mean()
    return {
        "objective": kept,
        "forgets": lost,
        "forgets.split": "forget",
        "forgets.n": 21,
        "retains": kept,
        "retains.bound": kept + 0.02,
        "gone": (d.pred == 2).mean(),
        "kept": (r.pred == r.y).mean(),
        "kept.n": 55,
        "m": lost - kept,
    }


@natural(
    unlearning,
    """
    minimize E[ce(f(x), y) on retain]
    s.t. far: E[max(prob) on forget] <= 40%
         flat: E[sumsq(prob - 0.25) on forget] <= 0.05
         ratio: P[pred == y on forget] <= 0.1*P[pred == y on retain]
    fit(optimizer=sgd(lr=1e-30), steps=1, batch_size=sizes(forget=21, retain=full),
        precision=float64)
""",
)
def unlearning_towards_flat_probabilities(d: Facts) -> dict:
    r = d.retain
    return {
        "far": d.p.max(1).mean(),
        "flat": ((d.p - 0.25) ** 2).sum(1).mean(),
        "ratio": (d.pred == d.y).mean(),
        "ratio.bound": 0.1 * (r.pred == r.y).mean(),
    }


@natural(
    animals,
    """
    minimize ce
    s.t. here: P[pred == 0] <= 40%
         there: P[pred == 0] <= 40% on val
         both: abs(P[pred == 0 on train] - P[pred == 0 on val]) <= 5%
    verify all on val
""",
)
def requirements_that_name_their_data(d: Facts) -> dict:
    here, there = (d.pred == 0).mean(), (d.val.pred == 0).mean()
    return {
        "here": there,
        "here.split": "val",
        "there": there,
        "there.split": "val",
        "both": abs(here - there),
    }


@natural(
    animals,
    """
    minimize ce
    s.t. a: P[pred == 0] <= 40%
         b: P[pred == 1] <= 40%
    verify a on val
    metric c = P[pred == 0 on val]
""",
)
def only_one_requirement_is_verified_elsewhere(d: Facts) -> dict:
    return {
        "a": (d.val.pred == 0).mean(),
        "a.n": d.val.n,
        "b": (d.pred == 1).mean(),
        "b.n": d.n,
        "c": (d.val.pred == 0).mean(),
    }


@natural(
    animals,
    """
    let off = abs(P[pred == 0] - 1/3)
    minimize ce
    s.t. a: off <= 0.2
         b: off <= 0.3 on val
    metric m = off
""",
)
def a_let_is_measured_where_it_is_used(d: Facts) -> dict:
    here, there = (d.pred == 0).mean(), (d.val.pred == 0).mean()
    return {"a": abs(here - 1 / 3), "b": abs(there - 1 / 3), "m": abs(here - 1 / 3)}


def rare_zoo() -> Setting:
    """A zoo that the validation data lack."""
    found = animals()
    tables = {t: dict(found.names[t]) for t in ("train", "val")}
    kept = tables["val"]["zoo"] != "west"
    tables["val"] = {k: v[kept] for k, v in tables["val"].items()}
    return setting(found.header, tables, {"f": found.names["f"]})


@natural(
    rare_zoo,
    """
    minimize ce
    s.t. dp: gap(P[pred == 0 | zoo]) <= 100%
         few: ratio(P[pred == 0 | zoo]) >= 0
         worst: max(P[pred == 0 | zoo]) <= 100%
         each: forall z in values(zoo): P[pred == 0 | zoo == z] <= 100%
    verify all on val
""",
    may_be_refused=True,
)
def a_group_that_is_absent_where_it_is_judged(d: Facts) -> dict:
    nan = float("nan")
    right = {"dp": nan, "dp.met": False, "few.met": False, "worst": nan, "worst.met": False}
    return right | {"each[west]": nan, "each[west].met": False, "each[north].met": True}


@natural(
    rare_zoo,
    """
    minimize ce
    s.t. dp: gap(P[pred == 0 | zoo]) <= 90%
         worst: max(P[pred == 0 | zoo]) <= 95%
         each: forall z in values(zoo): P[pred == 0 | zoo == z] <= 90%
    verify all on val
    metric m = E[cost | zoo on val]
""",
)
def an_absent_group_is_not_met(d: Facts) -> dict:
    nan = float("nan")
    v = d.val
    return {
        "dp": nan,
        "dp.met": False,
        "worst": nan,
        "worst.met": False,
        "each[west]": nan,
        "each[west].met": False,
        "each[north]": (v.pred == 0)[v.zoo == "north"].mean(),
        "m[north]": v.cost[v.zoo == "north"].mean(),
        "m[west]": nan,
    }
