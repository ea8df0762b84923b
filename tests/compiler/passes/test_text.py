"""Each pass alone, stated in text: the problem before, the problem after."""

import random
from textwrap import dedent

import pytest

from cspec.compiler.explain.gather import state
from cspec.compiler.passes.canonical import canonical
from cspec.compiler.passes.expansion.collect import collect
from cspec.compiler.passes.expansion.expand import Expansion, expand
from cspec.compiler.passes.expansion.inline_lets import inline_lets
from cspec.compiler.passes.expansion.split_chains import split_chains
from cspec.compiler.passes.gates import gates
from cspec.compiler.passes.sets.recognize import recognize
from cspec.compiler.records.facts import (
    ColumnFacts,
    DataFacts,
    Facts,
    ModelFacts,
    OperationFacts,
    ParameterFacts,
)
from cspec.compiler.records.problem import Constraint, Problem
from cspec.dsl.check import Checked, check
from cspec.dsl.format.expressions import format_expression
from cspec.dsl.messages.diagnostic import SpecError
from cspec.dsl.text.source import Source
from cspec.dsl.tree.constants import value_or_none

DATA = "data train(x, y, sex)\nmodel f\n"


def read(text: str) -> tuple[Problem, Checked]:
    found = check(Source(text=dedent(text), name="spec.cspec"))
    assert not [d for d in found.diagnostics if d.severity == "error"]
    return collect(found), found


def only(problem: Problem) -> Constraint:
    (constraint,) = problem.constraints
    return constraint


def parts(text: str) -> list[str]:
    """The canonical functions of a spec's only constraint."""
    problem, checked = read(text)
    found = canonical(split_chains(problem), params=checked.params)
    return [format_expression(part) for part in only(found).parts]


# --- collect -------------------------------------------------------------------------------------


def test_collect_keeps_labels_modifiers_and_text() -> None:
    problem, _ = read(
        DATA
        + """minimize bce(f(x), y)
s.t. eo: forall a in values(sex): {
       tpr: P[pred == 1 | y == 1 and sex == a] >= 55%
       P[pred == 1 | y == 0 and sex == a]   <=  10% within 1e-2
     }
     small: sum(sumsq(W) for W in f.weights) <= 400 soft(weight=0.1)"""
    )
    tpr, second, small = problem.constraints
    assert [c.label for c in problem.constraints] == ["eo.tpr", "eo.c1", "small"]
    assert tpr.binders == second.binders and len(tpr.binders) == 1
    assert second.tolerance == 1e-2 and second.tolerance_given and not tpr.tolerance_given
    assert second.text == "P[pred == 1 | y == 0 and sex == a] <= 10%"
    assert small.soft is not None and small.soft.weight == 0.1 and tpr.soft is None


@pytest.mark.parametrize(
    "written, value, relation, bound",
    [
        ("x^2 <= 1", "x^2", "<=", "1"),
        ("1 >= x^2", "x^2", "<=", "1"),
        ("2*k <= x", "x", ">=", "2*k"),
        ("0 == x^2", "x^2", "==", "0"),
    ],
)
def test_collect_turns_constants_to_the_right(
    written: str, value: str, relation: str, bound: str
) -> None:
    problem, _ = read(f"param k = 2\nvar x\nminimize x^2 + k\ns.t. {written}")
    c = only(problem)
    assert (format_expression(c.value), c.relation, format_expression(c.bound)) == (
        value,
        relation,
        bound,
    )


# --- inline lets ---------------------------------------------------------------------------------


def test_lets_and_functions_are_written_out() -> None:
    problem, checked = read(
        "var x\nlet s = x^2\nlet twice(a) = 2*a\nminimize s\ns.t. c: twice(s + 1) <= 4"
    )
    inlined = inline_lets(problem, checked.symbols.lets())
    assert state(inlined) == ("minimize x^2", "c: 2*(x^2 + 1) <= 4")


# --- split chains --------------------------------------------------------------------------------


