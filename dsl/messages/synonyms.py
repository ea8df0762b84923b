"""Words that other libraries and papers use, and how the language says them."""

import re
from collections.abc import Collection, Container, Iterable
from difflib import get_close_matches
from typing import NamedTuple


class Meant(NamedTuple):
    """What to write, and the word itself where one word replaces the other."""

    help: str
    word: str | None = None


_WORDS: dict[str, tuple[str, ...]] = {
    "ce": (
        "cross_entropy", "crossentropy", "crossentropyloss", "cross_entropy_loss", "xent",
        "softmax_cross_entropy", "categorical_crossentropy", "log_loss", "logloss",
    ),
    "bce": (
        "binary_cross_entropy", "binary_crossentropy", "bceloss", "bcewithlogitsloss",
        "binary_cross_entropy_with_logits",
    ),
    "mse": ("mean_squared_error", "mseloss", "mse_loss", "l2_loss", "squared_error"),
    "mae": ("mean_absolute_error", "maeloss", "l1loss", "l1_loss", "absolute_error"),
    "huber": ("smooth_l1", "smooth_l1_loss", "huber_loss", "huberloss", "smoothl1loss"),
    "nll": ("nll_loss", "nllloss", "negative_log_likelihood"),
    "hinge": ("hinge_loss", "hingeloss", "svm"),
    "l2": (
        "frobenius", "fro", "frobenius_norm", "fro_norm", "frob", "l2norm", "l2_norm", "norm2",
        "euclidean",
    ),
    "l1": ("l1norm", "l1_norm", "norm1", "lasso"),
    "sumsq": ("l2_squared", "squared_norm", "sum_of_squares", "weight_decay"),
    "stiefel": ("orthogonal", "orthonormal", "orthogonality"),
    "nonneg": ("nonnegative", "non_negative", "positive"),
    "rank": ("low_rank", "lowrank"),
    "params": (
        "num_params", "nparams", "n_params", "num_parameters", "parameter_count", "numel", "nnz",
        "count_nonzero", "count_nonzeros", "n_nonzero", "n_nonzeros", "num_nonzero",
        "num_nonzeros", "nonzeros", "nonzero", "l0", "l0_norm", "count_params", "n_parameters",
        "number_of_parameters", "total_params", "param_count", "count_parameters", "nonzero_count",
    ),
    "flops": ("macs", "flop", "operations"),
    "pred": ("prediction", "predictions", "predicted", "y_pred", "yhat", "y_hat"),
    "spectral": (
        "spectral_norm", "operator_norm", "opnorm", "op_norm", "sigma_max", "max_sigma", "sigma_1",
        "sigma1", "largest_singular_value", "max_singular_value", "top_singular_value",
        "largest_sv", "max_sv", "singular_value", "specnorm", "spec_norm",
    ),
    "nuclear": ("nuclear_norm", "trace_norm", "nuc_norm", "nucnorm", "nuc", "schatten1"),
    "ratio": ("disparate_impact",),
    "inf": ("infinity", "oo"),
    "pi": ("\u03c0",),
    "log": ("ln",),
    "exp": ("exponential",),
    "mean": ("mittelwert", "mittel", "moyenne", "promedio", "media"),
    "arctan": ("atan",),
    "arcsin": ("asin",),
    "arccos": ("acos",),
    "min": ("minimum", "amin"),
    "max": ("maximum", "amax"),
    "pow": ("power",),
    "psd": ("positive_semidefinite", "semidefinite"),
    "sparse": ("topk", "top_k", "k_sparse"),
    "channels": ("channel_sparse", "row_sparse", "group_sparse", "rows", "filters", "structured"),
    "simplex": ("probability_simplex",),
    "frozen": ("deepcopy", "copy", "freeze", "detach"),
    "range": ("arange",),
    "values": ("unique", "levels", "distinct", "categories"),
    "eye": ("identity",),
    "cvar": ("expected_shortfall", "superquantile"),
}  # fmt: skip
"""Our word, and what it is called elsewhere (in small letters)."""

