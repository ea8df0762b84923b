"""What is wrong with the word of a record, and with the names of its settings: of a method, an
optimizer, a source, a model; models and data as other libraries build them.

nn.Sequential(nn.Linear(9, 64), nn.ReLU(), nn.Linear(64, 2))   ->   mlp(hidden=[64])
MLPClassifier(hidden_layer_sizes=[64, 64])                     ->   mlp(hidden=[64, 64])
pd.read_csv("a.csv")                                           ->   csv("a.csv", target="y")
train_test_split(df, test_size=0.2)                            ->   csv(..., split=[0.8, 0.2])
"""

import re
from collections.abc import Callable
from typing import Literal, NamedTuple, get_args, get_origin

from cspec.dsl.messages.diagnostic import Diagnostic, Fix, edit, finding, replacing, writing
from cspec.dsl.messages.synonyms import PATIENCE, SETTING_WORDS, SETTINGS_OF
from cspec.dsl.messages.wording import closest, listing, number, quoted
from cspec.dsl.settings.base import Settings
from cspec.dsl.settings.duals import DUALS
from cspec.dsl.settings.findings import Table, a, options_of
from cspec.dsl.settings.fit import OPTIMIZERS
from cspec.dsl.text.source import Source, Span
from cspec.dsl.tree.nodes import Attribute, Call, Expr, Index, Keyword, Name, Number, String, Vector
from cspec.dsl.words.sets import SET_WORDS

_COPIES = frozenset({"deepcopy", "copy", "clone", "detach", "freeze"})
_USUAL = {
    "optimizer": "`adam(lr=1e-3)` is the usual one",
    "schedule": "`cosine` is the usual one",
    "method": "`using lagrangian` fits every requirement with a gradient; without a line `using`,"
    " cspec chooses",
    "model": "`mlp(hidden=[64])` is the usual one for a table, `cnn` for images",
    "data source": '`csv("data.csv", target="y")` reads a table',
}
"""What to take where nothing tells what is meant."""
_HOW = {
    "model": 'bring your own in: add the line `from "nets.py" import {word}` above, or bind it:'
    " `model net`",
    "data source": "or leave `= ...` away, and bind your data from outside",
}


_IN_FILE = re.compile(r"([\w./-]+\.py):(\w+)")


def no_record(expr: Expr, table: Table, noun: str, source: Source) -> Diagnostic:
    """What stands where a word such as `adam` belongs: a text, a dotted name, a number."""
    head: Expr = expr.function if isinstance(expr, Call) else expr
    word = ""
    if isinstance(expr, Index) and isinstance(expr.value, Name) and expr.value.id in table:
        return _in_brackets(expr, expr.value.id, noun, source)
    if isinstance(head, String):
        word = head.value
    elif isinstance(head, Attribute):
        word = head.name
    meant = known_word(word, table, noun)
    text = quoted(source, expr.span)
    helps: tuple[str, ...] = (f"one of {listing(table)}",)
    fixes: tuple[Fix, ...] = ()
    if noun == "model" and word.lower() in _COPIES and isinstance(expr, Call) and expr.arguments:
        helps = (f"a copy that never moves is `frozen({source.slice(expr.arguments[0].span)})`",)
        meant = None
        head = Name(span=head.span, id=word)
    file = _IN_FILE.fullmatch(word) if isinstance(head, String) else None
    if file is not None:
        helps = (f'write `from "{file[1]}" import {file[2]}` above, and `{file[2]}` here',)
    elif meant:
        helps = (f"write `{meant}`",)
        fixes = replacing(head.span, meant)
    elif isinstance(head, Attribute) and noun in ("model", "data source"):
        path = source.slice(head.value.span)
        call = source.slice(Span(head.name_span.start, expr.span.end))
        loaded = path in ("torch", "pickle", "joblib", "np") and word == "load" and noun == "model"
        if loaded:
            bound = "leave the `=` and what follows away, and bind the model from outside"
            return _no_record(text, noun, expr, (bound,), fixes)
        beside = f'`from "{path.replace(".", "/")}.py" import {word}`'
        helps = (f"write {beside} above, and `{call}` here", *helps)
    return _no_record(text, noun, expr, helps, fixes)