@pytest.mark.parametrize("chain", ["0.2 <= x^2 <= 0.4", "0.4 >= x^2 >= 0.2", "x^2 in [0.2, 0.4]"])
def test_chains_become_two_constraints(chain: str) -> None:
    problem, _ = read(f"var x\nminimize x\ns.t. ring: {chain}")
    assert state(split_chains(problem))[1:] == ("ring.lo: x^2 >= 0.2", "ring.hi: x^2 <= 0.4")


# --- canonical -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "written, functions",
    [
        ("x^2 <= 1", ["x^2 - 1"]),
        ("x^2 >= 1", ["1 - x^2"]),
        ("x^2 == 1", ["x^2 - 1"]),
        ("x^2 <= 0", ["x^2"]),
        ("x^2 >= 0", ["-x^2"]),
        ("abs(x) <= 1", ["x - 1", "-x - 1"]),
        ("max(x, y) <= 1", ["x - 1", "y - 1"]),
        ("min(x, y) >= 1", ["1 - x", "1 - y"]),
        ("max(abs(x), y) <= 1", ["x - 1", "-x - 1", "y - 1"]),
        ("3*max(x, y) <= 6", ["3*(x - 2)", "3*(y - 2)"]),
        ("-abs(x)/2 >= -1", ["0.5*(x - 2)", "0.5*(-x - 2)"]),
        ("3 - min(x, y) <= 1", ["2 - x", "2 - y"]),
        ("k*abs(x) <= k", ["4*(x - k/4)", "4*(-x - k/4)"]),
        ("2*abs(x) >= 1", ["1 - 2*abs(x)"]),
        ("abs(x) + y <= 1", ["(x + y) - 1", "(-x + y) - 1"]),
        ("y - abs(x)/2 >= 1", ["(-y + 0.5*x) + 1", "(-y + 0.5*-x) + 1"]),
        ("abs(x) - abs(y) <= 1", ["(abs(x) - abs(y)) - 1"]),
        ("2*x <= 1", ["2*x - 1"]),
    ],
)
def test_relations_become_functions(written: str, functions: list[str]) -> None:
    assert parts(f"param k = 4\nvar x\nvar y\nminimize x + y\ns.t. {written}") == functions


FACTORS = ("-0.001*({})", "1000*({})", "({})/-4", "1 - ({})", "({}) - k", "-({})", "k*({})*2")