_FORMS: dict[str, tuple[str, ...]] = {
    "the share of right predictions is `P[pred == y]`": ("accuracy", "acc"),
    "the share of wrong predictions is `P[pred != y]`": ("error_rate", "error", "err"),
    "90% sparsity is `density(net) <= 10%`": ("sparsity", "sparseness"),
    "name the loss: `ce` for classes, `bce` for two, `mse` or `mae` for numbers": (
        "loss", "objective", "cost", "risk",
    ),
    "a mean over the data is `E[...]`": ("avg", "average", "expectation", "expected"),
    "a fraction of the data is `P[...]`": ("pr", "probability", "rate", "fraction", "freq"),
    "parity of rates is `gap(P[pred == 1 | column]) <= 5%`": (
        "demographic_parity", "statistical_parity", "parity", "dp", "disparity",
    ),
    "true-positive rates are `P[pred == 1 | y == 1 and column == a]`": (
        "tpr", "recall", "equal_opportunity", "equalized_odds", "sensitivity",
    ),
    "an area under a curve is no rate of its examples; require rates, such as"
    " `P[pred == 1 | y == 1] >= 80%` and `P[pred == 1 | y == 0] <= 10%`": (
        "auc", "roc_auc", "roc_auc_score", "auroc", "average_precision", "auprc",
        "average_precision_score", "pr_auc", "roc",
    ),
    "false-positive rates are `P[pred == 1 | y == 0]`": ("fpr", "false_positive_rate"),
    "precision is `P[y == 1 | pred == 1]`": ("precision", "ppv"),
    "the logarithm of the probabilities is `log(softmax(z))`": ("log_softmax", "logsoftmax"),
    "the logarithm of a sum of exponentials is `log(sum(exp(z)))`": ("logsumexp", "log_sum_exp"),
    "each example's own class is chosen by an index: `prob[y]`, `f(x)[y]`": (
        "onehot", "one_hot", "gather",
    ),
    "a product of entries above 0 is `exp(sum(log(v)))`": ("prod", "product", "cumprod"),
    "the positive part of x is `max(x, 0)`": ("relu", "pos", "positive_part"),
    "the pinball loss of the 90% quantile is `max(0.9*(y - f(x)), 0.1*(f(x) - y))`": (
        "pinball", "pinball_loss", "quantile_loss", "mean_pinball_loss", "check_loss",
    ),
    "entries that begin at one number: `var x[3] = 0`": (
        "zeros", "ones", "zeros_like", "ones_like", "full", "fill", "repeat", "rep",
    ),
    "a penalty on the weights is `sumsq(model.weights)`, or `l1(model.weights)`": (
        "regularizer", "regularization", "regularisation", "reg", "l2_penalty", "l2_reg", "penalty",
    ),
    "time is not measured; operations are counted: `flops(model)`": (
        "latency", "runtime", "inference_time", "speed", "time", "energy", "power_consumption",
    ),
    "the size in memory is `bytes(model)`": ("memory", "size_mb", "model_size", "memory_usage"),
    "a bound on the slope of each layer is `forall W in model.weights: spectral(W) <= 1`": (
        "lipschitz", "lip", "lipschitz_constant",
    ),
    "a model that grows in an input is asked of pairs: `E[max(f(x) - f(raised), 0)] <= 1e-3`, where"
    " `raised` is a column with that input raised (`data train(x, y, raised)`)": (
        "monotone_in", "monotonic", "increasing", "is_monotone", "monotonicity",
    ),
    "a convex model is asked of pairs: `E[max(f((x + other)/2) - (f(x) + f(other))/2, 0)] <= 1e-3`,"
    " where `other` is a second column of inputs (`data train(x, y, other)`)": (
        "convex", "is_convex", "convexity",
    ),
    "the classes are `values(y)`": ("classes", "class_labels", "n_classes", "num_classes"),
    "quantized weights are `W in grid(bits=8)`": ("int8", "uint8", "quantized", "quantize"),
    "weights of four bits are `W in grid(bits=4)`": ("int4", "uint4"),
    "there is no remainder, which has no gradient; what repeats is `sin(2*pi*x/n)`": (
        "mod", "modulo", "remainder", "fmod", "rem",
    ),
    "powers are `x^2`": ("square", "sq"),
    "Euler's number is `exp(1)`, and its powers are `exp(x)`": ("e", "euler"),
    "a value is held in an interval by `clip(x, 0, 1)`": ("clamp", "clamped"),
    "there is no `nan`; for no bound at all leave the constraint away": ("nan",),
    "a product of matrices is `A @ x`": ("matmul", "mm", "bmm", "mmult", "sumproduct"),
    "the inner product of two vectors is `dot(a, b)`": (
        "inner", "vdot", "inner_product", "scalar_product", "dot_product", "dotprod", "dotproduct",
    ),
    "entries are multiplied by `a*b`": ("multiply", "mul", "hadamard", "elementwise_product"),
    "a quadratic form is `x @ Q @ x`": ("quad_form", "quadratic_form"),
    "a transpose is `W.T`": ("transpose",),
    "what the model says of each example is `f(x)`": (
        "logits", "logit", "outputs", "output", "scores", "score", "model_output",
    ),
    "a variable is a line `var x = 0`": ("variable",),
    "a constant that is set from outside is a line `param a = 1`": ("parameter",),
    "the spread of entries is `variance(v)`, over examples `E[(v - E[v])^2]`": ("var",),
    "the standard deviation of entries is `std(v)`": ("stdev", "stddev", "sd"),
    "the inverse of a matrix is `inv(A)`": ("inverse", "pinv"),
    "the divergence of probabilities is `kl(p, q)`": (
        "kl_div", "kldiv", "kl_divergence", "relative_entropy", "rel_entr",
    ),
    "the entropy of probabilities is `entropy(p)`": ("entr", "shannon_entropy"),
    "the log of a determinant is `logdet(A)`": ("log_det", "slogdet", "logabsdet"),
    "the sum of the diagonal is `trace(A)`": ("tr",),
    "the k largest entries are `topk(v, k)`; their sum is `sum(topk(v, k))`": (
        "top_k", "largest", "sum_largest", "nlargest",
    ),
    "what 95% of the examples stay below is `quantile(v, 95%)`": (
        "percentile", "p95", "p99", "p90", "p50", "perc", "nanquantile",
    ),
    "the worst example is `quantile(v, 100%)`; the mean of the worst 5% is `cvar(v, 95%)`": (
        "worst", "worst_case", "worstcase", "maximal", "tail",
    ),
    "a count of examples is no number of the problem; their share is `P[...]`, and small groups are"
    " left out by `where`: `gap(P[pred == 1 | sex == a] for a in values(sex) where count >= 30)`": (
        "count",
    ),
    "a size is written as its number; of a model `params(model)` counts numbers that are not 0,"
    " `bytes(model)` their memory": (
        "len", "length", "size", "shape", "nrow", "ncol",
    ),
    "one of two values by an event is `where(event, a, b)`": (
        "if", "ifelse", "if_else", "iif", "cond", "iff", "case",
    ),
    "the whole part is `floor(x)`; the nearest whole number `floor(x + 0.5)`": (
        "round", "int", "trunc", "ceil",
    ),
    "an objective is a line `minimize ...` or `maximize ...`": ("minimize", "maximize"),
}  # fmt: skip
"""What to write for what has no word of its own."""