def _no_record(
    text: str, noun: str, expr: Expr, helps: tuple[str, ...], fixes: tuple[Fix, ...]
) -> Diagnostic:
    label = f"the name of {a(noun)} goes here"
    return finding("CS503", f"{text} is no {noun}", expr.span, label, helps=helps, fixes=fixes)


def _in_brackets(expr: Index, word: str, noun: str, source: Source) -> Diagnostic:
    """`mlp[64, 64]`: settings stand in round brackets."""
    inner = source.text[expr.value.span.end : expr.span.end]
    inner = inner if noun == "model" else inner.strip()[1:-1]  # widths are a list
    meant = f"{word}({inner})"
    said = f"{quoted(source, expr.span)} is no {noun}: settings stand in `( )`"
    return finding("CS503", said, expr.span, "square brackets", **writing(expr.span, meant))


def known_word(word: str, table: Table, noun: str) -> str | None:
    """The word of a table that another library's word, or a typing mistake, most likely means."""
    if word.lower() in _ELSEWHERE.get(noun, {}):
        return None
    other = word_elsewhere(noun, word)
    return other if other in table else closest(word, table) if word else None


def word_elsewhere(noun: str, word: str) -> str | None:
    """The word of a record that another library's word means."""
    pruned = noun == "method" and _PRUNED.search(word.lower())
    return "projection" if pruned else SETTINGS_OF.get(noun, {}).get(word.lower())


_PRUNED = re.compile(r"prun|sparsif|quanti[sz]|magnitude|unstructured")
"""Methods elsewhere that keep the largest weights, or round them: what a projection does."""


def _setting_with(word: str, table: Table) -> str:
    """`projection(stiefel=svd)` for `svd`: the only record with a setting that takes the word."""
    settings = [
        f"{record.word}({name}={word})"
        for record in dict.fromkeys(table.values())
        for name, field in record.model_fields.items()
        for option in options_of(field.annotation)
        if get_origin(option) is Literal and word in get_args(option)
    ]
    return settings[0] if len(settings) == 1 else ""


_OPTIMIZERS = dict.fromkeys(
    ("adam", "adamw", "sgd", "lbfgs", "rmsprop"), "an optimizer stands in `fit(optimizer={})`"
)
_METHODS = dict.fromkeys(
    ("augmented_lagrangian", "lagrangian", "admm", "exact_penalty", "sqp", "projection", "penalty"),
    "a method stands in a line of its own: `using {}`",
)
_ELSEWHERE = {"method": _OPTIMIZERS, "optimizer": _METHODS}
"""Words that are right in another line."""


def unknown_word(word: str, span: Span, table: Table, noun: str) -> Diagnostic:
    """`lagrangean`, `mnsit`."""
    guess = known_word(word, table, noun)
    fixes = replacing(span, guess)
    plural = f"{noun}s" if noun[-1] != "y" else f"{noun[:-1]}ies"
    helps = [f"did you mean `{guess}`?"] if guess else []
    if not guess and noun not in _USUAL:
        helps = [f"one of {listing(table)}"]
    elsewhere = _ELSEWHERE.get(noun, {}).get(word.lower())
    if elsewhere:
        helps = [elsewhere.format("adam" if word.lower() == "rmsprop" else word)]
    if not guess and not elsewhere and noun in _USUAL:
        helps = [_USUAL[noun], *helps]
    if noun == "method" and word in DUALS:
        helps = [f"it is a dual step: write `lagrangian(dual={word})`, with its settings there"]
        if word in _OPTIMIZERS:
            helps.insert(0, f"of the model it is an optimizer: `fit(optimizer={word})`")
    elif noun == "method" and (setting := _setting_with(word, table)):
        helps = [f"it is what a setting says: write `{setting}`"]
        fixes = replacing(span, setting)
    elif noun == "method" and word in SET_WORDS:
        helps = [f"it is a set: write `in {word}` in place of `by {word}`"]
    if noun == "model" and word.lower() in _COPIES:
        helps = ["a copy that never moves is `frozen(...)`, with the model in the brackets"]
    elif not guess and noun in _HOW:
        own = 0 if noun == "model" and word[:1].isupper() else len(helps)  # a class of one's own
        helps.insert(own, _HOW[noun].format(word=word))
    said = f"unknown {noun} `{word}`"
    label = f"no {noun} of this name"
    note = f"{plural}: {', '.join(table)}"
    return finding("CS501", said, span, label, notes=(note,), helps=helps, fixes=fixes)


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