@pytest.mark.parametrize("seed", range(20))
def test_functions_behind_factors_and_terms_are_those_of_the_whole(seed: int) -> None:
    draw = random.Random(seed)
    alone = ["max(x, 2*y)", "min(x, y, x + y)", "x"]
    sums = ["abs(x) + 2*max(y, x - y)", "y - 3*min(x, 1 - y)", "abs(x)/2 + abs(y) + x + 1"]
    written = draw.choice(alone + sums)
    for _ in range(draw.randint(1, 3)):
        written = draw.choice(FACTORS).format(written)
    relation, bound = draw.choice(["<=", ">="]), draw.uniform(-2, 2)
    problem, _ = read(
        f"param k = 3\nvar x\nvar y\nminimize x + y\ns.t. {written} {relation} {bound}"
    )
    c = only(canonical(problem, params={"k": 3.0}))
    for _ in range(20):
        point = {"x": draw.gauss(0, 2), "y": draw.gauss(0, 2), "k": 3.0}
        value = value_or_none(c.value, point)
        found = [value_or_none(part, point) for part in c.parts]
        assert value is not None and None not in found
        over = value - bound if relation == "<=" else bound - value
        assert max(f for f in found if f is not None) == pytest.approx(over, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(
    "written, functions",
    [
        (
            "gap(P[pred == 1 | sex]) <= 5%",
            ["differences(P[pred(f(x)) == 1 | sex on train]) - 5%"],
        ),
        (
            "ratio(P[pred == 1 | sex]) >= 80%",
            ["ratio_differences(P[pred(f(x)) == 1 | sex on train], 80%)"],
        ),
        (
            "0.001*(gap(P[pred == 1 | sex])) <= 0.001*(2%)",
            ["0.001*(differences(P[pred(f(x)) == 1 | sex on train]) - 0.02)"],
        ),
        (
            "1 - gap(P[pred == 1 | sex]) >= 98%",
            ["differences(P[pred(f(x)) == 1 | sex on train]) - 0.02"],
        ),
        (
            "1000*ratio(P[pred == 1 | sex]) >= 800",
            ["1000*ratio_differences(P[pred(f(x)) == 1 | sex on train], 0.8)"],
        ),
        (
            "1 - P[pred == 1]/P[y == 1] <= 20%",
            ["0.8*P[y == 1 on train] - P[pred(f(x)) == 1 on train]"],
        ),
        (
            "P[pred == 1] / P[y == 1] <= 1.2",
            ["P[pred(f(x)) == 1 on train] - 1.2*P[y == 1 on train]"],
        ),
        (
            "gap(P[pred == 1 | sex]) + 2*abs(P[pred == 1] - 0.5) <= 9%",
            [
                "every_sum(differences(P[pred(f(x)) == 1 | sex on train]), "
                "2*(P[pred(f(x)) == 1 on train] - 0.5)) - 9%",
                "every_sum(differences(P[pred(f(x)) == 1 | sex on train]), "
                "2*-(P[pred(f(x)) == 1 on train] - 0.5)) - 9%",
            ],
        ),
        (
            "P[pred == 1] / P[y == 1] >= 0.8",
            ["0.8*P[y == 1 on train] - P[pred(f(x)) == 1 on train]"],
        ),
    ],
)
def test_statistics_become_linear_in_expectations(written: str, functions: list[str]) -> None:
    assert parts(DATA + f"minimize bce(f(x), y)\ns.t. {written}") == functions


@pytest.mark.parametrize(
    "sense, relation, sign",
    [
        ("minimize", "<=", -1),
        ("minimize", ">=", 1),
        ("minimize", "==", -1),
        ("maximize", "<=", 1),
        ("maximize", ">=", -1),
        ("maximize", "==", 1),
    ],
)
def test_sensitivity_signs(sense: str, relation: str, sign: float) -> None:
    problem, _ = read(f"var x\n{sense} x\ns.t. x^2 {relation} 1")
    after = canonical(problem)
    assert only(after).recovery.sensitivity_sign == sign
    assert format_expression(after.objective) == ("x" if sense == "minimize" else "-x")


# --- recognize -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "written, word",
    [
        ("w >= 0", "nonneg"),
        ("w >= 1", "box"),
        ("w <= 1", "box"),
        ("-1 <= w <= 1", "box"),
        ("norm(w, 1) <= 2", "ball"),
        ("l2(w) <= 2", "ball"),
        ("sumsq(w) <= 4", "ball"),
        ("w in simplex", "simplex"),
        ("w in ball(1, norm=2)", "ball"),
        ("w[0] >= 0", "halfspace"),
        ("l2(w) >= 2", None),
        ("sum(w) <= 2", "halfspace"),
    ],
)
def test_sets_are_seen_in_what_people_write(written: str, word: str | None) -> None:
    problem, checked = read(f"var w[3]\nminimize sumsq(w)\ns.t. {written}")
    found = only(recognize(problem, checked.symbols)).set
    assert (found.word if found else None) == word


@pytest.mark.parametrize(
    "written, word",
    [
        ("W.T @ W == eye", "stiefel"),
        ("W >= 0", "nonneg"),
        ("spectral(W) <= 1", "spectral"),
        ("nuclear(W) <= 3", "nuclear"),
        ("W in sparse(10%)", "sparse"),
    ],
)
def test_sets_of_weights(written: str, word: str) -> None:
    problem, checked = read(DATA + f"minimize bce(f(x), y)\ns.t. forall W in f.weights: {written}")
    found = only(recognize(problem, checked.symbols)).set
    assert found is not None and found.word == word
    assert format_expression(found.subject) == "W" if found.subject else False


