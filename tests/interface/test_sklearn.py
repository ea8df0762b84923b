"""The estimator: what scikit-learn asks of one, and columns that are groups and no inputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator
from torch import nn

from cspec.sklearn import ConstrainedClassifier

SPEC = """
data train(x, y, sex)
param eps = 5% in [0, 1]
model f
minimize bce(f(x), y)
s.t. parity: gap(P[pred == 1 | sex]) <= eps
fit(optimizer=adam(lr=0.05), epochs=5)
"""


def people(n: int = 200) -> tuple[pd.DataFrame, Any]:
    draw = np.random.default_rng(0)
    sex = draw.choice(["F", "M"], n)
    age = draw.normal(size=n) + 0.8 * (sex == "M")
    return pd.DataFrame({"age": age, "sex": sex}), np.where(age + draw.normal(size=n) > 0, "r", "p")


def test_verdicts_are_those_of_the_predictions() -> None:
    X, y = people()
    fair = ConstrainedClassifier(SPEC).fit(X, y)
    positive = fair.predict(X) == "r"
    rates = [positive[X["sex"] == g].mean() for g in ("F", "M")]
    assert fair.verdicts_["parity"]["value"] == pytest.approx(abs(rates[0] - rates[1]), abs=1e-12)
    assert fair.satisfied_ and fair.verdicts_["parity"]["bound"] == pytest.approx(0.05)
    assert fair.n_features_in_ == 1 and list(fair.feature_names_in_) == ["age"]
    assert ((fair.predict_proba(X)[:, 1] > 0.5) == positive).all()


def test_groups_are_handed_over_by_name() -> None:
    X, y = people()
    alone = ConstrainedClassifier(SPEC).fit(X[["age"]], y, sex=X["sex"])
    assert (alone.predict(X[["age"]]) == ConstrainedClassifier(SPEC).fit(X, y).predict(X)).all()
    chain = make_pipeline(StandardScaler(), ConstrainedClassifier(SPEC))
    chain.fit(X[["age"]], y, constrainedclassifier__sex=X["sex"])
    assert chain[-1].satisfied_


def test_what_is_missing_or_unknown_is_said() -> None:
    X, y = people()
    with pytest.raises(ValueError, match=r"sex, which X does not have.*fit\(X, y, sex="):
        ConstrainedClassifier(SPEC).fit(X[["age"]], y)
    with pytest.raises(TypeError, match="no column `sample_weight`"):
        ConstrainedClassifier(SPEC).fit(X, y, sample_weight=np.ones(len(y)))
    with pytest.raises(ValueError, match="CS201"):
        ConstrainedClassifier("minimize cee").fit(X[["age"]], y)


def test_it_is_searched_and_validated() -> None:
    X, y = people()
    grid = {"params": [{"eps": 0.02}, {"eps": 0.5}]}
    found = GridSearchCV(ConstrainedClassifier(SPEC), grid, cv=2).fit(X, y)
    assert found.best_estimator_.verdicts_["parity"]["bound"] == found.best_params_["params"]["eps"]
    assert cross_val_score(ConstrainedClassifier(SPEC), X, y, cv=2).min() > 0.5


LABELS = """
data train(x, y), test(x, y)
minimize E[ce(model(x), y) on train]
s.t. some: P[pred == {0} on train] >= 40%
     found: P[pred == {0} | y == {0} on train] >= 20%
     right: P[pred == y on train] >= 1%