_DENSE = frozenset({"linear", "dense"})


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
    linear = [layer for layer, word in zip(layers, words, strict=True) if word in _DENSE]
    known = {*_DENSE, "input", "flatten", "dropout", "softmax", "logsoftmax"} | _ACTS.keys()
    if not linear or len(layers) != len(parts) or not set(words) <= known:
        return None
    widths = [layer.arguments[-1] for layer in linear[:-1] if layer.arguments]
    if not all(isinstance(width, Number) for width in widths):
        return None
    shown = ", ".join(f"{width.value:g}" for width in widths if isinstance(width, Number))
    words += [k.value.value for la in linear for k in la.keywords if isinstance(k.value, String)]
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


def known_setting(cls: type[Settings], word: str) -> str | None:
    """The setting that another library's word, or a typing mistake, most likely means."""
    return other_word(cls, word) or closest(word, cls.model_fields)


def other_word(cls: type[Settings], word: str) -> str | None:
    """The setting that another library calls so."""
    for ours, others in SETTING_WORDS.items():
        if ours in cls.model_fields and word.lower() in others:
            return ours
    return None


def unknown_setting(
    cls: type[Settings], keyword: Keyword, source: Source, given: frozenset[str] = frozenset()
) -> Diagnostic:
    """A setting that the word does not take; `given` are those that stand beside it."""
    known = tuple(cls.model_fields)
    guess = other_word(cls, keyword.name)
    inner = None if guess else _inner(cls, keyword, source) or _of_optimizer(cls, keyword, source)
    guess = guess or (None if inner else closest(keyword.name, cls.model_fields))
    span, label = keyword.name_span, "unknown setting"
    said = f"`{cls.word}` has no setting `{keyword.name}`"
    line, fixes = "", replacing(span, guess)
    if guess == "hidden" and isinstance(keyword.value, Number) and keyword.value.value < 16:
        count = int(keyword.value.value)
        layers = f"hidden=[{', '.join([_width(source)] * count)}]"
        note = f"`hidden` lists the width of each hidden layer, here of {count}"
        listed = re.search(r"\bhidden[ \t]*=[ \t]*\[([^\]\n]*)\]", source.text)
        twice = "hidden" in given and listed is not None and listed[1].count(",") + 1 == count
        place = _with_comma(keyword, source) if twice else keyword.span
        help_ = f"remove `{keyword.name}`: `hidden` says it" if twice else f"write `{layers}`"
        fixes = edit(place, "" if twice else layers, note)
        return finding("CS502", said, span, label, notes=(note,), helps=(help_,), fixes=fixes)
    if inner and inner.partition("=")[0] not in given:
        fixes = replacing(keyword.span, inner)
    if not fixes and not inner and not (line := _line_of_its_own(cls, keyword, source)):
        fixes = edit(_with_comma(keyword, source), "", "remove it")
    takes = listing(known, "and") if known else "no settings"
    notes = (f"`{cls.word}` takes {takes}", *_follows(cls, keyword.name))
    help_ = _inside(inner, given, source) if inner else line or f"remove `{keyword.name}`"
    help_ = f"did you mean `{guess}`?" if guess else help_
    return finding("CS502", said, span, label, notes=notes, helps=(help_,), fixes=fixes)


_SIZES = frozenset({
    "inputs", "in_features", "input_dim", "input_size", "n_inputs", "in_channels", "in_dim",
    "outputs", "out_features", "output_dim", "output_size", "n_outputs", "out_channels", "out_dim",
    "classes", "n_classes", "num_classes",
})  # fmt: skip
"""Sizes of a model in other libraries, which a spec never says."""


def _follows(cls: type[Settings], word: str) -> tuple[str, ...]:
    """Where a size comes from that other libraries ask for."""
    if word.lower() not in _SIZES or not {"hidden", "bias"} & cls.model_fields.keys():
        return ()
    return ("inputs follow the data, outputs the loss and the use: `f(x)[2]` makes three of them",)