def test_a_density_is_a_set_of_the_whole_model() -> None:
    problem, checked = read(DATA + "minimize bce(f(x), y)\ns.t. density(f) <= 10%")
    found = only(recognize(problem, checked.symbols)).set
    assert found is not None and (found.word, found.model, found.subject) == ("sparse", "f", None)


# --- expand --------------------------------------------------------------------------------------

FACTS = Facts(
    data={
        "train": DataFacts(
            rows=100,
            columns={
                "sex": ColumnFacts(kind="categorical", classes=("Female", "Male"), counts=(40, 60)),
                "race": ColumnFacts(kind="categorical", classes=("a", "b"), counts=(90, 10)),
            },
            joint=((("sex", "race"), (((0, 0), 36), ((0, 1), 4), ((1, 0), 54), ((1, 1), 6))),),
        )
    },
    models={
        "f": ModelFacts(
            parameters=(
                ParameterFacts(name="conv1.weight", shape=(4, 2)),
                ParameterFacts(name="conv1.bias", shape=(4,)),
                ParameterFacts(name="fc.weight", shape=(3, 4)),
                ParameterFacts(name="fc.log_alpha", shape=(3, 4), gate=True),
            )
        )
    },
)


def members(quantifier: str, body: str = "P[pred == 1 | sex == a] <= 5%") -> list[str]:
    problem, checked = read(
        f"data train(x, y, sex, race)\nmodel f\nminimize bce(f(x), y)\ns.t. c: {quantifier}: {body}"
    )
    expanded = expand(problem, Expansion(FACTS, checked.params))
    return [c.full_label for c in expanded.constraints]


def test_quantifiers_over_groups() -> None:
    assert members("forall a in values(sex)") == ["c[Female]", "c[Male]"]
    both = "P[pred == 1 | sex == a and race == b] <= 5%"
    assert members("forall (a, b) in cross(sex, race)", both) == [
        "c[Female, a]",
        "c[Female, b]",
        "c[Male, a]",
        "c[Male, b]",
    ]
    assert members("forall (a, b) in cross(sex, race) where count >= 6", both) == [
        "c[Female, a]",
        "c[Male, a]",
        "c[Male, b]",
    ]


def test_quantifiers_over_weights() -> None:
    small = "l2(W) <= 1"
    assert members("forall W in f.weights", small) == ["c[conv1.weight]", "c[fc.weight]"]
    assert members('forall W in f.weights("conv*")', small) == ["c[conv1.weight]"]
    assert members('forall W in f.params("conv1.*")', small) == ["c[conv1.weight]", "c[conv1.bias]"]


def test_a_quantifier_without_members_is_refused() -> None:
    with pytest.raises(SpecError, match="about nothing"):
        members('forall W in f.weights("nope*")', "l2(W) <= 1")


def test_comprehensions_are_written_out() -> None:
    problem, checked = read(
        DATA + "minimize bce(f(x), y)\ns.t. c: sum(sumsq(W) for W in f.weights) <= 4"
    )
    expanded = expand(problem, Expansion(FACTS, checked.params))
    assert state(expanded)[1] == "c: sumsq(conv1.weight) + sumsq(fc.weight) <= 4"


def test_ranges_index_variables() -> None:
    problem, checked = read(
        "var w[3]\nminimize sumsq(w)\ns.t. c: forall i in range(3): w[i]^2 <= 1"
    )
    expanded = expand(problem, Expansion(Facts(), checked.params))
    assert state(expanded)[1:] == tuple(f"c: w[{i}]^2 <= 1" for i in range(3))


# --- gates ------------------------------------------------------------------------------------


def test_gates_replace_density_only_where_it_is_trained_on() -> None:
    problem, checked = read(DATA + "minimize bce(f(x), y)\ns.t. density(f) <= 0.5")
    before = recognize(canonical(problem), checked.symbols, {})
    after = only(gates(before, _facts(gated=True), {"f"}, {}))
    assert [format_expression(p) for p in after.parts] == ["expected_density(f) - 0.5"]
    assert format_expression(after.value) == "density(f)"
    still = gates(before, _facts(gated=False), {"f"}, {})
    assert still.constraints[0].parts == before.constraints[0].parts


