"""What the model's step sees, as text: the requirement as written, and its surrogate.

Without data the classes of a model are not known, and with data they are: both are stated.
"""

from __future__ import annotations

import re
from typing import Literal

import pytest

from cspec.compiler.axes.inference import Inference
from cspec.compiler.axes.known import Known
from cspec.compiler.axes.targets import targets_of
from cspec.compiler.expressions.text import text
from cspec.compiler.pass_inputs import moving
from cspec.compiler.passes.expansion.expand import Expansion, expand
from cspec.compiler.plan import canonical_problem
from cspec.compiler.records.facts import ColumnFacts, DataFacts, Facts, OutputFacts
from cspec.compiler.records.problem import Constraint, Problem
from cspec.compiler.surrogates.setting import setting_of
from cspec.compiler.surrogates.surrogates import surrogates
from cspec.dsl.check import Checked, check
from cspec.dsl.messages.diagnostic import Diagnostic, SpecError
from cspec.dsl.text.source import Source
from cspec.dsl.tree.nodes import Expr

HEAD = "data train(x, y, g, w, s)\nmodel f\nmodel h\nmodel ref = frozen(f)\n"


def read(line: str, objective: str) -> Checked:
    found = check(Source(text=f"{HEAD}{objective}\ns.t. a: {line}", name="spec.cspec"))
    assert not [d for d in found.diagnostics if d.severity == "error"]
    return found


def softened(line: str, facts: Facts, objective: str = "minimize E[ce(f(x), y)]") -> Problem:
    checked = read(line, objective)
    symbols = checked.symbols
    targets = targets_of(checked.elaborated, symbols)
    problem = canonical_problem(checked)
    if facts != Facts():
        problem = expand(problem, Expansion(facts, checked.params, targets=targets.of))
    inference = Inference(Known(symbols, facts, checked.params, predicts=targets))
    return surrogates(problem, setting_of(checked, inference, moving(checked)))


def shown(constraint: Constraint) -> list[str]:
    parts = constraint.gradient_parts or ()
    return [short(part) for part in parts]


def short(part: Expr) -> str:
    """The text with `z` for the outputs of f, and without the only dataset."""
    return re.sub(r"\bf\(x\)", "z", text(part)).replace(" on train", "")


def stand_in(line: str, facts: Facts | None = None) -> str:
    """The surrogate of the only part: `z` are the outputs of f."""
    (constraint,) = softened(line, facts or Facts()).constraints
    (part,) = shown(constraint)
    return part


def refusal(line: str, facts: Facts | None = None) -> Diagnostic:
    with pytest.raises(SpecError) as caught:
        softened(line, facts or Facts())
    (found,) = caught.value.diagnostics
    return found


def bound(outputs: tuple[int, ...], kind: Literal["real", "integer"] = "real") -> Facts:
    """Facts of data with models of so many outputs, those of h of a kind."""
    count = outputs[0] if outputs else 2
    columns = {
        "x": ColumnFacts(kind="real", shape=(3,)),
        "y": ColumnFacts(kind="integer", levels=tuple(range(count)), counts=(9,) * count),
        "g": ColumnFacts(kind="integer", levels=(0, 1, 2), counts=(9, 9, 9)),
        "w": ColumnFacts(kind="real", shape=()),
        "s": ColumnFacts(kind="categorical", classes=("a", "b"), counts=(9, 9)),
    }
    seen = {f"{name}(x) on train": OutputFacts(shape=outputs) for name in ("f", "ref")}
    seen["h(x) on train"] = OutputFacts(shape=outputs, kind=kind)
    return Facts(data={"train": DataFacts(rows=27, columns=columns)}, outputs=seen)


