"""Examples of codes that `check` alone does not give: a spec, and the commands that meet the code.

They are about values from outside, data, models and the run itself. Codes of what no spec brings
about (an interrupted run, a damaged folder, a loop of the user's own) have no example.
"""

from typing import NamedTuple


class Example(NamedTuple):
    """Two specs, each called spec.cspec, the commands they are run by, the files these read."""

    wrong: str
    right: str = ""
    commands: tuple[str, ...] = ("run spec.cspec",)
    right_commands: tuple[str, ...] = ("run spec.cspec",)
    files: dict[str, str] = {}  # noqa: RUF012


def _same(spec: str, wrong: str, *right: str, files: dict[str, str] | None = None) -> Example:
    """One spec, run wrongly and rightly."""
    return Example(spec, spec, (wrong,), right, files or {})


_FIT = "fit(epochs=1)\n"
_DIGITS = "data train(x, y) = digits\nmodel f = mlp\nminimize ce\n"
_GATED = f"{_DIGITS.replace('mlp', 'mlp(gates=hard_concrete)')}s.t. density(f) <= 50%\n"
_PARAM = "param eps = 0.5\nvar x = 1\nminimize x^2\ns.t. x >= eps\n"
_BOUND = f"minimize ce\ns.t. P[pred == 3] <= 20%\n{_FIT}"
_FILE = '"people.csv", target="income"'
_PEOPLE = {
    "people.csv": "age,job,income\n31.5,nurse,1\n45.2,cook,0\n28.1,cook,0\n52.9,nurse,1\n"
    "39.3,cook,1\n60.7,nurse,0\n"
}
_OF_PEOPLE = f"data train(x, y, job) = csv({_FILE})\nmodel f = linear\nminimize bce\n"
_TABLE = (
    f"param level[job]\n{_OF_PEOPLE}"
    f"s.t. forall j in values(job): P[pred == 1 | job == j] <= level[j]\n{_FIT}"
)
_SHARE = "var w[4] = [0.1, 0.2, 0.8, 0.9]\nminimize sumsq(w)\ns.t. share(w) <= 60%\n"
_RATES = "import cspec\n\n@cspec.function(range={})\ndef share(w):\n    return (w**2).mean()\n"
_GELU = "minimize ce + E[sumsq(gelu(model(x)))]\n"
_ODD = {"odd.py": "def odd(w):\n    raise ValueError('w is odd')\n"}
_OF_ODD = 'from "odd.py" import odd\nvar w[2] = [1, 2]\nminimize sumsq(w - 1)\n'
_OF_VAR = "var w[2] = [1, 2]\nminimize sumsq(w - 1)\n"
_OUTPUT = "data train(x, y) = digits\nmodel f = linear\nminimize mse(f(x)[0], y)\n"
_WIDE = "var W[2, 3] = [[1, 0, 0], [0, 1, 0]]\nminimize sumsq(W - 1)\n"

