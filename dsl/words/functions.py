"""The functions and sets of the language: one table for checks, lists, docs and bodies.

Bodies live in `runtime/functions` and `runtime/operators` under the same words. A test compares
the two, and the ranges, monotonicity and gradients stated here are checked numerically there.
"""

import math
from typing import Literal, NamedTuple

from cspec.dsl.words.kind import What
from cspec.dsl.words.losses import LOSS_WORDS, LossWord
from cspec.dsl.words.sets import SET_WORDS

INF = math.inf
Result = Literal[
    "number", "example", "like", "reduce", "scores", "labels", "tensor", "set", "value", "event"
]
"""How the kind of a result follows: `like` the joined arguments, `reduce` a tensor or groups to
a number, `example` one number an example, else the kind itself."""


class Parameter(NamedTuple):
    """One argument: its name, the kinds it takes, whether it may be left out, its range.

    `whole` arguments are whole numbers; `below` ones lie below `high`.
    """

    name: str
    kinds: frozenset[What]
    required: bool = True
    low: float = -INF
    high: float = INF
    choices: tuple[float, ...] = ()
    keyword: bool = False
    whole: bool = False
    below: bool = False


class Signature(NamedTuple):
    """A function: what it takes, what it gives, and what is known about it.

    `range` bounds the result. `monotone` says for each argument +1 (non-decreasing), -1
    (non-increasing) or 0 (neither). `gradient` is false where the result is constant almost
    everywhere. `surrogate` is the differentiable stand-in used by default.
    """

    name: str
    family: str
    parameters: tuple[Parameter, ...]
    result: Result
    doc: str
    range: tuple[float, float] = (-INF, INF)
    monotone: tuple[int, ...] = ()
    gradient: bool = True
    variadic: bool = False
    surrogate: str | None = None
    imported: bool = False


_NUMBER: frozenset[What] = frozenset(
    {"number", "scores", "labels", "column", "value", "tensor", "unknown"}
)
_REDUCIBLE: frozenset[What] = _NUMBER.union(("groups", "weights"))
_ENTRYWISE: frozenset[What] = _NUMBER | {"groups"}
"""What a function is taken of entry by entry: of each group's number, too."""
_SCORES: frozenset[What] = frozenset({"scores", "number", "tensor", "column", "unknown"})
_LABELS: frozenset[What] = frozenset({"column", "number", "labels", "scores", "value", "unknown"})
_WEIGHT: frozenset[What] = frozenset({"tensor", "weights", "number", "unknown"})
_MATRIX: frozenset[What] = _WEIGHT - {"weights"}
"""One weight: a list of weights is read as one vector, which is no matrix."""
_MODEL: frozenset[What] = frozenset({"model", "unknown"})
_SIZED: frozenset[What] = _MODEL | {"weights", "tensor"}
_PLAIN: frozenset[What] = frozenset({"number", "unknown"})


def _p(
    name: str, kinds: frozenset[What] = _NUMBER, required: bool = True, **extra: object
) -> Parameter:
    return Parameter(name, kinds, required, **extra)  # type: ignore[arg-type]


def _loss(loss: LossWord) -> Signature:
    parameters = (_p("outputs", _SCORES), _p("targets", _LABELS))
    return Signature(loss.word, "loss", parameters, "example", loss.doc, (loss.low, INF))


def _elementary(
    name: str, doc: str, low: float = -INF, high: float = INF, monotone: int = 0, **extra: bool
) -> Signature:
    gradient = extra.get("gradient", True)
    x, turns = (_p("x", _ENTRYWISE),), (monotone,)
    return Signature(name, "elementary", x, "like", doc, (low, high), turns, gradient)


def _weight(name: str, doc: str, kinds: frozenset[What] = _WEIGHT) -> Signature:
    return Signature(name, "weights", (_p("w", kinds),), "number", doc, (0, INF))


def _matrix(name: str, doc: str, result: Result) -> Signature:
    return Signature(name, "matrices", (_p("A", _MATRIX | _SCORES),), result, doc)


def _entries(name: str, doc: str, low: float = -INF, monotone: int = 0) -> Signature:
    """A number made of the entries of a tensor, of an example, or of the groups."""
    parameters = (_p("v", _REDUCIBLE),)
    return Signature(name, "reduction", parameters, "reduce", doc, (low, INF), (monotone,))


def _size(name: str, doc: str, high: float = INF, kinds: frozenset[What] = _MODEL) -> Signature:
    of = (_p("model", kinds),)
    return Signature(name, "model", of, "number", doc, (0, high), surrogate="gates")


def _set(name: str, doc: str, *parameters: Parameter, variadic: bool = False) -> Signature:
    return Signature(name, "set", parameters, "set", doc, variadic=variadic)