_POSITIVE, _NEGATIVE = "P[pred == {c} | y == {c}]", "P[pred == {c} | y != {c}]"
RATES: dict[str, str] = {
    **dict.fromkeys(("accuracy", "acc", "accuracy_score"), "P[pred == y]"),
    **dict.fromkeys(
        ("error_rate", "err", "error", "misclassification", "zero_one_loss"), "P[pred != y]"
    ),
    **dict.fromkeys(("recall", "recall_score", "tpr", "sensitivity", "hit_rate"), _POSITIVE),
    **dict.fromkeys(("fpr", "false_positive_rate", "fall_out", "false_alarm_rate"), _NEGATIVE),
    "true_positive_rate": _POSITIVE,
    **dict.fromkeys(
        ("specificity", "tnr", "true_negative_rate", "selectivity"), "P[pred != {c} | y != {c}]"
    ),
    **dict.fromkeys(("fnr", "false_negative_rate", "miss_rate"), "P[pred != {c} | y == {c}]"),
    **dict.fromkeys(("precision", "precision_score", "ppv"), "P[y == {c} | pred == {c}]"),
    **dict.fromkeys(("fdr", "false_discovery_rate"), "P[y != {c} | pred == {c}]"),
    **dict.fromkeys(
        ("selection_rate", "positive_rate", "acceptance_rate", "predicted_positive_rate"),
        "P[pred == {c}]",
    ),
    **dict.fromkeys(("base_rate", "prevalence"), "P[y == {c}]"),
    **dict.fromkeys(
        ("f1", "f1_score", "f_score", "fscore", "f_measure"),
        "2/(1/P[pred == {c} | y == {c}] + 1/P[y == {c} | pred == {c}])",
    ),
    **dict.fromkeys(
        ("balanced_accuracy", "balanced_accuracy_score", "bacc"),
        "(P[pred == {c} | y == {c}] + P[pred != {c} | y != {c}])/2",
    ),
}
"""Rates that have a name elsewhere, of class `{c}`; how a spec writes them."""

