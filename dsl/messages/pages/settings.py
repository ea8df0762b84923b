"""The pages of the errors about methods and settings, `CS501` to `CS599`."""

from cspec.dsl.messages.pages.page import pages

_OK = "minimize ce\ns.t. density(model) <= 50%\n"
_POINTS = (
    "domain q(x) = box([0, 1])\nmodel u(x) = mlp(hidden=[4])\n"
    "minimize E[(u - x)^2 for x in q.sample(50)]\n"
)

_PAGES: dict[int, tuple[str, ...]] = {
    501: (
        "unknown method, optimizer, source or model",
        "`cspec list methods|optimizers|data|models` shows the words that are known.",
        _OK + "using lagrangan\n",
        _OK + "using lagrangian\n",
    ),
    502: (
        "unknown setting",
        "A setting that a word does not have is never ignored.",
        _OK + "using lagrangian(evry=10)\n",
        _OK + "using lagrangian(every=10)\n",
    ),
    503: (
        "a setting of another kind",
        "The setting takes a number, a word or a list, and something else is given.",
        _OK + 'fit(epochs="ten")\n',
        _OK + "fit(epochs=10)\n",
    ),
    504: (
        "a setting out of range",
        "`cspec list` shows the range of each setting.",
        _OK + "fit(optimizer=adam(lr=-1))\n",
        _OK + "fit(optimizer=adam(lr=0.001))\n",
    ),
    505: (
        "given twice",
        "A setting or a modifier is given once.",
        "minimize ce\ns.t. density(model) <= 50% within 0.1 within 0.2\n",
        "minimize ce\ns.t. density(model) <= 50% within 0.1\n",
    ),
    506: (
        "a setting without its name",
        "Settings are given by name, so that a spec reads without a manual.",
        _OK + "using penalty(3)\n",
        _OK + "using penalty(coefficient=3)\n",
    ),
    507: (
        "a setting is missing",
        "The word needs a setting that has no default.",
        'data train(x, y) = csv("a.csv")\nmodel f\nminimize ce\n',
        'data train(x, y) = csv("a.csv", target="y")\nmodel f\nminimize ce\n',
    ),
    508: (
        "a line is given twice",
        "A spec has one `using` and one `fit` line.",
        _OK + "fit(epochs=10)\nfit(seed=1)\n",
        _OK + "fit(epochs=10, seed=1)\n",
    ),
    509: (
        "not for all constraints",
        "`construction` and the maps (`softplus`, `cayley`, ...) are ways for one constraint"
        " with a structure that fits; `using` chooses a method for all.",
        "model f\nminimize ce\ns.t. forall W in f.weights: W >= 0\nusing softplus\n",
        "model f\nminimize ce\ns.t. forall W in f.weights: W >= 0 by softplus\n",
    ),
    510: (
        "two optimizers for the same parameters",
        "At most one optimizer of a list may leave `params` out; it trains the rest.",
        "",
        "",
    ),
    511: (
        "a pattern matches no parameter",
        'The pattern of `params="..."` matches no parameter that is trained; `cspec info` lists'
        " the names of the model that is bound.",
        "",
        "",
    ),
    512: (
        "L-BFGS stands alone",
        "The line search of L-BFGS owns the whole step, so no other optimizer can stand beside it.",
        _OK + 'fit(optimizer=[lbfgs(params="fc1*"), adam], batch_size=full)\n',
        _OK + "fit(optimizer=lbfgs, batch_size=full)\n",
    ),
    513: (
        "`sizes` names no dataset, or `strata` no groups",
        "`batch_size=sizes(...)` names datasets of the spec; `strata=[...]` columns that hold"
        " groups, `strata=groups` those of the requirements.",
        "",
        "",
    ),
    514: (
        "not available in `run`",
        "Every step sees all points of a set; `accumulate` joins what a model says of parts of a"
        " batch, which are tensors with a row an example.",
        _POINTS + "fit(batch_size=10)\n",
        _POINTS,
    ),
    515: (
        "no certificate of this form",
        "A certificate rests on confidence intervals of means: fractions `P[...]` are exact by"
        " Clopper and Pearson, `E[...]` of a quantity with a known range by Hoeffding, and"
        " arithmetic, `abs`, `max`, `min`, `gap`, `ratio` combine them. Tails, quantities without"
        " a range, requirements on each example and equalities without `within` have none.",
        "data train(x, y), test(x, y)\nmodel f\nminimize ce\ns.t. a: E[ce] <= 0.5\n"
        "verify a on test with confidence 95%\n",
        "data train(x, y), test(x, y)\nmodel f\nminimize ce\ns.t. a: P[pred == y] >= 80%\n"
        "verify a on test with confidence 95%\n",
    ),
    516: (
        "batches of two sizes",
        "A loader has batches of its own, and they are those of the training. The spec asks for"
        " another size: leave `batch_size` out, or give the data that the loader reads from.",
        "",
        "",
    ),
    520: (
        "not compiled yet",
        "The form is part of the language: it parses, checks and formats, and this version does"
        " not compile it. `check` warns of it, `explain` lists it, and whatever trains refuses it"
        " before data are read. The message names the form and says what works today.",
        "data train(x, y)\nmodel f\nminimize ce\n"
        "s.t. forall (x, y) in train: ce(f(x), y) <= 4 by sal\n",
        "data train(x, y)\nmodel f\nminimize ce\ns.t. forall (x, y) in train: ce(f(x), y) <= 4\n",
    ),
    521: (
        "a method that does not fit",
        "Each method holds certain constraints: projection and admm known sets of parameters, the"
        " solvers problems of decision variables, maps the sets that they map onto, multipliers"
        " what has a gradient. The message says which, and what to write instead.",
        "model f\nminimize ce\ns.t. P[pred == 1] <= 50% by projection\n",
        "model f\nminimize ce\ns.t. P[pred == 1] <= 50% by lagrangian\n",
    ),
    522: (
        "a count without gradient",
        "A multiplier moves a model by gradients, and a count has one only where the model has"
        " gates. Without gates `density`, `params` and `bytes` keep the largest weights; `flops`"
        " needs gates.",
        "",
        "",
    ),
    523: (
        "no construction for this model",
        "`by construction` needs a projection, a parametrization or a closed-form output layer.",
        "",
        "",
    ),
    525: (
        "a quantifier without members",
        "The pattern or the condition of a `forall` matches nothing, so the constraint would be"
        " met by having no member.",
        "",
        "",
    ),
    526: (
        "a column without groups",
        "`values(column)` and by-group rates need a categorical column.",
        "",
        "",
    ),
    527: (
        "more orthonormal columns than the weight has rows",
        "`W.T @ W` of a weight of m rows and n columns has rank at most m, the identity has rank "
        "n: for m < n no weight meets it. `W in stiefel` takes W @ W.T there.",
        "",
        "",
    ),
    528: (
        "blocks that do not fill a dimension",
        "`W in nm(2, 4)` counts in blocks of 4 along the last dimension, as sparse tensor cores "
        "do; there are no partial blocks.",
        "",
        "",
    ),
    529: (
        "an entry or a set that the shape of a weight rules out",
        "`W[7, 0]` asks for a row that a weight may not have, and `W == W.T` and `W in psd` are "
        "about square matrices. What shapes weights have is known once the model is bound.",
        _OK,
        _OK,
    ),
    531: (
        "epochs, or steps?",
        "The length of training is given once.",
        _OK + "fit(epochs=10, steps=100)\n",
        _OK + "fit(epochs=10)\n",
    ),
    532: (
        "two optimizers train the same parameters",
        "In a list of optimizers each but one names its parameters by a pattern.",
        _OK + "fit(optimizer=[adam, sgd])\n",
        _OK + 'fit(optimizer=[adam(params="conv*"), sgd])\n',
    ),
    533: (
        "no construction",
        "`by construction` needs a set of one parameter, or something affine in the outputs of"
        " one example. A mean over data is neither.",
        "model f\nminimize ce\ns.t. P[pred == 1] <= 30% by construction\n",
        "model f\nminimize ce\ns.t. P[pred == 1] <= 30%\n",
    ),
    534: (
        "Adam on a single multiplier",
        "Adam divides a gradient by its own size. Of a single number only its sign is left, so"
        " the multiplier moves by the step size whatever the violation.",
        "var x = 1\nminimize x\ns.t. x >= 0.5\nusing lagrangian(dual=adam(lr=0.1))\n",
        "var x = 1\nminimize x\ns.t. x >= 0.5\nusing lagrangian(dual=sgd(lr=0.1))\n",
    ),
    535: (
        "shares that do not fit the datasets",
        "`split` has one share for each dataset on the left, each above 0, together at most 1.",
        "data train(x, y), test(x, y) = digits(split=[0.6, 0.2, 0.2])\nmodel f\nminimize ce\n",
        "data train(x, y), test(x, y) = digits(split=[0.8, 0.2])\nmodel f\nminimize ce\n",
    ),
    536: (
        "enforced, or traded off?",
        "A soft constraint is a term of the objective; it has no method and never decides the"
        " verdict.",
        "minimize ce\ns.t. density(model) <= 50% by lagrangian soft(weight=1)\n",
        "minimize ce\ns.t. density(model) <= 50% soft(weight=1)\n",
    ),
    537: (
        "multipliers on redrawn points",
        "`redraw=true` draws new points each time and holds one multiplier on all of them"
        " together; a method or another quantifier that keeps state for each point can't.",
        "domain q(t) = box([0, 1])\nmodel u(t)\nminimize E[u^2 for t in q.sample(10)]\n"
        "s.t. forall t in q.sample(10, redraw=true): u >= 0 by admm\n",
        "domain q(t) = box([0, 1])\nmodel u(t)\nminimize E[u^2 for t in q.sample(10)]\n"
        "s.t. forall t in q.sample(10): u >= 0\n",
    ),
    539: (
        "a surrogate that would never be used",
        "`with surrogate` says what the model's step sees of a requirement. A word (`hinge`,"
        " `sigmoid`, ...) stands in for events, so there must be some; sets of parameters and"
        " methods that project or shift have no step that it could move.",
        "model f\nminimize ce\ns.t. E[mse(f(x), y)] <= 2 with surrogate hinge\n",
        "model f\nminimize ce\ns.t. P[pred == 1] <= 30% with surrogate hinge\n",
    ),
    540: (
        "a weight that enforces nothing",
        "With a weight of 0 that never grows the requirement is measured and judged, but nothing"
        " pulls toward it: a fixed penalty with `coefficient=0`, or an augmented Lagrangian with"
        " `penalty=0`, whose multipliers take steps of the size of the penalty. A `coefficient` of"
        " 0 is a baseline to compare with and a warning.",
        "var x = 0\nminimize x^2\ns.t. x >= 1\nusing augmented_lagrangian(penalty=0)\n",
        "var x = 0\nminimize x^2\ns.t. x >= 1\nusing augmented_lagrangian(penalty=0, lr=0.1)\n",
    ),
    541: (
        "a rate that is too small for gates",
        "A gate travels about 8 units of its logit from open to shut, and Adam moves it by about"
        " its rate each step. A rate that the spec gives acts on the gates, too: where steps times"
        " rate stay below 22 they hardly shut, and a density stays where it is. Give gates an"
        " optimizer of their own, or leave `lr` out.",
        "",
        "",
    ),
}

SETTING_CODES = pages(_PAGES)