# --- predictions ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "truth"),
    [
        ("pred(f(x)) == 1", "prob(z)[1]"),
        ("1 == pred(f(x))", "prob(z)[1]"),
        ("pred(f(x)) != 1", "1 - prob(z)[1]"),
        ("not pred(f(x)) == 1", "1 - prob(z)[1]"),
        ("pred(f(x)) == y", "prob(z)[y]"),
        ("y != pred(f(x))", "1 - prob(z)[y]"),
        ("pred(f(x)) in {0, 1}", "prob(z)[0] + prob(z)[1]"),
        ("pred(f(x)) in [0, 1]", "prob(z)[0] + prob(z)[1]"),
        ("not pred(f(x)) in {0, 1}", "1 - prob(z)[0] - prob(z)[1]"),
        ("pred(f(x)) > 1", "1 - prob(z)[0] - prob(z)[1]"),
        ("2 > pred(f(x))", "prob(z)[0] + prob(z)[1]"),
        ('pred(f(x)) == "dog"', 'prob(z)["dog"]'),
        ('pred(f(x)) in {"dog", "cat"}', 'prob(z)["dog"] + prob(z)["cat"]'),
        ("pred(f(x)) == -1", 'prob(z)["-1"]'),
        # one prediction is one random class
        ("pred(f(x)) == 0 or pred(f(x)) == 1", "prob(z)[0] + prob(z)[1]"),
        ("pred(f(x)) != 0 and pred(f(x)) > 1", "1 - prob(z)[0] - prob(z)[1]"),
        ("pred(f(x)) == 1 or pred(f(x)) == y", "prob(z)[1] + (y != 1)*prob(z)[y]"),
        ("pred(f(x)) == y and pred(f(x)) in {0, 2}", "prob(z)[0]*(y == 0) + prob(z)[2]*(y == 2)"),
        ("pred(f(x)) == 1 => pred(f(x)) == y", "prob(z)[1]*(y == 1) + 1 - prob(z)[1]"),
        ("(pred(f(x)) == 1) == (y == 1)", "prob(z)[1]*(y == 1) + (1 - prob(z)[1])*(not y == 1)"),
        ("(pred(f(x)) == y) >= 1", "prob(z)[y]"),
        ("(pred(f(x)) == y) > 0 and g == 1", "prob(z)[y]*(g == 1)"),
        # other models
        ("pred(f(x)) == pred(ref(x))", "prob(z)[pred(ref(x))]"),
        ("pred(ref(x)) == pred(f(x))", "prob(z)[pred(ref(x))]"),
        ("pred(f(x)) == 1 and pred(h(x)) == 0", "prob(z)[1]*prob(h(x))[0]"),
        (
            "pred(f(x)) == pred(h(x))",
            "sum(prob(z)[k]*prob(h(x))[k] for k in classes)",
        ),
    ],
)
def test_events_of_predictions(event: str, truth: str) -> None:
    assert stand_in(f"P[{event}] <= 10%") == f"E[{truth}] - 10%"


@pytest.mark.parametrize(
    ("number", "mean"),
    [
        ("pred(f(x))", "sum(prob(z)[k]*k for k in classes)"),
        ("abs(pred(f(x)) - y)", "sum(prob(z)[k]*abs(k - y) for k in classes)"),
        ("0.5*(pred(f(x)) == 1)", "0.5*prob(z)[1]"),
        ("w*(pred(f(x)) == 1)/2", "w*prob(z)[1]/2"),
        ("(pred(f(x)) == 0) + (pred(f(x)) == 1)", "prob(z)[0] + prob(z)[1]"),
        ("1 - (pred(f(x)) == y)", "1 - prob(z)[y]"),
        ("(pred(f(x)) == 1)^2", "prob(z)[1]"),
        ("(pred(f(x)) == y)*(pred(f(x)) != 0)", "(y != 0)*prob(z)[y]"),
        ("max(pred(f(x)) == 1, w)", "prob(z)[1]*max(1, w) + (1 - prob(z)[1])*max(0, w)"),
        ("exp(pred(f(x)) == y) - 1", "prob(z)[y]*exp(1) + (1 - prob(z)[y])*exp(0) - 1"),
        ("f(x)[0]*(pred(f(x)) == 1)", "z[0]*prob(z)[1]"),
        ("where(pred(f(x)) == 1, w, 0)*(pred(f(x)) == 1)", "prob(z)[1]*w"),
        ("where(w > 0 and pred(f(x)) == y, 1, 0)", "(w > 0)*prob(z)[y]"),
        ("abs(where(pred(f(x)) == y, w, g))", "prob(z)[y]*abs(w) + (1 - prob(z)[y])*abs(g)"),
        ("abs(any(f(x) > 0))", "abs(max(sigmoid(z)))"),
        ("min(all(f(x) > 0), w)", "min(min(sigmoid(z)), w)"),
        ("(pred(f(x)) == 1)*P[pred(f(x)) == 1]", "prob(z)[1]*E[prob(z)[1]]"),
    ],
)
def test_numbers_of_predictions(number: str, mean: str) -> None:
    assert stand_in(f"E[{number}] <= 10%") == f"E[{mean}] - 10%"