_GAP = "gap(P[pred == 1 | {g}])"
FAIRNESS: dict[str, str] = {
    **dict.fromkeys(
        (
            *("demographic_parity", "statistical_parity", "parity", "dp", "disparity"),
            *("demographic_parity_difference", "statistical_parity_difference"),
        ),
        _GAP,
    ),
    **dict.fromkeys(
        ("equal_opportunity", "equal_opportunity_difference", "eo", "eopp"),
        "gap(P[pred == 1 | {g}, y == 1])",
    ),
    **dict.fromkeys(
        ("equalized_odds", "equalised_odds", "eodds", "equalized_odds_difference"),
        "max(gap(P[pred == 1 | {g}, y == 1]), gap(P[pred == 1 | {g}, y == 0]))",
    ),
    **dict.fromkeys(
        ("disparate_impact", "demographic_parity_ratio", "p_rule"), "ratio(P[pred == 1 | {g}])"
    ),
    "predictive_parity": "gap(P[y == 1 | {g}, pred == 1])",
    **dict.fromkeys(("accuracy_parity", "overall_accuracy_equality"), "gap(P[pred == y | {g}])"),
}
"""Measures of fairness over the groups of a column `{g}`; how a spec writes them."""

METHODS: dict[str, str] = {
    "mean": "E[{}]",
    "sum": "sum({})",
    "abs": "abs({})",
    "exp": "exp({})",
    "log": "log({})",
    "sqrt": "sqrt({})",
    "sigmoid": "sigmoid({})",
    "softmax": "prob({})",
    "argmax": "pred({})",
    "max": "max({})",
    "min": "min({})",
    "norm": "norm({}, 2)",
    **dict.fromkeys(("square", "squared"), "{}^2"),
    **dict.fromkeys(("t", "transpose"), "{}.T"),
    **dict.fromkeys(("inverse", "inv", "pinv", "pinverse"), "inv({})"),
    **dict.fromkeys(("item", "detach", "cpu", "cuda", "float", "double", "numpy", "clone"), "{}"),
    **dict.fromkeys(("squeeze", "unsqueeze", "flatten", "contiguous", "requires_grad_"), "{}"),
}
"""What the language writes for methods of tensors in Python."""