_ANY: frozenset[What] = frozenset(
    {"number", "column", "value", "tensor", "scores", "labels", "string", "unknown", "dataset"}
)


def _on() -> Parameter:
    return _p("on", frozenset({"dataset", "unknown"}), False, keyword=True)


_VECTOR: frozenset[What] = frozenset({"tensor", "set", "unknown"})
_EVENT: frozenset[What] = frozenset({"event", "column", "unknown"})
_WHICH = _p("where", _EVENT, False, keyword=True)
"""Which examples count."""
_COLUMN: frozenset[What] = frozenset({"column", "unknown"})
_GROUPS: frozenset[What] = frozenset({"groups", "tensor", "unknown"})


def _of_event(name: str, doc: str) -> Signature:
    return Signature(name, "events", (_p("event", _EVENT),), "event", doc, (0, 1))


def _of_groups(name: str, doc: str, high: float) -> Signature:
    return Signature(name, "groups", (_p("v", _GROUPS),), "number", doc, (0, high))


def _risk(name: str, doc: str, share: str, below: bool = False) -> Signature:
    parameters = (_p("values"), _p(share, _PLAIN, low=0, high=1, below=below), _WHICH)
    return Signature(name, "risk", parameters, "number", doc, monotone=(1, 1))


def _derivative(name: str, doc: str) -> Signature:
    return Signature(name, "derivative", (_p("u"), _p("x")), "like", doc, variadic=True)


PREDICTIONS = frozenset({"pred", "argmax"})
"""Functions whose value is the number of a class: the one of the largest output."""