def _facts(*, gated: bool) -> Facts:
    """A linear model of 4 x 3 weights and 4 biases."""
    weight = ParameterFacts(name="weight", shape=(4, 3), prunable=True, gated=gated)
    model = ModelFacts(parameters=(weight, ParameterFacts(name="bias", shape=(4,))))
    uses = OperationFacts(uses=(("", 2),), other=7)
    return Facts(models={"f": model.model_copy(update={"operations": uses})})


def test_sizes_of_gates_are_expected_ones_in_what_is_trained_on() -> None:
    problem, _ = read(DATA + "minimize bce(f(x), y) + 0.1*params(f)\ns.t. flops(f)/1k <= 0.5")
    after = gates(canonical(problem), _facts(gated=True), {"f"}, {})
    (part,) = only(after).parts
    assert format_expression(part) == "flops(f, expected=true)/1k - 0.5"
    assert "params(f, expected=true)" in format_expression(after.objective)


@pytest.mark.parametrize(
    ("constraint", "share"),
    # Of 16 parameters 4 are biases, which stay; 12 weights may be zero.
    [("params(f) <= 10", 6 / 12), ("bytes(f) <= 40", 6 / 12), ("params(f) <= 99", 1.0)],
)
def test_a_number_of_parameters_is_a_share_of_the_weights(constraint: str, share: float) -> None:
    problem, _ = read(DATA + f"minimize bce(f(x), y)\ns.t. {constraint}")
    member = only(gates(canonical(problem), _facts(gated=False), {"f"}, {})).set
    assert member is not None and (member.word, member.model) == ("sparse", "f")
    assert value_or_none(member.arguments["0"], {}) == pytest.approx(share)


def test_a_bound_that_moves_is_a_share_that_moves() -> None:
    problem, _ = read(DATA + "minimize bce(f(x), y)\ns.t. params(f) <= ramp(16, 7, epochs=3)")
    member = only(gates(canonical(problem), _facts(gated=False), {"f"}, {})).set
    assert member is not None
    assert format_expression(member.arguments["0"]) == "ramp(1, 0.25, epochs=3)"


@pytest.mark.parametrize(
    "text",
    [
        "minimize bce(f(x), y)\ns.t. flops(f) <= 10",
        "minimize bce(f(x), y) + 0.01*params(f)",
        "minimize bce(f(x), y)\ns.t. density(f) <= 50% soft(weight=1)",
        "minimize bce(f(x), y)\ns.t. E[bce(f(x), y)] + density(f) <= 3",
        "minimize bce(f(x), y)\ns.t. params(f) <= 3",
        "minimize bce(f(x), y)\ns.t. forall W in f.weights: l2(W) + density(W) <= 3",
    ],
)
def test_sizes_without_gates_that_no_step_can_move_are_refused(text: str) -> None:
    problem, _ = read(DATA + text)
    with pytest.raises(SpecError, match="CS522"):
        gates(canonical(problem), _facts(gated=False), {"f"}, {})


def test_a_floor_needs_no_gradient_and_frozen_sizes_are_numbers() -> None:
    text = "minimize bce(f(x), y)\ns.t. density(f) >= 50%\nmetric m = flops(f) + params(f)"
    problem, _ = read(DATA + text)
    assert gates(canonical(problem), _facts(gated=False), {"f"}, {}) == canonical(problem)


def test_splitting_leaves_other_constraints_alone() -> None:
    problem, _ = read("var x\nminimize x\ns.t. a: x^2 <= 1\n b: 0 <= x^3 <= 1")
    after = split_chains(problem)
    assert after.constraints[0] is problem.constraints[0]
    assert [c.label for c in after.constraints] == ["a", "b.lo", "b.hi"]