OF_MODELS: dict[str, str] = {
    **dict.fromkeys(("forward", "__call__", "apply", "decision_function", "logits"), "{f}({x})"),
    **dict.fromkeys(("predict", "classify", "predict_classes"), "pred({f}({x}))"),
    **dict.fromkeys(("predict_proba", "predict_prob", "proba", "probs"), "prob({f}({x}))"),
    "predict_log_proba": "log(prob({f}({x})))",
    **dict.fromkeys(("num_parameters", "count_parameters", "n_params", "numel"), "params({f})"),
    **dict.fromkeys(("parameters", "trainable_variables", "get_weights"), "{f}.params"),
    **dict.fromkeys(("sparsity", "density"), "density({f})"),
}
"""Methods of models in Python, and what a spec writes for the whole call."""

OVER_EXAMPLES: dict[str, str] = {
    "mean": "E[{0}]",
    "variance": "E[({0} - E[{0}])^2]",
    "std": "sqrt(E[({0} - E[{0}])^2])",
    "median": "quantile({0}, 0.5)",
}
"""Functions of the entries of one vector, and what the same over the examples is."""

SETTINGS_OF: dict[str, dict[str, str]] = {
    "method": {
        **dict.fromkeys(("al", "alm", "auglag", "augmented", "almmodel"), "augmented_lagrangian"),
        **dict.fromkeys(("primal_dual", "dual_ascent", "gda", "lagrange"), "lagrangian"),
        **dict.fromkeys(("slsqp", "ipopt", "interior_point", "newton", "barrier"), "sqp"),
        **dict.fromkeys(("proj", "project", "pgd", "projected_gradient"), "projection"),
        **dict.fromkeys(("topk", "top_k", "iht", "hard_threshold", "rounding"), "projection"),
        **dict.fromkeys(("round", "qat", "ste", "straight_through", "clipping"), "projection"),
        **dict.fromkeys(("penalty_method", "l1_penalty"), "exact_penalty"),
        **dict.fromkeys(("conditional_gradient", "fw"), "frank_wolfe"),
        **dict.fromkeys(("reparametrization", "reparam"), "parametrization"),
    },
    "data source": {
        **dict.fromkeys(("read_csv", "load_csv", "table", "tsv"), "csv"),
        **dict.fromkeys(("cifar",), "cifar10"),
        **{f"load_{word}": word for word in ("digits", "wine", "iris", "breast_cancer")},
        "load_diabetes": "diabetes",
    },
    "model": {
        **dict.fromkeys(("logistic", "logisticregression", "logistic_regression"), "linear"),
        **dict.fromkeys(("linearregression", "linear_regression"), "linear"),
        **dict.fromkeys(("nn", "dense", "feedforward", "perceptron", "sequential"), "mlp"),
        **dict.fromkeys(("conv", "convnet", "lenet"), "cnn"),
    },
    "schedule": {
        **dict.fromkeys(("cosineannealinglr", "cosine_annealing", "cosineannealing"), "cosine"),
        **dict.fromkeys(("steplr", "multisteplr"), "step"),
        **dict.fromkeys(("exponentiallr", "exponential_decay"), "exponential"),
        **dict.fromkeys(("linearlr", "linear_decay"), "linear"),
    },
    "optimizer": {"gd": "sgd", "momentum": "sgd", "bfgs": "lbfgs", "l_bfgs": "lbfgs"},
}
"""Words of methods, sources, models and optimizers in other libraries, and ours."""

FORMATS: dict[str, str] = {
    **dict.fromkeys(("double", "fp64", "f64", "f8", "64", "high", "double_precision"), "float64"),
    **dict.fromkeys(("single", "float", "fp32", "f32", "f4", "32", "full", "tf32"), "float32"),
    **dict.fromkeys(("half", "fp16", "float16", "bf16", "bfloat16", "16", "mixed"), "float32"),
}
"""Number formats by their words elsewhere; the nearest for those that training has not."""

