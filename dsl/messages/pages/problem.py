"""The pages of the findings about the problem as a whole, `CS401` to `CS499`."""

from cspec.dsl.messages.pages.page import pages

_PAGES: dict[int, tuple[str, ...]] = {
    401: (
        "constraints contradict each other",
        "No value satisfies all of the constraints named, so no multiplier update can converge."
        " The set is minimal: without any one of its members the rest can hold.",
        "minimize ce\ns.t. sparsity: density(model) <= 50%\n     floor: density(model) >= 60%\n",
        "minimize ce\ns.t. sparsity: density(model) <= 60%\n     floor: density(model) >= 50%\n",
    ),
    402: (
        "no value satisfies a chain",
        "The lower end of the chain or interval is above its upper end.",
        "var x = 0\nminimize x\ns.t. 2 <= x <= 1\n",
        "var x = 0\nminimize x\ns.t. 1 <= x <= 2\n",
    ),
    403: (
        "a constraint says nothing more",
        "Another constraint says the same or more. Two multipliers for one requirement share its"
        " price in an arbitrary way.",
        "var x = 0\nminimize x\ns.t. a: x >= 1\n     b: x >= 0.5\n",
        "var x = 0\nminimize x\ns.t. a: x >= 1\n",
    ),
    404: (
        "sets that can't hold together",
        "Membership in a set fixes the size of a weight: an orthonormal matrix has a squared sum"
        " equal to its rank, a point of the simplex sums to 1. Another constraint asks for a"
        " size that no member has, or bounds every entry so that they can't sum to 1.",
        "model f\nminimize ce\ns.t. ortho: forall W in f.weights: W in stiefel\n"
        "     small: forall W in f.weights: sumsq(W) == 0\n",
        "model f\nminimize ce\ns.t. ortho: forall W in f.weights: W in stiefel\n"
        "     small: forall W in f.weights: sumsq(W) <= 400\n",
    ),
    405: (
        "a biased estimate",
        "Constraints are measured on batches. The mean over batches of a non-linear function of"
        " a mean is not the function of the mean. `abs`, `max`, chains and ratios are split into"
        " linear parts first.",
        "model f\nminimize ce\ns.t. rmse: sqrt(E[mse(f(x), y)]) <= 0.5\n",
        "model f\nminimize ce\ns.t. rmse: E[mse(f(x), y)] <= 0.5^2\n",
    ),
    406: (
        "a denominator of unknown sign",
        "A ratio of means is compiled to a linear form by multiplying with its denominator,"
        " which turns the relation around where the denominator is negative.",
        "model f\nminimize ce\ns.t. r: E[mse(f(x), y)] / E[f(x)] <= 2\n",
        "model f\nminimize ce\ns.t. r: E[mse(f(x), y)] / E[abs(f(x))] <= 2\n",
    ),
    408: (
        "no objective",
        "A spec has exactly one of `minimize`, `maximize` and `satisfy`.",
        "var x = 0\nlet a = x\ns.t. a >= 1\n",
        "var x = 0\nlet a = x\nsatisfy\ns.t. a >= 1\n",
    ),
    409: (
        "two objectives",
        "One number is optimized. How much one objective counts against another must be said: by"
        " weights, or by making one a constraint.",
        "minimize ce\nminimize density(model)\n",
        "minimize ce\ns.t. density(model) <= 50%\n",
    ),
    410: (
        "data that chose the model can't certify it",
        "A certificate with confidence needs data on which nothing was chosen: not trained, not"
        " moved multipliers, not picked a snapshot, not stopped.",
        "data train(x, y), val(x, y), test(x, y)\nmodel f\nminimize ce\n"
        "s.t. a: P[pred == y] >= 90%\nverify all on val every epoch\n"
        "verify a on val with confidence 95%\n",
        "data train(x, y), val(x, y), test(x, y)\nmodel f\nminimize ce\n"
        "s.t. a: P[pred == y] >= 90%\nverify all on val every epoch\n"
        "verify a on test with confidence 95%\n",
    ),
    411: (
        "a requirement about several datasets can't be moved",
        "`verify a on D` measures `a` with D in the place of its data. Where `a` is about two"
        " datasets, that has two readings. A requirement that names its data is verified on them.",
        "data train(x, y), val(x, y), test(x, y)\nmodel f\nminimize ce(f(x), y)\n"
        "s.t. a: P[pred == y on train] - P[pred == y on val] <= 5%\n     b: P[pred == y] >= 90%\n"
        "verify a, b on test\n",
        "data train(x, y), val(x, y), test(x, y)\nmodel f\nminimize ce(f(x), y)\n"
        "s.t. a: P[pred == y on train] - P[pred == y on val] <= 5%\n     b: P[pred == y] >= 90%\n"
        "verify b on test\n",
    ),
    412: (
        "the tail, or the rest?",
        "`cvar(v, 95%)` is the mean of the worst 5% of the examples. Some papers write the share of"
        " the tail instead, 5%; here that would be the mean of the worst 95%.",
        "minimize ce\ns.t. tail: cvar(ce, 5%) <= 2\n",
        "minimize ce\ns.t. tail: cvar(ce, 95%) <= 2\n",
    ),
}

FORM_CODES = pages(_PAGES)
