"""Natural specs about classifiers: recall, precision, calibration, churn, costs, tails."""

from __future__ import annotations

import numpy as np
from meaning.natural.kept import Facts, Setting, ce, natural, setting
from meaning.natural.settings import animals, linear, loans, loans_n_by_1, releases, weather


@natural(
    loans_n_by_1,
    """
    minimize bce(f(x), y)
    s.t. recall: P[pred == 1 | y == 1] >= 80%
         precision: P[y == 1 | pred == 1] >= 60%
    metric acc = P[pred == y]
    metric acc_test = P[pred == y on test]
""",
)
def recall_and_precision(d: Facts) -> dict:
    return {
        "recall": d.pred[d.y == 1].mean(),
        "recall.n": int((d.y == 1).sum()),
        "precision": d.y[d.pred == 1].mean(),
        "precision.n": int((d.pred == 1).sum()),
        "acc": (d.pred == d.y).mean(),
        "acc_test": (d.test.pred == d.test.y).mean(),
    }


@natural(
    loans,
    """
    minimize bce
    s.t. precision: P[pred == 1 and y == 1] / P[pred == 1] >= 60%
    metric f1 = 2*P[pred == 1 and y == 1] / (P[pred == 1] + P[y == 1])
""",
)
def precision_as_a_ratio(d: Facts) -> dict:
    hits = ((d.pred == 1) & (d.y == 1)).mean()
    return {
        "precision": hits / d.pred.mean(),
        "f1": 2 * hits / (d.pred.mean() + d.y.mean()),
    }


@natural(
    loans,
    """
    maximize P[pred == 1 | y == 1]
    s.t. fpr: P[pred == 1 | y == 0] <= 10%
""",
)
def most_recall_under_few_false_alarms(d: Facts) -> dict:
    return {"objective": d.pred[d.y == 1].mean(), "fpr": d.pred[d.y == 0].mean()}


@natural(
    animals,
    """
    minimize ce(f(x), y)
    s.t. each: forall k in {0, 1, 2}: P[pred == k | y == k] >= 50%
    metric acc = P[pred == y]
""",
)
def a_floor_for_each_class(d: Facts) -> dict:
    right = {f"each[{k}]": (d.pred == k)[d.y == k].mean() for k in range(3)}
    return right | {"acc": (d.pred == d.y).mean()}


@natural(
    animals,
    """
    minimize ce
    s.t. shares: forall k in range(3): 20% <= P[pred == k] <= 50%
""",
)
def shares_of_predictions(d: Facts) -> dict:
    right = {}
    for k in range(3):
        right |= {f"shares.lo[{k}]": (d.pred == k).mean(), f"shares.hi[{k}]": (d.pred == k).mean()}
    return right


@natural(
    animals,
    """
    minimize ce
    s.t. mean_shares: forall k in range(3): E[prob[k]] <= 40%
    metric entropy0 = -E[prob[0]*log(prob[0]) + prob[1]*log(prob[1]) + prob[2]*log(prob[2])]
    metric entropy1 = E[entropy(prob)]
    metric brier = E[sumsq(prob)]
""",
)
def probabilities_of_classes(d: Facts) -> dict:
    entropy = -(d.p * np.log(d.p)).sum(1).mean()
    right = {f"mean_shares[{k}]": d.p[:, k].mean() for k in range(3)}
    return right | {"entropy0": entropy, "entropy1": entropy, "brier": (d.p**2).sum(1).mean()}


@natural(
    animals,
    """
    minimize ce
    s.t. own: E[prob[y]] >= 60%
         sure: P[prob[y] > 0.5] >= 50%
    metric logit = E[f(x)[y]]
    metric margin = E[f(x)[y] - max(f(x))]
    metric likelihood = E[log(prob[y])]
""",
)
def the_probability_of_ones_own_class(d: Facts) -> dict:
    rows = np.arange(d.n)
    own, logit = d.p[rows, d.y], d.z[rows, d.y]
    return {
        "own": own.mean(),
        "sure": (own > 0.5).mean(),
        "logit": logit.mean(),
        "margin": (logit - d.z.max(1)).mean(),
        "likelihood": np.log(own).mean(),
    }


