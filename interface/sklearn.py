"""A spec as an estimator of scikit-learn: `cspec.sklearn.ConstrainedClassifier(spec)`.

    fair = ConstrainedClassifier('''
        data train(x, y, sex)
        minimize bce s.t. gap(P[pred == 1 | sex]) <= 5%
    ''')
    fair.fit(frame, income)          # `sex` is a column of the frame, and no input of the model
    fair.satisfied_, fair.verdicts_, fair.predict(frame)

Columns of the spec beside its first two are taken out of a frame that has them, in `fit` and in
`predict`, or handed to `fit` by their names: `fit(X, y, sex=groups)`. All other columns are inputs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import nn

from cspec.api import load, run
from cspec.dsl.messages.diagnostic import SpecError
from cspec.dsl.names.symbols import Symbols
from cspec.dsl.tree.nodes import Column
from cspec.runtime.bind.data import IMPLIED, SPLITS
from cspec.runtime.data import as_dataset
from cspec.runtime.data.align import coded_like
from cspec.runtime.models.hooks import copied


class ConstrainedClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier trained under the constraints of a spec.

    Args:
        spec: the text of a spec, or a path. Its first dataset gets the rows of `fit`; others are
            bound by name in `bind`.
        model: what is bound for the model where the spec leaves it open.
        params: values of the spec's params.
        bind: other names of the spec: further datasets, functions, models.
        random_state: the seed of the start and of the order of examples; None is 0.

    Attributes:
        classes_: the labels, in code order.
        model_: the trained torch module, in evaluation mode.
        result_: all that `cspec.run` reports: notes, multipliers, metrics.
        satisfied_: whether every requirement is met, on the data that the spec verifies on.
        verdicts_: by label: value, bound, and whether it is met.
        n_iter_: steps that were taken.
    """

    def __init__(
        self,
        spec: str = "minimize ce",
        *,
        model: Any = "linear",
        params: Mapping[str, Any] | None = None,
        bind: Mapping[str, Any] | None = None,
        random_state: Any = None,
    ) -> None:
        self.spec = spec
        self.model = model
        self.params = params
        self.bind = bind
        self.random_state = random_state

    def fit(self, X: Any, y: Any, **columns: Any) -> ConstrainedClassifier:
        """Train on rows X with labels y; `columns` are those of the spec that X does not have.

        Raises:
            ValueError: what is wrong with the spec or the data, as `cspec.run` says it.
        """
        try:
            symbols = load(self.spec, **dict(self.params or {})).symbols
        except SpecError as error:
            raise ValueError(str(error)) from error
        name, first, label, beside = _columns(symbols)
        self.columns_ = tuple(column.original for column in beside)
        groups = _groups(X, beside, columns)
        x, labels = validate_data(self, self._inputs(X), y, dtype=np.float64)
        check_classification_targets(labels)
        self.classes_, codes = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"y has one class only, {self.classes_[0]!r}: nothing to learn")
        predicts, models = _models(symbols, self.model, self.bind or {})
        classes = {label: _plain(self.classes_)}
        raw = as_dataset({first: x, label: codes, **groups}, name, [first, label, *groups])
        data = replace(
            raw,
            classes={**raw.classes, **classes},
            feature_names=tuple(map(str, getattr(self, "feature_names_in_", ()))),
        )
        names = {**models, **(self.params or {}), **_numbered(symbols, self.bind or {}, classes)}
        # One call, so that models that share layers still do.
        fresh = copied({n: v for n, v in names.items() if isinstance(v, nn.Module)})
        try:
            seed = _seed(self.random_state)
            result = run(self.spec, seed=seed, **{**names, **fresh, name: data})
        except SpecError as error:
            raise ValueError(str(error)) from error
        self.result_, self.model_ = result, result.models[predicts].eval()
        self.satisfied_, self.n_iter_ = result.satisfied, result.steps
        self.verdicts_ = {
            c.name: {"value": c.value, "bound": c.bound, "satisfied": c.satisfied}
            for c in result.constraints
        }
        outputs = self._scores(X).shape[1]
        if outputs != len(self.classes_) and (outputs, len(self.classes_)) != (1, 2):
            raise ValueError(
                f"the model has {outputs} outputs, but y has {len(self.classes_)} classes: "
                "give it one output for each"
            )
        return self

    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """Margins of the second class for two classes, else the scores of each."""
        scores = self._scores(X)
        if scores.shape[1] > 2:
            return scores
        return scores[:, -1] - (scores[:, 0] if scores.shape[1] == 2 else 0.0)

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """The probability of each class."""
        scores = torch.from_numpy(self._scores(X))
        if scores.shape[1] == 1:
            scores = torch.cat([torch.zeros_like(scores), scores], dim=1)
        return np.asarray(torch.softmax(scores, dim=1).numpy())

    def predict(self, X: Any) -> NDArray[Any]:
        """The class of each row: `pred` of the spec."""
        scores = self._scores(X)
        chosen = scores[:, 0] > 0 if scores.shape[1] == 1 else scores.argmax(1)
        return np.asarray(self.classes_[chosen.astype(np.int64)])

    def _scores(self, X: Any) -> NDArray[np.float64]:
        check_is_fitted(self)
        x = validate_data(self, self._inputs(X), dtype=np.float64, reset=False)
        like = next(self.model_.parameters())
        with torch.no_grad():
            scores = self.model_(torch.tensor(x).to(like)).double().cpu()
        return np.asarray(scores.reshape(len(x), -1).numpy())

    def _inputs(self, X: Any) -> Any:
        """X without the columns that the spec names beside its inputs."""
        named = [c for c in self.columns_ if c in getattr(X, "columns", ())]
        return X.drop(columns=named) if named else X


