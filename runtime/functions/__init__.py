"""Torch bodies of the language's functions, by their names in the language."""

from collections.abc import Callable

from torch import Tensor

from cspec.runtime.functions.branches import implies, truth
from cspec.runtime.functions.calculus import diff, feature_slope, followed, grad, laplacian, tracked
from cspec.runtime.functions.classification import (
    class_prob,
    label_chance,
    label_prob,
    margin,
    pred,
    prob,
)
from cspec.runtime.functions.draws import mean_over_draws
from cspec.runtime.functions.elementary import (
    absolute,
    arccos,
    arcsin,
    arctan,
    as_tensor,
    clip,
    cos,
    cosh,
    erf,
    exp,
    expm1,
    floor,
    in_units,
    log,
    log1p,
    maximum,
    minimum,
    power,
    relu,
    sigmoid,
    sign,
    sin,
    sinh,
    softplus,
    sqrt,
    tan,
    tanh,
    where,
)
from cspec.runtime.functions.entries import (
    argmax,
    cumsum,
    dot,
    entries_mean,
    entries_median,
    entries_std,
    entries_variance,
    entropy,
    kl,
    topk,
)
from cspec.runtime.functions.examples import (
    as_number,
    broken_or_room,
    entry,
    filled,
    group_index,
    mean_violation,
    one_each,
    only,
    own_entry,
    per_example,
    recoded,
    side_by_side,
    spread,
)
from cspec.runtime.functions.losses import bce, ce, hinge, huber, mae, mse, nll
from cspec.runtime.functions.matrices import det, diag, expm, inv, logdet, trace
from cspec.runtime.functions.members import (
    Numbers,
    at_places,
    by_member,
    member_index,
    members,
    of_members,
    row_means,
)
from cspec.runtime.functions.norms import as_matrix, l1, l2, norm, nuclear, spectral, sumsq
from cspec.runtime.functions.operations import Operations, Uncounted, flops, operations
from cspec.runtime.functions.points import at_a_point, of_one
from cspec.runtime.functions.reductions import example_all, example_any
from cspec.runtime.functions.shapes import ShapeMismatch
from cspec.runtime.functions.sparsity import bytes_, density, expected_density, params, prunable
from cspec.runtime.functions.statistics import (
    by_group,
    every_group,
    fraction,
    gap,
    if_measured,
    mean,
    quotient,
    ratio,
    standard_error,
    sum_and_count,
)
from cspec.runtime.functions.tails import cvar, quantile
from cspec.runtime.functions.tensors import (
    added,
    array,
    eye,
    parameter,
    repeated,
    softmax,
    total,
    violations,
)
from cspec.runtime.functions.worst_case import at_worst

_BY_THEIR_WORDS: tuple[Callable[..., Tensor], ...] = (
    *(ce, bce, mse, mae, nll, huber, hinge),
    *(prob, pred, margin, gap, ratio, cvar, quantile),
    *(norm, l1, l2, sumsq, spectral, nuclear),
    *(density, params, flops),
    *(diff, laplacian, grad),
    *(exp, expm1, log, log1p, sqrt, sin, cos, tan, arcsin, arccos, arctan, sinh, cosh, tanh),
    *(sigmoid, softmax, softplus, in_units, relu, erf, absolute, sign, floor, clip, where),
    *(topk, argmax, cumsum, dot, entropy, kl),
    *(trace, det, logdet, inv, expm, diag, eye),
)
FUNCTIONS: dict[str, Callable[..., Tensor]] = {
    **{function.__name__: function for function in _BY_THEIR_WORDS},
    "bytes": bytes_,
    "mean": entries_mean,
    "variance": entries_variance,
    "std": entries_std,
    "median": entries_median,
    "sum": total,
    "all": example_all,
    "any": example_any,
    "max": maximum,
    "min": minimum,
    "pow": power,
}
"""Functions of the language, by their names there, to their torch bodies."""

__all__ = [
    "FUNCTIONS",
    "Numbers",
    "Operations",
    "ShapeMismatch",
    "Uncounted",
    "added",
    "array",
    "as_matrix",
    "as_number",
    "as_tensor",
    "at_a_point",
    "at_places",
    "at_worst",
    "broken_or_room",
    "by_group",
    "by_member",
    "class_prob",
    "entry",
    "every_group",
    "expected_density",
    "feature_slope",
    "filled",
    "followed",
    "fraction",
    "group_index",
    "if_measured",
    "implies",
    "label_chance",
    "label_prob",
    "mean",
    "mean_over_draws",
    "mean_violation",
    "member_index",
    "members",
    "of_members",
    "of_one",
    "one_each",
    "only",
    "operations",
    "own_entry",
    "parameter",
    "per_example",
    "prunable",
    "quotient",
    "recoded",
    "repeated",
    "row_means",
    "side_by_side",
    "spread",
    "standard_error",
    "sum_and_count",
    "tracked",
    "truth",
    "violations",
]
"""The words above are imported by name as well; here is what emitted modules call beside them."""