def _line_of_its_own(cls: type[Settings], keyword: Keyword, source: Source) -> str:
    """`fit(early_stopping=5)`: what is said in a line of its own, and goes here."""
    if keyword.name.lower() not in PATIENCE or "optimizer" not in cls.model_fields:
        return ""
    count = source.slice(keyword.value.span) if isinstance(keyword.value, Number) else "5"
    return f"it is a line of its own, `stop when stalled(epochs={count})`; remove it here"


def _width(source: Source) -> str:
    """The width that stands beside a number of layers, else a usual one."""
    given = re.search(r"\bhidden[ \t]*=[ \t]*\[?[ \t]*(\d+)[ \t]*\]?[ \t]*[,)]", source.text)
    return given[1] if given else "64"


def _of_optimizer(cls: type[Settings], keyword: Keyword, source: Source) -> str | None:
    """`momentum=0.9` in `fit`, where the optimizer that stands there takes it."""
    if keyword.name in _SHARES and "split" in cls.model_fields:
        share = keyword.value.value if isinstance(keyword.value, Number) else 0.0
        first = keyword.name.startswith("train")
        shares = (share, 1 - share) if first else (1 - share, share)
        whole = ", ".join(number(round(part, 12)) for part in shares)
        return f"split=[{whole}]" if 0 < share < 1 else None
    found = re.search(r"\boptimizer[ \t]*=[ \t]*(\w+)(?:\(([^()\n]*)\))?", source.text)
    record = OPTIMIZERS.get(found[1]) if found else None
    named = "optimizer" in cls.model_fields and record is not None
    if not named or found is None or record is None or keyword.name not in record.model_fields:
        return None
    settings = f"{found[2]}, " if found[2] else ""
    return f"optimizer={found[1]}({settings}{keyword.name}={source.slice(keyword.value.span)})"


_SHARES = frozenset({
    "test_size", "val_size", "valid_size", "validation_split", "test_split", "val_split",
    "test_share", "train_size", "train_split", "train_share", "test_fraction", "val_fraction",
})  # fmt: skip
"""The share of one of two data sets in other libraries."""


def _inside(inner: str, given: frozenset[str], source: Source) -> str:
    """`write `schedule=cosine(warmup=5)``, with the word that stands there already."""
    name, _, rest = inner.partition("=")
    word = re.search(rf"\b{re.escape(name)}[ \t]*=[ \t]*\"?([A-Za-z_]\w*)", source.text)
    if name in given and word and word[1] not in rest:
        return f"write `{name}={word[1]}{rest[rest.index('(') :]}`"
    return f"write `{inner}`"


def _with_comma(keyword: Keyword, source: Source) -> Span:
    """A setting with the comma that goes with it."""
    text, (start, end) = source.text, keyword.span
    before = len(text[:start].rstrip())
    if text[:before].endswith(","):
        return Span(before - 1, end)
    after = text[end:].lstrip()
    if after.startswith(","):
        rest = after[1:].lstrip()
        return Span(start, len(text) - len(rest))
    return keyword.span


def _inner(cls: type[Settings], keyword: Keyword, source: Source) -> str | None:
    """`fit(lr=0.1)`: a setting of a record that is a setting itself."""
    for name, field in cls.model_fields.items():
        listed = isinstance(field.default, tuple)
        default = next(iter(field.default), None) if listed else field.default
        setting = _setting_of(type(default), keyword) if isinstance(default, Settings) else None
        if isinstance(default, Settings) and setting:
            return f"{name}={default.word}({setting}={source.slice(keyword.value.span)})"
    if "dual" in cls.model_fields:
        found = ((word, _setting_of(record, keyword)) for word, record in DUALS.items())
        word, setting = next((pair for pair in found if pair[1]), ("", None))
        value = source.slice(keyword.value.span)
        return f"dual={word}({setting}={value})" if setting else None
    return None


def _setting_of(record: type[Settings], keyword: Keyword) -> str | None:
    return keyword.name if keyword.name in record.model_fields else other_word(record, keyword.name)