def _groups(X: Any, beside: Sequence[Column], columns: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that the spec names beside its inputs, from a frame or as handed over."""
    named = {column.name: column.original for column in beside}
    other = [name for name in columns if name not in named]
    if other:
        raise TypeError(
            f"the spec has no column `{other[0]}`: its data line names what it uses, as weights in"
            " `data train(x, y, w)` and `minimize E[w*ce(model(x), y)]`"
        )
    found = {c: X[c] for c in named.values() if c in getattr(X, "columns", ())}
    found |= {named[name]: values for name, values in columns.items()}
    missing = [name for name, original in named.items() if original not in found]
    if missing:
        raise ValueError(
            f"the spec names the columns {', '.join(missing)}, which X does not have: give a "
            f"frame that has them, or hand them over, fit(X, y, {missing[0]}=...)"
        )
    return found


def _columns(symbols: Symbols) -> tuple[str, str, str, tuple[Column, ...]]:
    """The first dataset of a spec, its inputs, its labels, and the columns beside them."""
    for name, columns in symbols.datasets().items():
        if len(columns) < 2:
            raise ValueError(
                f"`{name}` has one column: `fit` needs inputs and labels, {name}(x, y)"
            )
        first, label, *beside = columns
        return name, first.original, label.original, tuple(beside)
    return IMPLIED, "x", "y", ()


def _models(symbols: Symbols, model: Any, bound: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The model that predicts, and what is bound for it where the spec leaves it open."""
    items = symbols.models()
    left = [name for name, item in items.items() if item.source is None and name not in bound]
    predicts = left or list(items) or ["model"]
    if len(predicts) > 1:
        raise ValueError(
            f"the spec has several models, {', '.join(predicts)}, and an estimator predicts with "
            'one: bind the others by name, bind={"' + predicts[1] + '": ...}'
        )
    return predicts[0], dict.fromkeys(left or (() if items else predicts), model)


def _plain(labels: NDArray[Any]) -> tuple[Any, ...]:
    """Labels as classes of a column: text, truth values, whole numbers."""
    return tuple(v if isinstance(v, str | bool) else int(v) for v in labels.tolist())


def _numbered(
    symbols: Symbols, bound: Mapping[str, Any], classes: Mapping[str, tuple[Any, ...]]
) -> dict[str, Any]:
    """What is bound, with the labels of other datasets numbered like those of `fit`."""
    own = {name: tuple(c.original for c in held) for name, held in symbols.datasets().items()}
    own = own or dict.fromkeys(SPLITS, ("x", "y"))
    found = dict(bound)
    for name in found.keys() & own.keys():
        if not isinstance(found[name], str):
            data = as_dataset(found[name], name, own[name])
            found[name] = coded_like(data, classes).drawn_by(lambda b: coded_like(b, classes))
    return found


def _seed(random_state: Any) -> int:
    if random_state is None:
        return 0
    if isinstance(random_state, (int, np.integer)):
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31 - 1))