SETTING_WORDS: dict[str, tuple[str, ...]] = {
    "lr": (
        *("learning_rate", "learningrate", "step_size", "stepsize", "eta", "alpha"),
        *("dual_lr", "dual_learning_rate", "dual_step", "dual_step_size", "dual_rate", "lr_dual"),
    ),
    "step": (
        *("alpha", "step_size", "stepsize", "eps_iter", "eps_step", "lr", "learning_rate", "eta"),
    ),
    "ki": ("lr", "learning_rate", "step", "step_size"),
    "start": (
        *("lambda", "lambda_", "lam", "multiplier", "initial_multiplier", "init", "lambda0"),
        *("lambda_init", "multiplier_init"),
    ),
    "epochs": (
        *("num_epochs", "n_epochs", "max_epochs", "epoch", "patience", "window", "wait", "n"),
        "rounds",
    ),
    "weight_decay": ("decay", "wd", "l2", "l2_penalty", "l2_reg", "weightdecay", "regularization"),
    "power": ("p", "exponent", "order", "degree", "pow", "norm"),
    "tolerance": ("tol", "min_delta", "delta", "eps", "atol", "threshold"),
    "warmup": ("warmup_steps", "warmup_epochs", "warm_up", "num_warmup_steps"),
    "factor": ("gamma", "decay", "decay_rate", "rate"),
    "steps": (
        *("num_steps", "n_steps", "max_steps", "iterations", "iters", "num_iters", "num_iter"),
        *("n_iter", "n_iters", "niter", "max_iter", "maxiter", "max_iters", "nb_iter"),
    ),
    "iterations": ("max_iter", "maxiter", "max_iterations", "n_iter", "niter", "steps", "maxit"),
    "final": ("eta_min", "min_lr", "lr_min", "final_lr", "end_lr", "end", "min_factor"),
    "batch_size": ("batch", "batchsize", "bs", "minibatch", "minibatch_size"),
    "seed": ("random_state", "random_seed", "rng"),
    "hidden": (
        *("hidden_layer_sizes", "hidden_layers", "hidden_sizes", "layers", "width", "widths"),
        *("units", "hidden_dim"),
    ),
    "channels": ("filters", "num_channels"),
    "drop_rate": ("dropout", "dropout_rate", "p_drop", "dropout_p"),
    "act": ("activation", "nonlinearity", "activations"),
    "separator": ("sep", "delimiter", "delim"),
    "na_values": ("missing_values", "nan", "na", "null"),
    "skip_rows": ("skiprows", "skip"),
    "scale": ("standardize", "normalize", "scaling", "scaler"),
    "path": ("file", "filename", "filepath"),
    "folder": ("root", "data_dir", "directory", "dir", "data_home", "cache_dir"),
    "inputs": ("columns", "features", "feature_columns", "usecols", "x_columns"),
    "target": ("label", "labels", "y", "target_column"),
    "split": ("splits", "fractions", "shares"),
    "penalty": ("rho", "mu", "penalty_coefficient", "c", "mu0", "rho0", "mu_init", "c0", "sigma0"),
    "coefficient": (
        *("c", "penalty", "rho", "mu", "penalty_coefficient", "weight", "strength", "scale"),
        *("lam", "lambda", "lambda_", "alpha"),
    ),
    "growth": ("gamma", "factor", "penalty_growth"),
    "rho": ("penalty", "mu"),
    "dual_data": ("on", "data", "split", "multiplier_data"),
    "clip_norm": ("grad_clip", "gradient_clip", "max_norm", "max_grad_norm", "clip"),
    "accumulate": ("accumulation", "grad_accumulation", "gradient_accumulation_steps"),
    "precision": ("dtype",),
    "schedule": ("scheduler", "lr_schedule", "lr_scheduler"),
    "every": ("frequency", "interval", "dual_every", "step_size", "period", "step"),
    "max_iter": ("maxiter", "max_iterations"),
    "weight": (
        *("coefficient", "lambda_", "lambda", "lam", "c", "alpha", "strength", "penalty", "w"),
        *("factor", "price", "cost", "coef", "coeff", "rate", "priority", "importance", "scale"),
        "slack",
    ),
    "norm": ("p", "ord", "order"),
    "r": ("radius",),
    "temperature": ("temp", "tau"),
}
"""Settings of other libraries, by the name of ours."""

