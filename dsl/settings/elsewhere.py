"""Models and data as other libraries build them, and the whole call that a spec writes.

nn.Sequential(nn.Linear(9, 64), nn.ReLU(), nn.Linear(64, 2))   ->   mlp(hidden=[64])
MLPClassifier(hidden_layer_sizes=[64, 64])                     ->   mlp(hidden=[64, 64])
pd.read_csv("a.csv")                                           ->   csv("a.csv", target="y")
train_test_split(df, test_size=0.2)                            ->   csv(..., split=[0.8, 0.2])
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from cspec.dsl.messages.diagnostic import Diagnostic, finding, replacing
from cspec.dsl.messages.wording import quoted
from cspec.dsl.settings.findings import a
from cspec.dsl.settings.fit import OPTIMIZERS
from cspec.dsl.text.source import Source
from cspec.dsl.tree.nodes import Attribute, Call, Expr, Name, Number, String, Vector


class Elsewhere(NamedTuple):
    """What a spec writes; `exact` where it is the same thing, not only of the same kind."""

    text: str
    exact: bool
    note: str = ""


_PERCEPTRONS = frozenset({"mlpclassifier", "mlpregressor"})
_LINEAR = frozenset({"sgdclassifier", "sgdregressor", "ridge", "lasso", "ridgeclassifier"})
_NO_GRADIENT = frozenset((
    "randomforestclassifier", "randomforestregressor", "decisiontreeclassifier", "xgbclassifier",
    "xgbregressor", "lgbmclassifier", "lgbmregressor", "gradientboostingclassifier", "svc",
    "svr", "kneighborsclassifier", "gaussiannb", "catboostclassifier",
))  # fmt: skip
_TABLES = frozenset({"read_csv", "read_table", "loadtxt", "genfromtxt", "readtable", "load_csv"})
_OTHER_TABLES = frozenset((
    "read_excel", "read_parquet", "read_json", "read_sql", "read_feather", "dataframe",
    "load_dataset", "fetch_openml", "tensordataset", "dataloader", "dataset", "load",
))  # fmt: skip
_ENDINGS = frozenset({"csv", "tsv", "txt", "dat"})
_SPLITS = frozenset({"train_test_split", "random_split"})
_TARGETS = frozenset({"target", "label", "labels", "y"})
_ACTS = {"relu": "relu", "tanh": "tanh", "gelu": "gelu", "sigmoid": "sigmoid", "silu": "silu"}


def elsewhere(expr: Expr, noun: str, source: Source) -> Elsewhere | None:
    """The call of the language for a call of another library; None for one that nobody knows."""
    if noun == "data source" and isinstance(expr, String):
        note = "`target` names the column that `y` is"
        file = source.slice(expr.span)
        word = "parquet" if file.strip("\"'").endswith(".parquet") else "csv"
        return Elsewhere(f'{word}({file}, target="y")', exact=False, note=note)
    if noun == "data source" and isinstance(expr, Attribute) and expr.name in _ENDINGS:
        note = "`target` names the column that `y` is"
        return Elsewhere(f'csv("{source.slice(expr.span)}", target="y")', exact=False, note=note)
    if not isinstance(expr, Call):
        return None
    look = _LOOKS.get(noun)
    return look(expr, _word(expr.function), source) if look else None


def _word(function: Expr) -> str:
    if isinstance(function, Call):
        return _word(function.function)
    if isinstance(function, Attribute):
        return function.name.lower()
    return function.id.lower() if isinstance(function, Name) else ""


def _model(call: Call, word: str, source: Source) -> Elsewhere | None:
    if word == "sequential":
        return _sequential(call)
    if word in _PERCEPTRONS:
        sizes = next((k.value for k in call.keywords if k.name == "hidden_layer_sizes"), None)
        items = sizes.items if isinstance(sizes, Vector) else (sizes,) if sizes else ()
        widths = ", ".join(source.slice(item.span) for item in items) or "100"
        return Elsewhere(f"mlp(hidden=[{widths}])", exact=True)
    if word in _LINEAR:
        return Elsewhere("linear", exact=True)
    if word in _NO_GRADIENT:
        note = "models are trained by steps along gradients, which trees and kernels do not have"
        return Elsewhere("mlp(hidden=[64, 64])", exact=False, note=note)
    return None


def _sequential(call: Call) -> Elsewhere | None:
    """Linear layers in a row: the widths between them are those of the hidden layers."""
    first = call.arguments[0] if len(call.arguments) == 1 else None
    parts = first.items if isinstance(first, Vector) else call.arguments
    layers = [part for part in parts if isinstance(part, Call)]
    words = [_word(layer.function) for layer in layers]
    linear = [layer for layer, word in zip(layers, words, strict=True) if word == "linear"]
    known = {"linear", "flatten", "dropout", "softmax", "logsoftmax"} | _ACTS.keys()
    if not linear or len(layers) != len(parts) or not set(words) <= known:
        return None
    widths = [layer.arguments[-1] for layer in linear[:-1] if layer.arguments]
    if not all(isinstance(width, Number) for width in widths):
        return None
    shown = ", ".join(f"{width.value:g}" for width in widths if isinstance(width, Number))
    acts = {_ACTS[word] for word in words if word in _ACTS} - {"relu"}
    act = f", act={acts.pop()}" if len(acts) == 1 else ""
    note = "how many go in and out follows from the data and the loss"
    return Elsewhere(f"mlp(hidden=[{shown}]{act})" if widths else "linear", True, note)


def _data(call: Call, word: str, source: Source) -> Elsewhere | None:
    file = next((a for a in call.arguments if isinstance(a, String)), None)
    name = source.slice(file.span) if file else '"data.csv"'
    target = f'csv({name}, target="y")'
    if word in _TABLES and not any(k.name in _TARGETS for k in call.keywords):
        return Elsewhere(target, exact=False, note="`target` names the column that `y` is")
    if word in _SPLITS:
        share = next((k.value for k in call.keywords if k.name == "test_size"), None)
        rest = share.value if isinstance(share, Number) and 0 < share.value < 1 else 0.2
        split = f"split=[{1 - rest:g}, {rest:g}]"
        note = "a source is split by its shares, in the order of the names before the `=`"
        return Elsewhere(f'csv("data.csv", target="y", {split})', exact=False, note=note)
    if word in _OTHER_TABLES:
        note = "a table of another kind is saved as csv, or handed over from Python"
        return Elsewhere('csv("data.csv", target="y")', exact=False, note=note)
    return None


def _optimizer(call: Call, word: str, source: Source) -> Elsewhere | None:
    """`torch.optim.Adam(f.parameters(), lr=1e-3)`: which parameters move, the spec says."""
    if word not in OPTIMIZERS or not call.arguments or _word(call.arguments[0]) not in _OWN:
        return None
    rest = [source.slice(k.span) for k in call.keywords]
    rates = [f"lr={source.slice(a.span)}" for a in call.arguments[1:2]]
    inner = ", ".join([*rates, *rest])
    note = "all parameters of the models move; `params=` chooses some by their names"
    return Elsewhere(f"{word}({inner})" if inner else word, exact=True, note=note)


_OWN = frozenset(["parameters", "named_parameters", "trainable_variables"])
_LOOKS: dict[str, Callable[[Call, str, Source], Elsewhere | None]] = {
    "model": _model,
    "data source": _data,
    "optimizer": _optimizer,
}


def built_elsewhere(expr: Expr, other: Elsewhere, noun: str, source: Source) -> Diagnostic:
    """`nn.Sequential(...)`, `train_test_split(...)`: what a spec writes for the whole call."""
    helps = (f"write `{other.text}`", *((_ELSEHOW[noun],) if noun in _ELSEHOW else ()))
    said = f"{quoted(source, expr.span)} is no {noun} of a spec"
    label = f"the name of {a(noun)} goes here"
    notes = (other.note,) if other.note else ()
    fixes = replacing(expr.span, other.text) if other.exact else ()
    return finding("CS503", said, expr.span, label, notes=notes, helps=helps, fixes=fixes)


_ELSEHOW = {
    "model": 'or your own: `from "nets.py" import Net` above, and `Net()` here',
    "data source": "or leave `= ...` away, and bind your data from outside",
}