verify some on test
verify found on test
verify right on test
metric there = P[y in {{{0}}} on test]
fit(optimizer=adam(lr=0.05), epochs=2)
"""


@pytest.mark.parametrize(
    ("labels", "written"),
    [
        ([1, 2, 3], "1"),
        ([1, 2, 5], "2"),
        ([-1, 1, 1], "-1"),
        ([0, 1, 2], "2"),
        ([1.0, 2.0, 3.0], "2"),
        ([3, 2, 2], "3"),
        ([False, True, True], "true"),
        (["b", "a", "c"], '"c"'),
    ],
)
def test_a_label_means_what_it_means_in_y(labels: list[Any], written: str) -> None:
    draw = np.random.default_rng(3)
    X, T = draw.normal(size=(150, 3)), draw.normal(size=(60, 3))
    y, t = (np.array(labels)[np.argmax(rows, axis=1)] for rows in (X, T))
    spec = LABELS.format(written)
    fitted = ConstrainedClassifier(spec, bind={"test": (T, pd.Series(t))}).fit(X, pd.Series(y))
    label = {"true": True}.get(written, written.strip('"'))
    label = np.array([label]).astype(y.dtype)[0]
    found, verdicts = fitted.predict(T), fitted.verdicts_
    assert verdicts["some"]["value"] == pytest.approx((found == label).mean())
    assert verdicts["found"]["value"] == pytest.approx((found[t == label] == label).mean())
    assert verdicts["right"]["value"] == pytest.approx((found == t).mean())
    assert fitted.result_.metrics["there"] == pytest.approx((t == label).mean())
    assert list(fitted.classes_) == sorted(set(labels))
    assert fitted.predict_proba(T).shape == (60, len(set(labels)))


def test_labels_that_fit_has_not_are_refused() -> None:
    X, y = np.eye(3).repeat(4, 0), np.array([1, 2, 5]).repeat(4)
    bound = {"test": (X, y + 1)}
    with pytest.raises(ValueError, match="column `y` holds 3, which is none of its known values"):
        ConstrainedClassifier(LABELS.format("1"), bind=bound).fit(X, y)
    with pytest.raises(ValueError, match="the model has 4 outputs, but y has 3 classes"):
        ConstrainedClassifier("minimize ce\nfit(epochs=1)", model=nn.Linear(3, 4)).fit(X, y)


def test_fits_are_independent() -> None:
    X, y = people()
    net = nn.Linear(1, 2)
    start = net.weight.detach().clone()
    one = ConstrainedClassifier("minimize ce\nfit(epochs=2)", model=net)
    first = one.fit(X[["age"]], y).predict_proba(X[["age"]])
    assert (one.fit(X[["age"]], y).predict_proba(X[["age"]]) == first).all()
    assert (net.weight == start).all() and one.model_ is not net


BOTH = """
data train(x, y)
model a
model b
minimize ce(a(x), y)
s.t. near: P[pred(a(x)) == pred(b(x))] >= 80%
fit(epochs=1)
"""


def test_one_model_predicts() -> None:
    X, y = people()
    with pytest.raises(
        ValueError, match="several models, a, b, and an estimator predicts with one"
    ):
        ConstrainedClassifier(BOTH).fit(X[["age"]], y)
    other = nn.Linear(1, 2)
    fitted = ConstrainedClassifier(BOTH, bind={"b": other}).fit(X[["age"]], y)
    rows = torch.tensor(X[["age"]].to_numpy(), dtype=torch.float32)
    agrees = fitted.result_.models["b"](rows).argmax(1).numpy() == fitted.model_(rows).argmax(1)
    assert fitted.model_ is fitted.result_.models["a"]
    assert fitted.verdicts_["near"]["value"] == pytest.approx(agrees.float().mean())


def test_features_of_a_frame_keep_their_names() -> None:
    X, y = people()
    spec = "data train(x, y)\nminimize ce(model(x), y)\n"
    spec += "s.t. old: P[pred == 1 | x.age > 0] <= 60%\nfit(epochs=2)"
    fitted = ConstrainedClassifier(spec).fit(X[["age"]], y)
    rate = (fitted.predict(X[["age"]]) == "r")[X["age"] > 0].mean()
    assert fitted.verdicts_["old"]["value"] == pytest.approx(rate)


def test_columns_by_the_names_of_the_data() -> None:
    X, y = people()
    spec = SPEC.replace("train(x, y, sex)", 'train(x, y, "the sex" as sex)')
    frame = X.rename(columns={"sex": "the sex"})
    found = ConstrainedClassifier(spec).fit(frame, y)
    alone = ConstrainedClassifier(spec).fit(X[["age"]], y, sex=X["sex"])
    assert (found.predict(frame) == alone.predict(X[["age"]])).all()
    assert found.verdicts_ == alone.verdicts_


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_scikit_learn_finds_nothing_to_object_to() -> None:
    """No check is expected to fail; the one of the array API is skipped by scikit-learn."""
    check_estimator(ConstrainedClassifier("minimize ce\nfit(optimizer=adam(lr=0.05), epochs=40)"))