@pytest.mark.parametrize(
    ("line", "outputs", "mean"),
    [
        ("E[pred(f(x))] <= 1", (3,), "E[prob(z)[1] + prob(z)[2]*2] - 1"),
        ("E[pred(f(x))] <= 1", (), "E[prob(z)[1]] - 1"),
        ("E[abs(pred(f(x)) - y)] <= 1", (), "E[prob(z)[0]*abs(-y) + prob(z)[1]*abs(1 - y)] - 1"),
        ("P[pred(f(x)) > w] <= 1", (), "E[prob(z)[0]*(w < 0) + prob(z)[1]*(w < 1)] - 1"),
        ("P[pred(f(x)) > 1] <= 1", (3,), "E[1 - prob(z)[0] - prob(z)[1]] - 1"),
        ("P[pred(f(x)) == 7 or pred(f(x)) == 1] <= 1", (3,), "E[prob(z)[1]] - 1"),
        ("P[pred(f(x)) == pred(h(x))] <= 1", (3,), "E[prob(z) @ prob(h(x))] - 1"),
        (
            "P[pred(f(x)) != pred(h(x))] <= 1",
            (1,),
            "E[1 - prob(z)[0]*prob(h(x))[0] - prob(z)[1]*prob(h(x))[1]] - 1",
        ),
        (
            "E[prob(h(x))[pred(f(x))]] <= 1",
            (),
            "E[prob(z)[0]*prob(h(x))[0] + prob(z)[1]*prob(h(x))[1]] - 1",
        ),
    ],
)
def test_classes_that_are_known(line: str, outputs: tuple[int, ...], mean: str) -> None:
    assert stand_in(line, bound(outputs)) == mean