@natural(
    loans_n_by_1,
    """
    minimize bce(f(x), y)
    s.t. cal: abs(E[prob] - E[y]) <= 0.05
         high: abs(E[prob - y | prob > 0.7]) <= 0.1
         low: abs(E[prob - y | prob[1] <= 0.3]) <= 0.1
    metric no = E[prob[0]]
    metric own = E[prob[y]]
    metric logit = E[f(x)[0]]
""",
)
def calibration_of_one_logit(d: Facts) -> dict:
    def off(inside: np.ndarray) -> float:
        return abs((d.p - d.y)[inside].mean())

    return {
        "cal": abs(d.p.mean() - d.y.mean()),
        "high": off(d.p > 0.7),
        "low": off(d.p <= 0.3),
        "no": (1 - d.p).mean(),
        "own": np.where(d.y == 1, d.p, 1 - d.p).mean(),
        "logit": d.z.mean(),
    }


@natural(
    releases,
    """
    minimize ce(f(x), y)
    s.t. churn: P[pred(f(x)) != pred(old(x))] <= 10%
         keeps: P[pred(f(x)) == y] >= P[pred(old(x)) == y]
         flips: P[pred(f(x)) != y | pred(old(x)) == y] <= 5%
""",
)
def churn_against_the_model_in_use(d: Facts) -> dict:
    return {
        "churn": (d.pred != d.pred_old).mean(),
        "keeps": (d.pred == d.y).mean(),
        "keeps.bound": (d.pred_old == d.y).mean(),
        "flips": (d.pred != d.y)[d.pred_old == d.y].mean(),
    }


@natural(
    animals,
    """
    model ref = frozen(f)
    minimize E[ce(f(x), y)]
    s.t. churn: P[pred(f(x)) == pred(ref(x))] >= 90%
         near: E[sumsq(f(x) - ref(x))] <= 0.1
         no_worse: E[ce(f(x), y)] <= E[ce(ref(x), y)] + 0.02
""",
)
def churn_against_a_frozen_copy(d: Facts) -> dict:
    loss = ce(d.z, d.y).mean()
    return {"churn": 1.0, "near": 0.0, "no_worse": loss, "no_worse.bound": loss + 0.02}


@natural(
    animals,
    """
    model ref = frozen(f)
    minimize E[ce(f(x), y)]
    s.t. near: E[l2(f(x) - ref(x))] <= 0.1
""",
)
def the_distance_to_a_frozen_copy_starts_at_zero(d: Facts) -> dict:
    return {"near": 0.0, "near.met": True, "status": "satisfied"}


@natural(
    releases,
    """
    minimize ce(f(x), y)
    s.t. trust: E[kl(prob(old(x)), prob(f(x)))] <= 0.05
""",
)
def a_trust_region(d: Facts) -> dict:
    return {"trust": (d.p_old * (np.log(d.p_old) - np.log(d.p))).sum(1).mean()}


def forecasts() -> Setting:
    """Labels in words, another person's labels, and the model in use, which stands in no loss."""
    found = weather()
    old = linear(3, 3, 14)
    tables = {t: dict(found.names[t]) for t in ("train", "val")}
    both = setting(found.header + "model old\n", tables, {"f": found.names["f"], "old": old})
    words = np.array(["rain", "snow", "sun"])
    both.facts.named, both.facts.old = words[both.facts.pred], words[both.facts.pred_old]
    return both


@natural(
    forecasts,
    """
    minimize ce(f(x), y)
    s.t. anna: P[pred(f(x)) == anna] >= P[pred(old(x)) == anna]
         keeps: P[pred(f(x)) == y] >= P[pred(old(x)) == y]
         churn: P[pred(f(x)) != pred(old(x))] <= 10%
    metric rainy = P[pred(old(x)) == "rain" | y == "rain"]
    metric own = E[prob(old(x))[y]]
""",
)
def a_model_in_use_and_labels_in_words(d: Facts) -> dict:
    codes = np.searchsorted(["rain", "snow", "sun"], d.y)
    return {
        "keeps": (d.named == d.y).mean(),
        "keeps.bound": (d.old == d.y).mean(),
        "churn": (d.named != d.old).mean(),
        "anna": (d.named == d.anna).mean(),
        "anna.bound": (d.old == d.anna).mean(),
        "rainy": (d.old == "rain")[d.y == "rain"].mean(),
        "own": d.p_old[np.arange(d.n), codes].mean(),
    }