PATIENCE = frozenset({
    "early_stopping", "patience", "early_stop", "earlystopping", "n_iter_no_change",
})  # fmt: skip
"""Settings of a training elsewhere that end it where nothing gets better."""

_MEANT = {
    **{other: Meant(f"did you mean `{word}`?", word) for word, o in _WORDS.items() for other in o},
    **{other: Meant(form) for form, others in _FORMS.items() for other in others},
}


def meant(word: str) -> Meant | None:
    """How the language says a word of another; None for a word that nobody uses for these."""
    return _MEANT.get(word.lower())


def nearly_meant(word: str) -> Meant | None:
    """The same of a word with a slip in it: `orthogonl`."""
    near = get_close_matches(word.lower(), list(_MEANT), n=1, cutoff=0.85)
    return _MEANT[near[0]] if near and len(word) > 4 else None


STAND_INS: dict[str, str] = {
    **dict.fromkeys(("logit", "sigmoidal", "sig", "smooth", "softmax"), "sigmoid"),
    **dict.fromkeys(("tanh", "sigm", "soft", "sigmoid_surrogate", "cross_entropy"), "sigmoid"),
    **dict.fromkeys(("relu", "hinge_loss", "svm", "margin"), "hinge"),
    **dict.fromkeys(("linear", "piecewise", "piecewise_linear", "clip"), "ramp"),
}
"""Words for differentiable stand-ins of events elsewhere, and ours."""

_COLUMNS = (
    {"sex", "gender", "female", "male", "is_female", "is_male", "man", "woman"},
    {"race", "ethnicity", "ethnic", "origin", "nationality", "skin", "color", "ethnic_group"},
    {"age", "age_group", "years", "birth_year", "older", "elderly"},
    {"hospital", "site", "clinic", "center", "centre", "institution", "ward"},
    {"country", "region", "state", "area", "location", "place", "city", "county", "zip", "zone"},
    {"income", "salary", "wage", "earnings", "pay"},
    {"weight", "w", "sample_weight", "importance", "weights"},
    {"date", "day", "time", "year", "month", "week", "timestamp", "period"},
    {"user", "person", "subject", "patient", "client", "customer", "account"},
    {"degree", "education", "schooling", "school", "edu"},
)
_GROUPS = frozenset({
    "group", "groups", "protected", "sensitive", "attribute", "attr", "demographic", "a", "s",
    "sensitive_attribute", "protected_attribute", "protected_group", "subgroup", "category", "z",
})  # fmt: skip
"""Names that other tools give the column of groups, whatever it holds."""


def column_of_that_meaning(word: str, columns: Iterable[str]) -> str | None:
    """The column that holds what another word for it says: `sex` for `gender`."""
    own = [c for c in columns if c not in ("x", "y")]
    same = next((names for names in _COLUMNS if word.lower() in names), set())
    found = [c for c in own if c.lower() in same]
    return found[0] if found else own[0] if own and word.lower() in _GROUPS else None


_ROLES = {
    "x": re.compile(r"[xX]_?(?:train|test|val|tr|te|data|in|input|batch|i)|inputs?|features|X"),
    "y": re.compile(
        r"[yY]_?(?:train|test|val|tr|te|true|data|out|batch|i)|targets?|labels?|ground_truth|gt|Y"
    ),
}
_PARTS = {"x": {"feature", "data", "image"}, "y": {"class", "outcome", "response", "truth"}}
"""What an example has, in other words than those that name all of a column."""


def column_of_role(word: str, columns: Container[str]) -> str | None:
    """`y` for `y_true`, `x` for `X_train`, where data have these columns."""
    return next((c for c, p in _ROLES.items() if c in columns and p.fullmatch(word)), None)


def column_named(word: str, columns: Collection[str]) -> str | None:
    """The column that a part of an example means: `y` for `a.label`, `sex` for `a.gender`."""
    part = next((c for c, words in _PARTS.items() if c in columns and word in words), None)
    return column_of_role(word, columns) or part or column_of_that_meaning(word, columns)