# --- events of numbers ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "truth"),
    [
        ("f(x)[0] > w", "sigmoid(in_units(z[0] - w))"),
        ("f(x)[0] <= 0", "sigmoid(0 - z[0])"),
        ("w >= f(x)[0]", "sigmoid(in_units(w - z[0]))"),
        ("f(x)[0] > -0.5", "sigmoid(in_units(z[0] + 0.5))"),
        ("f(x)[0] > f(x)[1]", "sigmoid(z[0] - z[1])"),
        ("abs(f(x)[0] - w) > 2", "sigmoid(in_units(abs(z[0] - w) - 2))"),
        ("f(x)[0] in [-0.1, 0.3]", "sigmoid(in_units(z[0] + 0.1))*sigmoid(in_units(0.3 - z[0]))"),
        ("-0.1 < f(x)[0] <= 0.3", "sigmoid(in_units(z[0] + 0.1))*sigmoid(in_units(0.3 - z[0]))"),
        ("f(x)[0] == w", "exp(-in_units(z[0] - w)^2)"),
        ("f(x)[0] != w", "1 - exp(-in_units(z[0] - w)^2)"),
        ("f(x)[0] > E[f(x)[0]]", "sigmoid(in_units(z[0] - E[z[0]]))"),
        ("f(x)[0] > 0 and y == 1 and g == 2", "sigmoid(z[0])*(y == 1 and g == 2)"),
        ("f(x)[0] > 0 or y == 1", "sigmoid(z[0]) + (y == 1) - sigmoid(z[0])*(y == 1)"),
        ("y == 1 => f(x)[0] > 0", "1 - (y == 1) + (y == 1)*sigmoid(z[0])"),
        ("f(x)[0] > 0 => y == 1", "1 - sigmoid(z[0]) + sigmoid(z[0])*(y == 1)"),
        ("not (f(x)[0] > 0 and f(x)[1] > 0)", "1 - sigmoid(z[0])*sigmoid(z[1])"),
        ("all(f(x) > 0)", "min(sigmoid(z))"),
        ("any(f(x) > 0 and x > 0)", "max(sigmoid(z)*(x > 0))"),
        (
            "(f(x)[0] > 0) + (f(x)[1] > 0) >= 1",
            "sigmoid(z[0]) + (1 - sigmoid(z[0]))*sigmoid(z[1])",
        ),
        ("sum(f(x) > 0) >= 2", "sigmoid(in_units(sum(sigmoid(z)) - 2))"),
        (
            "max(f(x)[i] > 0 for i in range(2)) >= 1",
            "sigmoid(z[0]) + (1 - sigmoid(z[0]))*sigmoid(z[1])",
        ),
        ("(f(x)[0] > 0) != (y == 1)", "sigmoid(z[0])*(not y == 1) + (1 - sigmoid(z[0]))*(y == 1)"),
    ],
)
def test_events_of_numbers(event: str, truth: str) -> None:
    truth = truth.replace("sigmoid(0 - z[0])", "sigmoid(-z[0])")
    assert stand_in(f"P[{event}] <= 10%") == f"E[{truth}] - 10%"


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("sum(E[f(x)[0] > 0 | s]) <= 1", "sum(E[sigmoid(z[0]) | s]) - 1"),
        ("E[sum(f(x) > 0)] <= 1", "E[sum(sigmoid(z))] - 1"),
        ("E[exp(f(x)[0] > 0)] <= 1", "E[sigmoid(z[0])*exp(1) + (1 - sigmoid(z[0]))*exp(0)] - 1"),
        ("cvar(pred(f(x)) == y, 80%) <= 1", "cvar(prob(z)[y], 80%, on=train) - 1"),
        ("quantile(f(x)[0] > 0, 80%) <= 1", "quantile(sigmoid(z[0]), 80%, on=train) - 1"),
        ("P[pred(f(x)) == 1]/P[y == 1] <= 2", "E[prob(z)[1]] - 2*P[y == 1]"),
        ("log(P[pred(f(x)) == 1]) <= -1", "log(E[prob(z)[1]]) - -1"),
        ("max(P[pred(f(x)) == 1 | s]) <= .5", "E[prob(z)[1] | s][i] - .5"),
        ("P[pred(f(x)) == 1] <= P[pred(h(x)) == 1]", "E[prob(z)[1]] - E[prob(h(x))[1]]"),
        ("P[pred(f(x)) == 1] == 50%", "E[prob(z)[1]] - 50%"),
        # conditions that move
        ("P[y == 1 | pred(f(x)) == 1] >= .5", ".5 - E[(y == 1)*prob(z)[1]]/E[prob(z)[1]]"),
        (
            "P[y == 1 | pred(f(x)) == 1, g == 2] >= .5",
            ".5 - E[(y == 1)*prob(z)[1] | g == 2]/E[prob(z)[1] | g == 2]",
        ),
        (
            "P[pred(f(x)) == y | pred(f(x)) != 0] >= .5",
            ".5 - E[(y != 0)*prob(z)[y]]/E[1 - prob(z)[0]]",
        ),
        (
            "E[w | f(x)[0] in [0, 1], f(x)[1] > 0] <= 2",
            "E[w*sigmoid(z[0])*sigmoid(in_units(1 - z[0]))*sigmoid(z[1])]"
            "/E[sigmoid(z[0])*sigmoid(in_units(1 - z[0]))*sigmoid(z[1])] - 2",
        ),
    ],
)
def test_events_in_statistics(line: str, part: str) -> None:
    assert stand_in(line) == part