_TABLE: tuple[Signature, ...] = (
    *(_loss(record) for record in LOSS_WORDS.values()),
    _size("density", "share of non-zero entries: of a model's prunable set, a weight", 1, _SIZED),
    _size("params", "number of non-zero parameters"),
    _size("flops", "multiply-adds of a forward pass of one example, times 2"),
    _size("bytes", "bytes of the non-zero parameters"),
    _weight("l1", "sum of absolute entries: norm(w, 1)", _REDUCIBLE),
    _weight("l2", "Euclidean norm of the entries, not squared: norm(w, 2)", _REDUCIBLE),
    _weight("sumsq", "sum of squared entries", _REDUCIBLE),
    Signature(
        "norm",
        "weights",
        (_p("v", _REDUCIBLE), _p("p", _PLAIN, low=1)),
        "number",
        "entry-wise p-norm; p may be inf",
        (0, INF),
    ),
    _weight("spectral", "largest singular value; as a set `spectral(r)`: at most r", _MATRIX),
    _weight("nuclear", "sum of the singular values; as a set `nuclear(r)`: at most r", _MATRIX),
    Signature("prob", "classifier", (_p("z", _SCORES),), "scores", "probabilities", (0, 1)),
    Signature(
        "pred",
        "classifier",
        (_p("z", _SCORES),),
        "labels",
        "the class with the largest output (binary: output > 0)",
        (0, INF),
        gradient=False,
        surrogate="sigmoid",
    ),
    Signature(
        "margin",
        "classifier",
        (_p("z", _SCORES), _p("k", _LABELS | {"string"})),
        "example",
        "z[k] minus the largest other output, of one logit z or -z; k a class or label, or several",
        variadic=True,
    ),
    Signature(
        "sigmoid",
        "elementary",
        (_p("x"),),
        "like",
        "1 / (1 + exp(-x)); as a surrogate: of events, `sigmoid(temperature=1)`",
        (0, 1),
        (1,),
    ),
    Signature(
        "softmax", "elementary", (_p("x", _SCORES),), "like", "exp(x) / sum(exp(x))", (0, 1), (0,)
    ),
    _elementary("in_units", "4 x / mean |x| over the examples at hand, which is held", monotone=1),
    _elementary("relu", "max(x, 0)", 0, INF, 1),
    _elementary("softplus", "log(1 + exp(x))", 0, INF, 1),
    _elementary("exp", "e to the power x", 0, INF, 1),
    _elementary("log", "natural logarithm", -INF, INF, 1),
    _elementary("sqrt", "square root", 0, INF, 1),
    _elementary("sin", "sine of radians", -1, 1),
    _elementary("cos", "cosine of radians", -1, 1),
    _elementary("tan", "tangent of radians"),
    _elementary("tanh", "hyperbolic tangent", -1, 1, 1),
    _elementary("sinh", "hyperbolic sine", -INF, INF, 1),
    _elementary("cosh", "hyperbolic cosine", 1, INF),
    _elementary("expm1", "exp(x) - 1, exact near 0", -1, INF, 1),
    _elementary("log1p", "log(1 + x), exact near 0", -INF, INF, 1),
    _elementary("erf", "error function", -1, 1, 1),
    _elementary("arcsin", "inverse of sin", -math.pi / 2, math.pi / 2, 1),
    _elementary("arccos", "inverse of cos", 0, math.pi, -1),
    _elementary("arctan", "inverse of tan", -math.pi / 2, math.pi / 2, 1),
    _elementary("abs", "absolute value", 0, INF),
    _elementary("sign", "-1, 0 or 1", -1, 1, 1, gradient=False),
    _elementary("floor", "largest whole number of at most x", -INF, INF, 1, gradient=False),
    Signature(
        "clip",
        "elementary",
        (_p("x", _ENTRYWISE), _p("lo"), _p("hi")),
        "like",
        "min(max(x, lo), hi)",
        monotone=(1, 1, 1),
    ),
    Signature(
        "where",
        "elementary",
        (_p("event", _EVENT), _p("a"), _p("b")),
        "like",
        "a where the event holds, else b; both are computed",
    ),
    Signature("min", "reduction", (_p("v", _REDUCIBLE),), "reduce", "the smallest", variadic=True),
    Signature("max", "reduction", (_p("v", _REDUCIBLE),), "reduce", "the largest", variadic=True),
    Signature("sum", "reduction", (_p("v", _REDUCIBLE),), "reduce", "the sum of the entries"),
    _entries("mean", "the mean of the entries (over examples: `E[...]`)", monotone=1),
    _entries("variance", "mean squared distance of the entries from their mean (by n)", 0),
    _entries("std", "square root of the variance of the entries", 0),
    _entries("median", "middle entry in order; of an even number the mean of the two", monotone=1),
    Signature(
        "topk",
        "reduction",
        (_p("v"), _p("k", _PLAIN, low=1, whole=True)),
        "like",
        "the k largest entries, largest first",
        monotone=(1, 0),
    ),
    Signature(
        "argmax",
        "reduction",
        (_p("v"),),
        "number",
        "place of the largest entry, the first of equal ones",
        (0, INF),
        gradient=False,
    ),
    Signature("cumsum", "reduction", (_p("v"),), "like", "sums of the first 1, 2, ... entries"),
    Signature("dot", "reduction", (_p("a"), _p("b")), "number", "sum of products: `a @ b`"),
    Signature(
        "entropy",
        "information",
        (_p("p", _ENTRYWISE),),
        "reduce",
        "-sum(p log p) of probabilities, in nats; of one number p: of (p, 1 - p)",
    ),
    Signature(
        "kl",
        "information",
        (_p("p", _ENTRYWISE), _p("q", _ENTRYWISE)),
        "number",
        "sum(p (log p - log q)) of probabilities, in nats; of numbers: of (p, 1 - p), (q, 1 - q)",
    ),
    _matrix("trace", "sum of the diagonal of a square matrix", "number"),
    _matrix("det", "determinant of a square matrix", "number"),
    _matrix("logdet", "log of the determinant where it is positive, else not a number", "number"),
    _matrix("inv", "inverse of a square matrix", "like"),
    _matrix("expm", "matrix exponential of a square matrix", "like"),
    _matrix("diag", "diagonal of a matrix; of a vector the matrix with that diagonal", "like"),
    _of_event("all", "whether it holds at every entry"),
    _of_event("any", "whether it holds at some entry"),
    Signature(
        "pow",
        "elementary",
        (_p("x", _ENTRYWISE), _p("p", _PLAIN)),
        "like",
        "x to the power p, also written x^p",
    ),
    _of_groups("gap", "largest minus smallest entry over the groups", INF),
    _of_groups("ratio", "smallest over largest entry over the groups", 1),
    _risk("cvar", "mean of the worst (1 - level) share of the examples", "level", below=True),
    _risk("quantile", "the q-quantile over the examples", "q"),
    _derivative("diff", "derivative of u by x; diff(u, x, x) is the second one"),
    _derivative("laplacian", "sum of the second derivatives of u by each variable named"),
    Signature("grad", "derivative", (_p("expr"), _p("x")), "tensor", "gradient of expr by x"),
    Signature(
        "eye", "weights", (_p("n", _PLAIN, False, low=1, whole=True),), "tensor", "identity matrix"
    ),
    Signature(
        "frozen",
        "model",
        (_p("model", _MODEL),),
        "value",
        "a copy at the start that never moves",
        gradient=False,
    ),
    Signature(
        "ramp",
        "bound",
        (
            _p("first", _PLAIN),
            _p("last", _PLAIN),
            _p("epochs", _PLAIN, False, low=1, keyword=True),
            _p("steps", _PLAIN, False, low=1, keyword=True),
        ),
        "number",
        "a bound that moves from first to last over epochs, steps or else the whole run; verdicts "
        "use the last value",
        gradient=False,
    ),
    Signature(
        "violation",
        "metric",
        (_p("label", _ANY), _on()),
        "number",
        "in metrics: how far a requirement is from being met, 0 where it holds",
        (0, INF),
        gradient=False,
    ),
    Signature(
        "violations",
        "metric",
        (_on(),),
        "tensor",
        "in metrics: the violation of each requirement, a vector",
        (0, INF),
        gradient=False,
    ),
    Signature(
        "initial",
        "metric",
        (_p("expr", _ANY),),
        "like",
        "in metrics: the value of an expression before the first step",
        gradient=False,
    ),
    _set("nonneg", "entries of at least 0"),
    _set("simplex", "entries of at least 0 that sum to 1, each row of (outputs, rest)"),
    _set("sphere", "Euclidean norm 1, each row of (outputs, rest)"),
    _set(
        "ball",
        "norm of at most r; ball(x, r, norm=inf) is around x",
        _p("center", _ANY, False),
        _p("r", _PLAIN, low=0),
        Parameter("norm", frozenset({"number"}), True, 1, INF, (1, 2, INF), keyword=True),
        Parameter("solver", frozenset({"function"}), False, keyword=True),
    ),
    _set("stiefel", "V.T @ V == eye, V the weight as (outputs, rest), transposed if wide"),
    _set("symmetric", "W == W.T"),
    _set("psd", "symmetric, no negative eigenvalue"),
    _set("rank", "rank of at most r", _p("r", _PLAIN, low=1, whole=True)),
    _set("sparse", "share of non-zero entries of at most p", _p("p", _PLAIN, low=0, high=1)),
    _set(
        "channels",
        "share of non-zero rows of (outputs, rest), the channels or units, of at most p",
        _p("p", _PLAIN, low=0, high=1),
    ),
    _set(
        "nm",
        "at most n non-zero of each m",
        _p("n", _PLAIN, low=1, whole=True),
        _p("m", _PLAIN, low=1, whole=True),
    ),
    _set(
        "grid",
        "integer multiples of one step a tensor, of so many bits",
        _p("bits", _PLAIN, low=1, high=32, whole=True),
    ),
    _set("monotone", "entries that do not decrease, each row of (outputs, rest)"),
    _set("values", "the values of a categorical column", _p("column", _COLUMN)),
    _set(
        "cross", "the combinations of the values of columns", _p("column", _COLUMN), variadic=True
    ),
    _set("pairs", "pairs of examples", _p("data", frozenset({"dataset", "unknown"}))),
    _set("range", "0, 1, ... n - 1", _p("n", _PLAIN, low=1, whole=True)),
    _set("box", "a product of intervals", _p("axis", _VECTOR), variadic=True),
    _set("normal", "normal distribution", _p("m", _PLAIN), _p("s", _PLAIN, low=0)),
    _set("uniform", "uniform distribution", _p("lo", _PLAIN), _p("hi", _PLAIN)),
    _set("sample", "points of a domain or distribution: `q.sample(200)`", _p("n", _PLAIN, low=1)),
)