EXAMPLES: dict[str, Example] = {
    "CS211": _same(_PARAM, "run spec.cspec --set epsilon=0.3", "run spec.cspec --set eps=0.3"),
    "CS212": _same(
        _PARAM, "run spec.cspec --set eps=0.3 --set eps=0.4", "run spec.cspec --set eps=0.4"
    ),
    "CS213": _same(_PARAM, "run spec.cspec --set eps=eps.json", "run spec.cspec --set eps=50%"),
    "CS214": Example(
        f'from "computed.py" import share\n{_SHARE}',
        f'from "rates.py" import share\n{_SHARE}',
        ("check spec.cspec",),
        files={"computed.py": _RATES.format("limits()"), "rates.py": _RATES.format("(0, 1)")},
    ),
    "CS217": Example(
        f'from "losses.py" import gelu\n{_GELU}',
        f"from torch.nn.functional import gelu\n{_GELU}",
        ("check spec.cspec",),
        ("check spec.cspec",),
    ),
    "CS220": _same(
        "param eps in [0, 1]\nvar x = 1\nminimize x^2\ns.t. x >= eps\n",
        "run spec.cspec",
        "run spec.cspec --set eps=0.3",
    ),
    "CS221": _same(
        _BOUND,
        "run spec.cspec --bind data=digits --bind 'model=mlp(hidden=[16]'",
        "run spec.cspec --bind data=digits --bind 'model=mlp(hidden=[16])'",
    ),
    "CS222": _same(
        _BOUND,
        "run spec.cspec --bind data=digits --bind net=mlp",
        "run spec.cspec --bind data=digits --bind model=mlp",
    ),
    "CS223": _same(
        _TABLE,
        "run spec.cspec --set level=level.json",
        "run spec.cspec --set level=level.csv",
        files={
            **_PEOPLE,
            "level.json": '{"nurse": 0.9, "pilot": 0.9}\n',
            "level.csv": "job,level\nnurse,0.9\ncook,0.9\n",
        },
    ),
    "CS312": Example(
        f"{_DIGITS}s.t. P[pred == 1 | y] <= 50%\n{_FIT}",
        f"{_DIGITS}s.t. max(P[pred == 1 | y]) <= 50%\n{_FIT}",
    ),
    "CS330": Example(
        f"{_OF_PEOPLE.replace('people', 'peoples')}{_FIT}", f"{_OF_PEOPLE}{_FIT}", files=_PEOPLE
    ),
    "CS331": Example(
        f"data train(x, y) = digits\nmodel f = cnn\nminimize ce\n{_FIT}",
        f"data train(x, y) = digits(image=true)\nmodel f = cnn\nminimize ce\n{_FIT}",
    ),
    "CS332": Example(
        f"{_DIGITS}s.t. E[prob] <= 50%\n{_FIT}", f"{_DIGITS}s.t. E[prob[1]] <= 50%\n{_FIT}"
    ),
    "CS334": Example(
        f"{_OF_PEOPLE}s.t. E[job + 0*f(x)[0]] <= 1\n{_FIT}",
        f'{_OF_PEOPLE}s.t. P[pred == 1 | job == "cook"] <= 90%\n{_FIT}',
        files=_PEOPLE,
    ),
    "CS511": Example(
        f'{_DIGITS}fit(optimizer=[sgd(params="conv*"), adam], epochs=1)\n',
        f'{_DIGITS}fit(optimizer=[sgd(params="*weight"), adam], epochs=1)\n',
    ),
    "CS522": Example(
        f"{_DIGITS}s.t. flops(f) <= 10k\n{_FIT}",
        f"{_DIGITS.replace('mlp', 'mlp(gates=hard_concrete)')}s.t. flops(f) <= 10k\n{_FIT}",
    ),
    "CS525": Example(
        f'{_DIGITS}s.t. forall W in f.weights("conv*"): l2(W) <= 3\n{_FIT}',
        f'{_DIGITS}s.t. forall W in f.weights("fc1*"): l2(W) <= 3\n{_FIT}',
    ),
    "CS526": Example(
        f"{_OF_PEOPLE.replace('job', 'age')}s.t. gap(P[pred == 1 | age]) <= 50%\n{_FIT}",
        f"{_OF_PEOPLE}s.t. gap(P[pred == 1 | job]) <= 50%\n{_FIT}",
        files=_PEOPLE,
    ),
    "CS527": Example(f"{_WIDE}s.t. W.T @ W == eye\n", f"{_WIDE}s.t. W @ W.T == eye\n"),
    "CS528": Example(
        "var w[6] = 1\nminimize sumsq(w - 2)\ns.t. w in nm(2, 4)\n",
        "var w[8] = 1\nminimize sumsq(w - 2)\ns.t. w in nm(2, 4)\n",
    ),
    "CS529": Example(
        "var A[2, 3] = 1\nminimize sumsq(A - 1)\ns.t. A in psd\n",
        "var A[3, 3] = 1\nminimize sumsq(A - 1)\ns.t. A in psd\n",
    ),
    "CS541": Example(f"{_GATED}fit(optimizer=adam(lr=0.001), epochs=1)\n", f"{_GATED}{_FIT}"),
    "CS601": Example(
        "var x[2] = 1\nminimize x[0]\ns.t. sumsq(x) <= 1\n     x[0] + x[1] >= 2\n",
        "var x[2] = 1\nminimize x[0]\ns.t. sumsq(x) <= 2.5\n     x[0] + x[1] >= 2\n",
    ),
    "CS602": Example(
        f"{_OUTPUT}fit(optimizer=sgd(lr=1e9), epochs=1)\n",
        f"{_OUTPUT}fit(optimizer=sgd(lr=1e-3), epochs=1)\n",
    ),
    "CS606": Example(
        f"{_OF_ODD}metric size = odd(w)\n", f"{_OF_VAR}metric size = norm(w, 2)\n", files=_ODD
    ),
    "CS610": Example(
        f"{_OF_ODD}s.t. odd(w) <= 1\nfit(steps=20)\n",
        f"{_OF_VAR}s.t. norm(w, 2) <= 1\n",
        files=_ODD,
    ),
    "CS620": _same(_PARAM, "run spec.cspec --out spec.cspec", "run spec.cspec --out first"),
    "CS621": _same(_PARAM, "resume first", "run spec.cspec --out first", "resume first"),
    "CS635": Example("given loss, kl\nminimize loss\ns.t. kl <= 4\n"),
    "CS640": _same(
        _PARAM, "compile spec.cspec -o nowhere/train.py", "compile spec.cspec -o train.py"
    ),
    "CS641": _same(_PARAM, "run spec.cspec --device cuda:99", "run spec.cspec --device cpu"),
}