def test_smooth_constraints_and_data_alone_get_none() -> None:
    for line in ("E[ce(f(x), y) | y == 1] <= 2", "E[f(x)[0]*(y == 1)] <= 2", "l2(f.weights) <= 2"):
        (constraint,) = softened(line, Facts()).constraints
        assert constraint.gradient_parts is None


@pytest.mark.parametrize(
    ("objective", "seen"),
    [
        ("minimize E[2*(pred(f(x)) != y)]", "E[2*(1 - prob(z)[y])]"),
        ("maximize P[pred(f(x)) == y]", "-E[prob(z)[y]]"),
        ("minimize E[ce(f(x), y)]", ""),
    ],
)
def test_objectives(objective: str, seen: str) -> None:
    found = softened("l2(f.weights) <= 2", Facts(), objective).objective_gradient
    assert ("" if found is None else short(found)) == seen


@pytest.mark.parametrize(
    ("line", "part"),
    [
        (
            "P[y == 1 | pred(f(x)) == 1] >= 75%",
            "0.75*E[(softplus(margin(z, 1))/0.693147)*(not y == 1)] - "
            "0.25*E[(1 - softplus(-margin(z, 1))/0.693147)*(y == 1)]",
        ),
        ("P[pred(f(x)) == 1 | y == 0] <= 5%", "E[softplus(margin(z, 1))/0.693147 | y == 0] - 5%"),
        ("gap(P[pred(f(x)) == 1 | y]) <= 5%", None),
        ("P[pred(f(x)) == 1] <= 5% with surrogate sigmoid", None),
    ],
)
def test_rates_beside_a_rate_are_weighted_losses(line: str, part: str | None) -> None:
    objective = "maximize P[pred(f(x)) == 1 | y == 1]"
    found = softened(line, Facts(), objective)
    assert found.objective_gradient is not None
    loss = "-E[1 - softplus(-margin(z, 1))/0.693147 | y == 1]"
    assert (short(found.objective_gradient) == loss) == (part is not None)
    assert part is None or shown(found.constraints[0]) == [part]


