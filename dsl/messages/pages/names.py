"""The pages of the errors about names, `CS201` to `CS299`."""

from cspec.dsl.messages.pages.page import pages

_PAGES: dict[int, tuple[str, ...]] = {
    201: (
        "unknown name",
        "Nothing in the spec defines this name, and it is no word of the language. Columns are"
        " named in the `data` line, values of your own loop in the `given` line.",
        "minimize ce\ns.t. small: densty(model) <= 50%\n",
        "minimize ce\ns.t. small: density(model) <= 50%\n",
    ),
    202: (
        "a name is defined twice",
        "A param, let, var, dataset, column, model, domain, given value or import has one meaning"
        " in the whole spec. Labels of constraints live in a space of their own.",
        "param eps = 0.5\nparam eps = 0.4\nminimize ce\ns.t. density(model) <= eps\n",
        "param eps = 0.5\nminimize ce\ns.t. density(model) <= eps\n",
    ),
    203: (
        "a name is never used",
        "A param or let that nothing refers to has no effect; often the name that was meant is"
        " misspelt below.",
        "param eps = 0.5\nminimize ce\n",
        "param eps = 0.5\nminimize ce\ns.t. density(model) <= eps\n",
    ),
    204: (
        "a let refers to itself",
        "A let is a name for an expression and is written out where it is used, so it can't"
        " refer to itself, directly or through others.",
        "var x = 1\nlet a = a + x\nminimize a\n",
        "var x = 1\nlet a = x + 1\nminimize a\n",
    ),
    205: (
        "a label is used twice",
        "Labels name constraints in messages, logs, multipliers and the report, so each is used"
        " once (within its group).",
        "var x = 1\nminimize x\ns.t. low: x >= 0\n     low: x^2 <= 4\n",
        "var x = 1\nminimize x\ns.t. low: x >= 0\n     high: x^2 <= 4\n",
    ),
    206: (
        "no constraint has this label",
        "`verify` names constraints by their labels; a label of a group includes its members.",
        "minimize ce\ns.t. small: density(model) <= 50%\nverify smal on test\n",
        "minimize ce\ns.t. small: density(model) <= 50%\nverify small on test\n",
    ),
    207: (
        "unknown dataset",
        "`on`, `verify ... on`, `dual_data` and `sizes` name datasets of the `data` lines.",
        "data train(x, y), test(x, y)\nmodel f\nminimize ce\nmetric acc = P[pred == y on tets]\n",
        "data train(x, y), test(x, y)\nmodel f\nminimize ce\nmetric acc = P[pred == y on test]\n",
    ),
    208: (
        "a dataset has no such column",
        "The expression is measured on a dataset whose `data` line does not name this column.",
        "data train(x, y, sex), test(x, y)\nmodel f\nminimize ce\n"
        "metric gap1 = gap(P[pred == 1 | sex on test])\n",
        "data train(x, y, sex), test(x, y, sex)\nmodel f\nminimize ce\n"
        "metric gap1 = gap(P[pred == 1 | sex on test])\n",
    ),
    209: (
        "a name of a constant",
        "`pi` and `inf` always mean the constants.",
        "param pi = 3\nminimize ce\ns.t. E[ce(model(x), y)] <= pi\n",
        "param p = 3\nminimize ce\ns.t. E[ce(model(x), y)] <= p\n",
    ),
    210: (
        "no such part",
        "A model has `weights` (parameters with two or more dimensions) and `params` (all of"
        ' them), both with an optional pattern: `net.params("conv*")`.',
        "model f\nminimize ce\ns.t. forall W in f.weigths: sumsq(W) <= 4\n",
        "model f\nminimize ce\ns.t. forall W in f.weights: sumsq(W) <= 4\n",
    ),
    211: (
        "no param of this name",
        "`--set name=value` (or `params={...}` in Python) names a param that the spec does not"
        " have.",
        "",
        "",
    ),
    212: (
        "a name is set twice from outside",
        "`--set` or `--bind` gives two values for one name.",
        "",
        "",
    ),
    213: (
        "a value from outside can't be read",
        "`--set name=...` takes a number, a percentage, a list in brackets, or the name of a .csv"
        " or .json file of numbers.",
        "",
        "",
    ),
    214: (
        "a Python callable can't become a function",
        "`@cspec.function` takes literals, which are read without importing the file:"
        ' `range=(0, 1)`, `gradient=False`, `surrogate="name"`, `result="example"`,'
        ' `kinds=("weights", "number")`. The function itself has plain arguments.',
        "",
        "",
    ),
    215: (
        "a let is too large",
        "Lets are written out where they are used. A chain in which each let names the one"
        " before it twice doubles with each line; such a let is refused before it fills the"
        " memory.",
        "var x = 1\nlet a0 = x + x\n"
        + "".join(f"let a{i} = a{i - 1} + a{i - 1}\n" for i in range(1, 17))
        + "minimize a16\n",
        "var x = 1\nlet a = x + x\nminimize 65536*a\n",
    ),
    216: (
        "an import from outside the folder",
        '`from "file.py"` takes a path relative to the spec, in its folder or below, so that a'
        " spec reaches nothing it was not given.",
        'from "../nets.py" import Net\nmodel f = Net()\nminimize ce\n',
        'from "nets.py" import Net\nmodel f = Net()\nminimize ce\n',
    ),
    217: (
        "a file or a name to import is missing",
        "Python files are read, not imported, before a run: a file that is not there is a"
        " warning, a name that the file does not define is an error.",
        "",
        "",
    ),
    218: (
        "an import that nobody trusts",
        "A spec brings Python in from files of its own folder, from the part of torch that computes"
        " numbers, and from installed packages that announce functions for specs (entry points"
        " `cspec.functions`). Any other module is named by whoever runs the spec: `--trust NAME`"
        ' (a name covers its submodules), `trust=["NAME"]` in Python, or for all specs `trust ='
        ' ["NAME"]` below `[tool.cspec]` in the pyproject.toml of the current directory or one'
        " above it. So a spec from elsewhere can be checked, explained and run without running a"
        " command. What is bound on the command line or as a Python object is not asked.",
        "from os import getpid as f\nvar x = 1\nminimize f(x)\n",
        "from torch import square as f\nvar x = 1\nminimize f(x)\n",
    ),
    219: (
        "no name of a module",
        "Modules are trusted by the name that Python imports them by: `--trust scipy`,"
        ' `trust=["scipy.special"]`. `torch.hub.load` or `os.path.join` names one member.',
        "",
        "",
    ),
    220: (
        "a name is not bound",
        "A `data` or `model` line without `=`, a param without a value, and what a spec without"
        " such lines implies, must be given from outside: `--bind model=mlp`, `--bind data=digits`"
        " or Python arguments. All of them are reported together, each with the line that"
        " needs it.",
        "",
        "",
    ),
    221: (
        "a binding can't be read",
        "`--bind name=...` takes a model or data source of the language, or `file.py:Name`.",
        "",
        "",
    ),
    222: (
        "nothing has this name",
        "A binding names something that the spec does not have.",
        "",
        "",
    ),
    223: (
        "a table that does not fit its column",
        "A param such as `level[hospital]` has one number for each value of a column: none may be"
        " missing, and none may be for a value that the column does not hold.",
        "",
        "",
    ),
}

NAME_CODES = pages(_PAGES)
