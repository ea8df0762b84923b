"""The pages of the errors about kinds, ranges, gradients and data, `CS301` to `CS399`."""

from cspec.dsl.messages.pages.page import pages

_PAGES: dict[int, tuple[str, ...]] = {
    301: (
        "wrong number of arguments",
        "Each function takes the arguments that `cspec list functions` shows.",
        "minimize ce\ns.t. density(model, 2) <= 50%\n",
        "minimize ce\ns.t. density(model) <= 50%\n",
    ),
    302: (
        "wrong kind of thing",
        "A function or an operator is given something that it does not take: a model where a"
        " number belongs, a number where a model belongs, a function without its argument.",
        "minimize ce\ns.t. density(0.5) <= 50%\n",
        "minimize ce\ns.t. density(model) <= 50%\n",
    ),
    303: (
        "no constant, or an empty interval",
        "The value of a param is a number that is known before training, and an interval runs"
        " from its lower to its upper end.",
        "param eps = 0.5 in [1, 0]\nminimize ce\ns.t. density(model) <= eps\n",
        "param eps = 0.5 in [0, 1]\nminimize ce\ns.t. density(model) <= eps\n",
    ),
    304: (
        "a value outside its set",
        "A param must lie in the set behind its `in`, a variable must start in it, a confidence"
        " or a level between 0 and 1, a count at least at 1.",
        "param eps = 1.5 in [0, 1]\nminimize ce\ns.t. density(model) <= eps\n",
        "param eps = 0.5 in [0, 1]\nminimize ce\ns.t. density(model) <= eps\n",
    ),
    305: (
        "the mean, or each example?",
        "An expression of columns has one value an example. A constraint on its mean and a"
        " constraint on every example are different problems, so the spec must say which:"
        " `E[...]`, or `forall (x, y) in train: ...`.",
        "model f\nminimize ce\ns.t. low: ce(f(x), y) <= 2\n",
        "model f\nminimize ce\ns.t. low: E[ce(f(x), y)] <= 2\n",
    ),
    306: (
        "which data?",
        "An expectation is over the dataset it names with `on`; else over the only one; else over"
        " the one called `train`. With several and none called `train` it must say which.",
        "data a(x, y), b(x, y)\nmodel f\nminimize E[ce(f(x), y)]\n",
        "data a(x, y), b(x, y)\nmodel f\nminimize E[ce(f(x), y) on a]\n",
    ),
    307: (
        "no number to optimize or to record",
        "One number is minimized or maximized. Reduce a tensor with `sum`, `sumsq` or `norm`. A"
        " metric is one number, or at most 100 that are recorded one by one.",
        "var w[3]\nminimize 2*w\n",
        "var w[3]\nminimize sumsq(w)\n",
    ),
    308: (
        "which model?",
        "A bare loss, `pred` or `prob` is clear only where the spec has exactly one model.",
        "model f\nmodel g\nminimize ce\n",
        "model f\nmodel g\nminimize E[ce(f(x), y)] + E[ce(g(x), y)]\n",
    ),
    309: (
        "training can't move this",
        "The requirement or objective depends on nothing that is trained: only on constants,"
        " data and frozen copies. Or a surrogate has no gradient.",
        "model f\nmodel ref = frozen(f)\nminimize E[ce(f(x), y)]\n"
        "s.t. low: E[ce(ref(x), y)] <= 2\n",
        "model f\nmodel ref = frozen(f)\nminimize E[ce(f(x), y)]\ns.t. low: E[ce(f(x), y)] <= 2\n",
    ),
    310: (
        "no gradient",
        "The value is constant almost everywhere, so small changes of the parameters do not"
        " change it. Give a differentiable stand-in with `with surrogate`; the verdict and the"
        " multiplier still use the true expression.",
        "var x = 1\nminimize x\ns.t. s: sign(x) >= 0.5\n",
        "var x = 1\nminimize x\ns.t. s: sign(x) >= 0.5 with surrogate tanh(x)\n",
    ),
    311: (
        "a bound out of reach",
        "The bound lies outside the range of what it bounds, so it can't be met, or was meant"
        " as a percentage.",
        "minimize ce\ns.t. density(model) <= 50\n",
        "minimize ce\ns.t. density(model) <= 50%\n",
    ),
    312: (
        "one number a group",
        "A column alone after `|` means by group: `P[pred == 1 | sex]` is a vector over the"
        " values of `sex`. Reduce it with `gap`, `ratio`, `max` or `min`, or quantify over"
        " `values(sex)`.",
        "data train(x, y, sex)\nmodel f\nminimize ce\ns.t. P[pred == 1 | sex] <= 50%\n",
        "data train(x, y, sex)\nmodel f\nminimize ce\ns.t. max(P[pred == 1 | sex]) <= 50%\n",
    ),
    313: (
        "an event, or a number?",
        "`P[...]` and conditions need something true or false; arithmetic needs numbers. Inside"
        " `E[...]` an event counts 0 or 1.",
        "model f\nminimize ce\ns.t. P[pred] <= 30%\n",
        "model f\nminimize ce\ns.t. P[pred == 1] <= 30%\n",
    ),
    316: (
        "arithmetic without a result",
        "Constant arithmetic overflows, divides by zero or leaves the real numbers.",
        "var x = 1\nminimize x\ns.t. x >= 9^9^9^9\n",
        "var x = 1\nminimize x\ns.t. x >= 9^9\n",
    ),
    317: (
        "no set",
        "What stands behind `in` is nothing to go over, or no set that a parameter can lie in.",
        "model f\nminimize ce\ns.t. forall W in f: sumsq(W) <= 4\n",
        "model f\nminimize ce\ns.t. forall W in f.weights: sumsq(W) <= 4\n",
    ),
    318: (
        "two datasets for one mean",
        "`on D` behind a constraint is the same as `on D` in each of its expectations, and one"
        " of them names another dataset.",
        "data train(x, y), val(x, y)\nmodel f\nminimize ce\n"
        "s.t. E[ce(f(x), y) on train] <= 2 on val\n",
        "data train(x, y), val(x, y)\nmodel f\nminimize ce\ns.t. E[ce(f(x), y)] <= 2 on val\n",
    ),
    319: (
        "`on` has nothing to act on",
        "`on D` says where means and rates are measured, and this constraint has none.",
        "data train(x, y), val(x, y)\nmodel f\nminimize ce\ns.t. density(f) <= 50% on val\n",
        "data train(x, y), val(x, y)\nmodel f\nminimize ce\ns.t. density(f) <= 50%\n",
    ),
    320: (
        "the source has no such column",
        "Image sources and generators give inputs and a target only; tables have more columns.",
        "data train(x, y, sex) = two_gaussians(n=50)\nmodel f\nminimize ce\n",
        "data train(x, y) = two_gaussians(n=50)\nmodel f\nminimize ce\n",
    ),
    324: (
        "which norm?",
        "Balls and norms are always written with their norm: 1, 2 or inf give different sets.",
        "model f\nminimize ce\ns.t. forall W in f.weights: W in ball(2)\n",
        "model f\nminimize ce\ns.t. forall W in f.weights: W in ball(2, norm=2)\n",
    ),
    325: (
        "an interval, or values?",
        "`[0, 3]` is an interval and has infinitely many points; `{0, 3}` has two. A quantifier"
        " goes over values, or over points that are drawn: `uniform(0, 3).sample(100)`.",
        "domain d(t) = box([0, 3])\nmodel u(t)\nminimize E[u^2 for t in d.sample(100)]\n"
        "s.t. forall t in [0, 3]: u >= 0\n",
        "domain d(t) = box([0, 3])\nmodel u(t)\nminimize E[u^2 for t in d.sample(100)]\n"
        "s.t. forall t in uniform(0, 3).sample(100): u >= 0\n",
    ),
    326: (
        "wrong number of names",
        "A quantifier has one name for each column of a dataset, axis of a domain, or column of"
        " `cross(...)`; a domain has one interval for each axis.",
        "domain q(t, x) = box([0, 1], [0, 1])\nmodel u(t, x)\n"
        "minimize E[u(t, 0)^2 for t in q.sample(10)]\n",
        "domain q(t, x) = box([0, 1], [0, 1])\nmodel u(t, x)\n"
        "minimize E[u^2 for (t, x) in q.sample(10)]\n",
    ),
    327: (
        "a frozen copy, or the same model?",
        "`model ref = net` could mean a copy that never moves, or another name for one network.",
        "model net\nmodel ref = net\nminimize E[ce(net(x), y)]\n",
        "model net\nmodel ref = frozen(net)\nminimize E[ce(net(x), y)]\n",
    ),
    328: (
        "always true",
        "The constraint holds whatever is learned, because of the range of what it bounds; or a"
        " condition is met by every example, or, as `y == 1 and y == 0`, by none.",
        "minimize ce\ns.t. density(model) >= 0\n",
        "minimize ce\ns.t. density(model) >= 10%\n",
    ),
    329: (
        "shapes that do not fit",
        "An index lies outside what the spec declares (indices start at 0), or two vectors or"
        " matrices of declared sizes can't be added, compared or multiplied; or a product entry by"
        " entry, `mu * w`, is bounded where the sum of the products, `mu @ w`, may be meant.",
        "var x[3] = 0\nminimize x[3]^2\n",
        "var x[3] = 0\nminimize x[2]^2\n",
    ),
    330: (
        "the data can't be used",
        "A file is missing or unreadable, a dataset lacks a column that the spec names, an input"
        " or target is not a finite number, or the number of examples differs between columns.",
        "",
        "",
    ),
    331: (
        "the model can't be used",
        "The callable does not give an `nn.Module`, it can't be built for these data, or its"
        " outputs do not fit the labels: `ce` needs one output a class, `bce` and regression"
        " one a target.",
        "",
        "",
    ),
    332: (
        "which number of an example?",
        "A mean, a rate or a condition is about one number (or truth value) an example. An"
        " expression with several, the outputs of a model or the probabilities of its classes, must"
        " say which one, or make one number of them: `prob[1]`, `max(f(x))`, `all(f(x) > 0)`.",
        "data train(x, y) = digits\nmodel f = mlp\nminimize ce\ns.t. E[prob] <= 50%\n",
        "data train(x, y) = digits\nmodel f = mlp\nminimize ce\ns.t. E[prob[1]] <= 50%\n",
    ),
    333: (
        "nothing to choose from",
        "An index or a name chooses an output, a class, a feature or a part; it never chooses an"
        " example. What is one number an example (`y`, a loss, the only logit) has nothing to"
        " choose from.",
        "data train(x, y) = digits\nmodel f = mlp\nminimize ce\ns.t. E[ce(f(x), y)[0]] <= 1\n",
        "data train(x, y) = digits\nmodel f = mlp\nminimize ce\ns.t. E[ce(f(x), y)] <= 1\n",
    ),
    334: (
        "text has no arithmetic",
        "Text is equal or not: categories have no order, no sum and no mean, and a text never"
        " equals a number. Compare with a value in quotes, or with a column of text.",
        'data train(x, y, job) = csv("people.csv", target="income")\nmodel f = linear\n'
        "minimize ce\ns.t. E[job + 0*f(x)[0]] <= 1\n",
        'data train(x, y, job) = csv("people.csv", target="income")\nmodel f = linear\n'
        'minimize ce\ns.t. P[pred == 1 | job == "clerk"] <= 50%\n',
    ),
    338: (
        "only in metrics",
        "`violation`, `violations` and `initial` are about a run: what its requirements miss, and"
        " what a value was before the first step. Metrics record them; requirements and objectives"
        " are functions of what is trained.",
        "model f\nminimize ce\ns.t. a: P[pred == 1] <= 30%\n     b: violation(a) <= 5%\n",
        "model f\nminimize ce\ns.t. a: P[pred == 1] <= 30%\nmetric b = violation(a)\n",
    ),
}

KIND_CODES = pages(_PAGES)