# --- stand-ins by name ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("P[pred(f(x)) == y] >= .5 with surrogate hinge", ".5 - E[1 - relu(1 - margin(z, y))]"),
        ("P[pred(f(x)) == y] <= .5 with surrogate hinge", "E[relu(1 + margin(z, y))] - .5"),
        ("P[pred(f(x)) != y] <= .5 with surrogate hinge", "E[relu(1 - margin(z, y))] - .5"),
        ("P[pred(f(x)) in {0, 2}] <= .5 with surrogate hinge", "E[relu(1 + margin(z, 0, 2))] - .5"),
        ("0.9 - P[f(x)[0] > w] <= .8 with surrogate hinge", "0.9 - E[1 - relu(1 - z[0] + w)] - .8"),
        ("-2*P[f(x)[0] > w] <= -.8 with surrogate hinge", "-2*E[1 - relu(1 - z[0] + w)] - -.8"),
        (
            "P[f(x)[0] > 0 and f(x)[1] > 0] <= .5 with surrogate hinge",
            "E[min(relu(1 + z[0]), relu(1 + z[1]))] - .5",
        ),
        (
            "P[f(x)[0] > 0 => f(x)[1] > 0] >= .5 with surrogate hinge",
            ".5 - E[max(1 - relu(1 + z[0]), 1 - relu(1 - z[1]))]",
        ),
        ("P[y == 1 and f(x)[0] > 0] <= .5 with surrogate hinge", "E[(y == 1)*relu(1 + z[0])] - .5"),
        (
            "gap(P[pred(f(x)) == 1 | s]) <= .5 with surrogate hinge",
            "E[relu(1 + margin(z, 1)) | s][i] - E[1 - relu(1 - margin(z, 1)) | s][j] - .5",
        ),
        (
            "ratio(P[pred(f(x)) == 1 | s]) >= .5 with surrogate hinge",
            ".5*E[relu(1 + margin(z, 1)) | s][j] - E[1 - relu(1 - margin(z, 1)) | s][i]",
        ),
        (
            "P[pred(f(x)) == 1]/P[pred(f(x)) == 0] <= .5 with surrogate hinge",
            "E[relu(1 + margin(z, 1))] - .5*E[1 - relu(1 - margin(z, 0))]",
        ),
        (
            "P[f(x)[0] > w] <= .5 with surrogate ramp(width=2)",
            "E[max(min(0.5 + (z[0] - w)/2, 1), 0)] - .5",
        ),
        (
            "P[pred(f(x)) == y] <= .5 with surrogate ramp",
            "E[max(min(0.5 + margin(z, y), 1), 0)] - .5",
        ),
        (
            "P[pred(f(x)) == y] <= .5 with surrogate sigmoid(temperature=0.1)",
            "E[prob(z/0.1)[y]] - .5",
        ),
        (
            "P[f(x)[0] > w] <= .5 with surrogate sigmoid(temperature=2)",
            "E[sigmoid((z[0] - w)/2)] - .5",
        ),
        (
            "P[f(x)[0] == w] <= .5 with surrogate sigmoid(temperature=2)",
            "E[exp(-((z[0] - w)/2)^2)] - .5",
        ),
        ("P[f(x)[0] > 0] <= .5 with surrogate product", "E[sigmoid(z[0])] - .5"),
        ("P[f(x)[0] > 0] <= .5 with surrogate dl2", "E[relu(z[0])] - .5"),
        ("P[f(x)[0] > 0] >= .5 with surrogate dl2", ".5 - E[1 - relu(-z[0])]"),
        (
            "P[f(x)[0] > 0 => f(x)[1] > 0] >= .5 with surrogate dl2",
            ".5 - E[1 - relu(z[0])*relu(-z[1])]",
        ),
        (
            "P[f(x)[0] > 0 and f(x)[1] > 0] >= .5 with surrogate dl2",
            ".5 - E[1 - relu(-z[0]) - relu(-z[1])]",
        ),
    ],
)
def test_words_on_the_side_of_the_bound(line: str, part: str) -> None:
    problem = softened(line, Facts())
    assert shown(problem.constraints[0]) == [part]
    assert not problem.surrogate_notes


@pytest.mark.parametrize(
    ("line", "part", "said"),
    [
        ("P[pred(f(x)) == 1] == .5 with surrogate hinge", "E[prob(z)[1]] - .5", "on one side"),
        (
            "E[w*(pred(f(x)) == 1)] <= .5 with surrogate hinge",
            "E[w*prob(z)[1]] - .5",
            "on one side",
        ),
        (
            "P[y == 1 | f(x)[0] > 0] <= .5 with surrogate dl2",
            "E[(y == 1)*sigmoid(z[0])]/E[sigmoid(z[0])] - .5",
            "on one side",
        ),
        (
            "P[pred(f(x)) == pred(h(x))] >= .5 with surrogate ramp",
            ".5 - E[sum(prob(z)[k]*prob(h(x))[k] for k in classes)]",
            "have none together",
        ),
    ],
)
def test_where_a_word_has_no_side_the_sigmoid_is_taken_and_said(
    line: str, part: str, said: str
) -> None:
    problem = softened(line, Facts())
    assert shown(problem.constraints[0]) == [part]
    (note,) = problem.surrogate_notes
    assert note.startswith("a: ") and said in note


# --- surrogates of one's own ---------------------------------------------------------------------