SIGNATURES: dict[str, Signature] = {signature.name: signature for signature in _TABLE}
"""Every function and set by name."""

DERIVATIVES: frozenset[str] = frozenset(s.name for s in _TABLE if s.family == "derivative")
"""`diff`, `grad`, `laplacian`: the first argument is derived by the others."""

BOTH: frozenset[str] = frozenset(s.name for s in _TABLE if s.family != "set") & SET_WORDS.keys()
"""Functions that are sets as well: `spectral(W) <= 1` is `W in spectral(1)`."""

OF_MATRICES: frozenset[str] = BOTH | {s.name for s in _TABLE if s.family == "matrices"}
"""Functions that read a kernel as (outputs, rest)."""

SETS: frozenset[str] = frozenset(s.name for s in _TABLE if s.family == "set") | BOTH
"""Words that stand behind `in`."""

STRUCTURE: frozenset[str] = frozenset(
    word for word in SETS & SET_WORDS.keys() if not SET_WORDS[word].points
)
"""Sets of parameters: what `W in SET` may name."""

OF_MEMBERS: tuple[str, ...] = ("gap", "ratio", "mean", "std")
"""Functions of a vector that go over a set, too: `gap(e for i in S)` is that of the members."""

SURROGATE_SETTINGS: dict[str, tuple[str, ...]] = {
    "sigmoid": ("temperature",),
    "hinge": (),
    "logistic": (),
    "ramp": ("width",),
    "product": (),
    "dl2": (),
}
"""Settings of the named surrogates."""

SURROGATES: tuple[str, ...] = tuple(SURROGATE_SETTINGS)
"""Stand-ins that `with surrogate` takes by name, besides expressions."""
