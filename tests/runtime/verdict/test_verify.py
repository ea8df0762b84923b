"""Verdicts: which data decide, and how values are judged."""

import math

import pytest
import torch

import cspec
from cspec.compiler.records.program import ConstraintFacts, VerifyFacts
from cspec.compiler.records.which_data import Where, where_measured
from cspec.dsl.settings.base import Every
from cspec.runtime.data import Dataset
from cspec.runtime.functions import mean
from cspec.runtime.measure.requirements import Measurer, excess, holds


def fact(label: str = "dp[F]", datasets: tuple[str, ...] = ("train",), **more) -> ConstraintFacts:
    values = {"relation": "<=", "tolerance": 0.0, "method": "lagrangian"} | more
    family = label.partition("[")[0]
    return ConstraintFacts(label=label, family=family, text="", datasets=datasets, **values)


EPOCH = Every(1, "epoch")


@pytest.mark.parametrize(
    ("constraint", "verify", "expected"),
    [
        (fact(), (), Where("train")),
        (fact(datasets=()), (VerifyFacts(dataset="test"),), Where(None)),
        (fact(), (VerifyFacts(dataset="test"),), Where("test", (("train", "test"),))),
        (fact(datasets=("forget",)), (VerifyFacts(dataset="test"),), Where("forget")),
        (
            fact(datasets=("forget",)),
            (VerifyFacts(labels=("dp",), dataset="test"),),
            Where("test", (("forget", "test"),)),
        ),
        (fact("eo.tpr"), (VerifyFacts(labels=("eo",), dataset="test"),),
         Where("test", (("train", "test"),))),
        (fact("eo2"), (VerifyFacts(labels=("eo",), dataset="test"),), Where("train")),
        (
            fact(),
            (VerifyFacts(dataset="val", every=EPOCH), VerifyFacts(dataset="test")),
            Where("test", (("train", "test"),)),
        ),
        (
            fact(),
            (VerifyFacts(dataset="val", every=EPOCH),),
            Where("val", (("train", "val"),), chose_model=True),
        ),
    ],
)  # fmt: skip
def test_where(
    constraint: ConstraintFacts, verify: tuple[VerifyFacts, ...], expected: Where
) -> None:
    assert where_measured([constraint], verify, "train") == {constraint.label: expected}


@pytest.mark.parametrize(
    ("relation", "value", "bound", "tolerance", "met"),
    [
        ("<=", 0.5, 0.5, 0.0, True),
        ("<=", 0.5000001, 0.5, 0.0, False),
        ("<=", 0.5000001, 0.5, 1e-6, True),
        (">=", 0.7, 0.7, 0.0, True),
        (">=", 0.69, 0.7, 0.0, False),
        ("==", 1.0005, 1.0, 1e-3, True),
        ("==", 0.998, 1.0, 1e-3, False),
        ("in", 2e-3, 0.0, 1e-3, False),
        ("in", 0.0, 0.0, 0.0, True),
        ("<=", math.nan, 0.5, 1.0, False),
        (">=", -math.inf, 0.5, 1.0, False),
    ],
)
def test_verdicts(relation: str, value: float, bound: float, tolerance: float, met: bool) -> None:
    constraint = fact(relation=relation, tolerance=tolerance)
    assert holds(constraint, value, bound) is met
    assert (excess(constraint, value, bound) == 0) is met


def test_standard_errors_are_those_of_a_mean_and_stand_ins_are_measured() -> None:
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(4000, generator=generator)
    data = {
        "train": Dataset("train", {"v": values}),
        "test": Dataset("test", {"v": values[:250] + 3}),
        "tiny": Dataset("tiny", {"v": values[:100]}),
    }

    def evaluate(primal, data):
        return {"m": (mean(data["train"]["v"], on="train"), torch.tensor(0.0))}

    measurer = Measurer(evaluate, {}, data, [fact("m")])
    own = measurer.measure({"m": Where("train")}, errors=True)["m"]
    expected = float(values.std() / 4000**0.5)
    assert own.n == 4000 and own.standard_error == pytest.approx(expected, rel=1e-5)
    moved = measurer.measure({"m": Where("test", (("train", "test"),))}, errors=True)["m"]
    assert moved.n == 250 and moved.value == pytest.approx(float(data["test"]["v"].mean()))
    tiny = measurer.measure({"m": Where("tiny", (("train", "tiny"),))}, errors=True)["m"]
    expected = float(values[:100].std() / 100**0.5)
    assert tiny.n == 100 and tiny.standard_error == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    "value",
    [
        "gap(P[pred == 1 | s])",
        "gap(P[pred == 1 | s]) + gap(P[pred == 1 | s, y == 1])",
        "P[pred == 1 | s == 1] - P[pred == 1 | s == 0]",
        "1 - E[1 - (pred == 1)]",
        "sum(P[pred == 1 | s == g] for g in values(s))",
        "P[pred == 1 | s == 1]/P[pred == 1 | s == 0]",
    ],
)
@pytest.mark.parametrize("scale", ["0.001", "1", "k"])
def test_counts_are_compared_exactly_at_every_scale(value: str, scale: str) -> None:
    text = "param k = 1000\ndata train(x, y, s)\nmodel f = linear\nminimize bce(f(x), y)\n"
    said = str(cspec.explain(f"{text}s.t. c: {scale}*({value}) <= {scale}*0.1"))
    assert "counts are compared exactly" in said
    beside = f"{text}s.t. c: {scale}*({value}) + E[bce(f(x), y)] <= 1"
    assert "counts are compared exactly" not in str(cspec.explain(beside))


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_last_digits_of_doubles_decide_nothing(scale: float) -> None:
    facts = fact()
    assert 0.8 - 0.6 > 0.2
    assert holds(facts, scale * (0.8 - 0.6), scale * 0.2)
    assert not holds(facts, scale * (0.2 + 1e-9), scale * 0.2)