def test_events_in_a_surrogate_get_one_too() -> None:
    line = "P[pred(f(x)) == 1] <= .5 with surrogate P[f(x)[1] > 0]"
    assert stand_in(line) == "E[sigmoid(z[1])] - .5"


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("P[pred(f(x)) == 1] <= .5 with surrogate abs(E[f(x)[1]])", ["abs(E[z[1]]) - .5"]),
        (
            "abs(P[pred(f(x)) == 1] - 0.5) <= .5 with surrogate abs(E[f(x)[1]])",
            ["E[z[1]] - .5", "-E[z[1]] - .5"],
        ),
        (
            "abs(P[pred(f(x)) == 1] - 0.5) <= .5 with surrogate E[f(x)[1]]",
            ["E[z[1]] - .5", "E[z[1]] - .5"],
        ),
        (
            "P[pred(f(x)) == 1]/P[pred(f(x)) == 0] <= .5 with surrogate E[prob(f(x))[1]]/E[w^2]",
            ["E[prob(z)[1]] - .5*E[w^2]"],
        ),
        (
            "P[y == 1 | pred(f(x)) == 1] >= .5 with surrogate E[y*prob(f(x))[1]]/E[prob(f(x))[1]]",
            [".5 - E[y*prob(z)[1]]/E[prob(z)[1]]"],
        ),
    ],
)
def test_surrogates_of_another_number_of_parts(line: str, parts: list[str]) -> None:
    assert shown(softened(line, Facts()).constraints[0]) == parts


def test_one_number_is_lent_to_every_pair_of_groups() -> None:
    line = "gap(P[pred(f(x)) == 1 | g]) <= .5 with surrogate E[prob(f(x))[1]]"
    (constraint,) = softened(line, bound((3,))).constraints
    (part,) = constraint.gradient_parts or ()
    assert (type(part).__name__, getattr(part, "size", None)) == ("Repeated", 6)
    assert shown(constraint) == ["E[prob(z)[1]] - .5"]


def test_a_surrogate_of_several_numbers_has_to_say_which() -> None:
    found = refusal(
        "gap(P[pred(f(x)) == 1 | g]) <= .5 with surrogate E[prob(f(x))[1] | s]", bound((3,))
    )
    assert found.code == "CS312" and "is 2 numbers, and what it stands for has 6" in found.message


# --- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "facts", "place", "why"),
    [
        ("E[ce(f(x), pred(h(x)))] <= 1", Facts(), "ce(f(x), pred(h(x)))", "inside `ce`"),
        ("E[h(pred(f(x)))[0]] <= 1", Facts(), "h(pred(f(x)))", "inside `h`"),
        ("P[pred(f(x)) > w] <= 1", bound((101,)), "pred(f(x)) > w", "each of the 101 classes"),
        ("E[h(x)[0]] <= 1", bound((3,), "integer"), "h(x)", "cut off"),
        ("P[h(x)[0] > 1] <= 1", bound((3,), "integer"), "h(x)", "cut off"),
        (
            "E[sign(f(x)[0] - 1)*w + f(x)[0]] <= 1",
            Facts(),
            "sign(f(x)[0] - 1)",
            "almost everywhere",
        ),
    ],
)
def test_what_has_no_surrogate_is_refused_with_its_place(
    line: str, facts: Facts, place: str, why: str
) -> None:
    checked = check(Source(text=f"{HEAD}minimize E[ce(f(x), y)]\ns.t. a: {line}", name="s"))
    static = [d for d in checked.diagnostics if d.severity == "error"]
    found = static[0] if static else refusal(line, facts)
    assert found.code == "CS310" and why in found.label
    assert checked.source.slice(found.span) == place


def test_models_that_are_bound_without_data_have_no_classes() -> None:
    facts = Facts(models={})
    unknown = facts.model_copy(update={"data": {"other": DataFacts(rows=1, columns={})}})
    found = refusal("E[pred(f(x))] <= 1", unknown)
    assert found.code == "CS310" and "cspec.bind(..., train=data)" in found.helps[0]


def test_decision_variables_alone_are_left_to_the_solver() -> None:
    text_ = "var x = 1\nminimize x^2 + sign(x)*x\ns.t. s: sign(x) >= 0.5 with surrogate tanh(x)"
    checked = check(Source(text=text_, name="s"))
    assert not checked.diagnostics
    inference = Inference(Known(checked.symbols, Facts(), checked.params))
    setting = setting_of(checked, inference, moving(checked))
    after = surrogates(canonical_problem(checked), setting)
    assert after.objective_gradient is None
    assert [text(part) for part in after.constraints[0].gradient_parts or ()] == ["0.5 - tanh(x)"]
