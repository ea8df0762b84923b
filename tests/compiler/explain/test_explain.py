"""What `explain` says, and what it must not need."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

import cspec
from cspec.compiler.explain.explain import explain
from cspec.compiler.explain.formulas import mathematics
from cspec.compiler.explain.gather import verdict
from cspec.compiler.expressions.latex import latex
from cspec.compiler.plan import Plan
from cspec.compiler.records.graph import Kind, Operation, Update
from cspec.compiler.records.program import ConstraintFacts, VerifyFacts
from cspec.compiler.records.which_data import where_measured
from cspec.dsl.parsing.parse import parse
from cspec.dsl.text.source import Source
from cspec.dsl.tree.nodes import Objective

Planned = Callable[[str], Plan]
EXAMPLES = sorted((Path(__file__).parents[3] / "examples").glob("*.cspec"))
FORMS = ["text", "json", "markdown", "mermaid"]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
@pytest.mark.parametrize("verbose", [False, True])
def test_every_example_in_every_form(planned: Planned, path: Path, verbose: bool) -> None:
    plan = planned(path.read_text())
    text = explain(plan, verbose=verbose)
    assert max(len(line) for line in text.splitlines()) <= 100
    for constraint in plan.problem.constraints:
        assert f"{constraint.label}" in text and constraint.reason.split()[0] in text
    assert json.loads(explain(plan, format="json"))["constraints"]
    assert explain(plan, format="markdown", verbose=verbose).count("$$") == 2
    assert explain(plan, format="mermaid").startswith("flowchart TD\n")


def test_an_unknown_form_is_refused(planned: Planned) -> None:
    with pytest.raises(ValueError, match="no form 'html'"):
        explain(planned("var x\nminimize x^2"), format="html")  # type: ignore[arg-type]


def test_torch_is_not_needed() -> None:
    code = (
        "import sys\n"
        "from cspec.compiler.explain.explain import explain\n"
        "from cspec.compiler.plan import plan\n"
        "from cspec.dsl.check import check\n"
        "from cspec.dsl.text.source import Source\n"
        "text = 'minimize ce s.t. density(model) <= 0.5'\n"
        "for form in ('text', 'json', 'markdown', 'mermaid'):\n"
        "    explain(plan(check(Source(text=text, name='a'))), format=form, verbose=True)\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_problem_is_written_out(planned: Planned) -> None:
    text = explain(
        planned(
            "data train(x, y)\nmodel f\nminimize ce\ns.t. a: P[pred == 0] >= 70%\nusing lagrangian"
        )
    )
    assert "minimize    E[ce(f(x), y) on train]" in text
    assert "`ce` means `E[ce(f(x), y) on train]`" in text
    assert "a:  70% - P[pred(f(x)) == 0 on train] <= 0" in text
    assert "sigmoid of temperature 1 moves the model: 70% - E[prob(f(x))[0] on train] <= 0" in text
    assert "sensitivity = +multiplier" in text
    assert "multipliers <- [multipliers + lr * g]+" in text
    assert "dual.lr=0.02 |grad f| / (|x| |grad g| + violation)" in " ".join(text.split())


def test_open_choices_stay_open_until_a_model_is_bound(planned: Planned) -> None:
    spec = "minimize ce s.t. c: density(model) <= 0.5"
    plan = planned(spec)
    text = explain(plan)
    assert "lagrangian (with gates) or projection (without gates)" in text
    dense = cspec.compile(spec, model="mlp(hidden=[8])", data="digits")
    gated = cspec.compile(spec, model="mlp(hidden=[8], gates=hard_concrete)", data="digits")
    said = explain(plan, dense)
    assert "with gates)" not in said and "method      projection" in said
    said = explain(plan, gated)
    assert "method      lagrangian" in said and "expected density of the gates" in said
    assert "gates get Adam" in said


def test_members_appear_once_they_are_known(planned: Planned) -> None:
    spec = (
        "data train(x, y) = digits\nmodel f = mlp(hidden=[8])\nminimize ce(f(x), y)\n"
        "s.t. o: forall W in f.weights: W in stiefel"
    )
    plan = planned(spec)
    assert "for W in f.weights" in explain(plan) and "members" not in explain(plan)
    assert "2 members: o[fc1.weight], o[fc2.weight]" in explain(plan, cspec.compile(spec))


def test_verbose_adds_rewriting_defaults_and_alternatives(planned: Planned) -> None:
    plan = planned("data train(x, y)\nmodel f\nminimize ce\ns.t. r: 0.2 <= P[pred == 0] <= 0.4\n")
    short, full = explain(plan), explain(plan, verbose=True)
    assert "Rewriting" not in short and "split chains" in full
    assert "r.lo: P[pred(f(x)) == 0 on train] >= 0.2" in full
    assert "not taken" in full and "not taken" not in short
    assert "(default)" in full


def test_frozen_models_do_not_move(planned: Planned) -> None:
    text = explain(
        planned(
            "data train(x, y)\nmodel f\nmodel ref = frozen(f)\nminimize E[ce(f(x), y)]\n"
            "s.t. a: E[ce(f(x), y)] <= E[ce(ref(x), y)] + 0.1"
        )
    )
    assert "moves       f\n" in text and "stays       ref\n" in text


@pytest.mark.parametrize(
    "formula, text, tex",
    [
        ("relu(multipliers + lr * true)", "[multipliers + 0.5 g]+", r"[\lambda + 0.5 \, g]_+"),
        ("multipliers + one * true", "multipliers + g", r"\lambda + g"),
        ("c + zero * true", "c", r"\mathrm{c}"),
        ("0 - multipliers / (2 * penalty)", "-multipliers / (2 penalty)", None),
        ("where(true > 0, a, b)", "a if g > 0 else b", None),
        ("maximum(multipliers, floor)", "max(multipliers, floor)", None),
        ("(a - b) * (a - (b - a))", "(a - b) * (a - (b - a))", None),
        ("1 / penalty ** 0.1", "1 / penalty^0.1", r"\frac{1}{c^{0.1}}"),
        ("abs(true)", "|g|", "|g|"),
    ],
)
def test_formulas_read_as_mathematics(formula: str, text: str, tex: str | None) -> None:
    constants = {"lr": 0.5, "one": 1.0, "zero": 0.0}
    operation = Operation(kind=Kind.DUAL_STEP, name="step", constants=constants)
    found = mathematics(operation, Update(target="x", formula=formula))
    assert found.text == f"x <- {text}"
    assert tex is None or found.latex == rf"\mathrm{{x}} \leftarrow {tex}"


@pytest.mark.parametrize(
    "written, tex",
    [
        ("a/b", r"\frac{a}{b}"),
        ("(a + b)^2", r"{\left(a + b\right)}^{2}"),
        ("sqrt(x) + pi", r"\sqrt{x} + \pi"),
        ("E[loss | s == 1 on train]", None),
        ("sum(sumsq(W) for W in f.weights)", None),
        ("abs(x) - norm(w, 1)", r"\left|x\right| - \left\lVert w \right\rVert_{1}"),
        ("x_1", r"\mathrm{x\_1}"),
    ],
)
def test_expressions_as_latex(written: str, tex: str | None) -> None:
    spec, _ = parse(Source(text=f"minimize {written}", name="a"))
    item = next(item for item in spec.items if isinstance(item, Objective))
    assert item.expression is not None
    found = latex(item.expression)
    assert found.count("{") == found.count("}")
    assert tex is None or found == tex


VERIFY = [
    (),
    (VerifyFacts(dataset="val"),),
    (VerifyFacts(dataset="val", labels=("a",)),),
    (VerifyFacts(dataset="test", labels=("other",)),),
    (VerifyFacts(dataset="val", every=(1, "epoch")), VerifyFacts(dataset="test", labels=("a",))),
    (VerifyFacts(dataset="test"), VerifyFacts(dataset="val", every=(1, "epoch"))),
]


@pytest.mark.parametrize("verify", VERIFY)
@pytest.mark.parametrize("datasets", [(), ("train",), ("forget",), ("train", "forget")])
@pytest.mark.parametrize("named", [False, True])
def test_the_data_of_the_verdict_are_those_that_the_runtime_uses(
    verify: tuple[VerifyFacts, ...], datasets: tuple[str, ...], named: bool
) -> None:
    facts = ConstraintFacts(
        named=named,
        label="a[x]",
        family="a",
        text="",
        relation="<=",
        tolerance=0,
        method="lagrangian",
        datasets=datasets,
    )
    place = where_measured([facts], verify, "train")[facts.label]
    said = verdict(facts, verify, "train")
    assert (place.split or "parameters") in said
    assert ("names its data" in said) == (place.kept_from is not None)


def test_every_example_of_the_language_explains() -> None:
    """A method whose schedule follows the length of the run, quantifiers over examples, rules."""
    text = """
        data retain(x, y)
        model net
        minimize E[ce(net(x), y) on retain]
        s.t. small: sumsq(net.weights) <= 400
             each: forall (x, y) in retain: ce(net(x), y) <= 2 by lagrangian
             rule: forall (x, y) in retain: net(x)[0] > 0 => net(x)[1] > 0 with surrogate product
        using sal(penalty=1e-3)
    """
    found = cspec.explain(dedent(text))
    assert "net(x)[0] > 0 => net(x)[1] > 0   for" in " ".join(found.split("\n"))
    assert "=> net(x)[1] > 0 <= 0" not in found
    assert "on all of retain" in found
