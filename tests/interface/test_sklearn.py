"""The estimator: what scikit-learn asks of one, and columns that are groups and no inputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

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


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_scikit_learn_finds_nothing_to_object_to() -> None:
    """No check is expected to fail; the one of the array API is skipped by scikit-learn."""
    check_estimator(ConstrainedClassifier("minimize ce\nfit(optimizer=adam(lr=0.05), epochs=40)"))
