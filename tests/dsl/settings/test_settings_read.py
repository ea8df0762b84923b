"""Settings: from the text to a record, and what is said about a wrong one."""

from __future__ import annotations

import pytest

from cspec.dsl.check import check
from cspec.dsl.settings.base import EPOCH, Every, Settings
from cspec.dsl.settings.duals import DUALS, Nupi
from cspec.dsl.settings.fit import OPTIMIZERS, SCHEDULES, STOPS, AdamOptimizer, Cosine, SgdOptimizer
from cspec.dsl.settings.methods import METHODS, Construction, Lagrangian, Parametrization
from cspec.dsl.settings.models import MODELS, Mlp
from cspec.dsl.settings.solvers import SOLVERS
from cspec.dsl.settings.sources import SOURCES, Csv, Digits
from cspec.dsl.text.source import Source

TABLES: dict[str, dict[str, type[Settings]]] = {
    "methods": dict(METHODS),
    "duals": dict(DUALS),
    "optimizers": dict(OPTIMIZERS),
    "schedules": dict(SCHEDULES),
    "sources": dict(SOURCES),
    "models": dict(MODELS),
    "solvers": dict(SOLVERS),
    "stops": dict(STOPS),
}


def test_method_with_nested_dual() -> None:
    spec = (
        "param k = 0.3\nvar x = 1\nminimize x\ns.t. x >= 0\n"
        "using lagrangian(dual=nupi(lr=k, kp=4*10), every=epochs(5), restart=true)\n"
    )
    method = check(Source(text=spec)).method
    assert isinstance(method, Lagrangian)
    assert method.dual == Nupi(lr=0.3, kp=40)
    assert method.every == Every(5, "epoch")
    assert method.restart is True
    assert method.given("restart")
    assert not method.given("start")


@pytest.mark.parametrize(
    ("text", "every"),
    [("10", Every(10)), ("epoch", EPOCH), ("step", Every()), ("epochs(3)", Every(3, "epoch"))],
)
def test_every(text: str, every: Every) -> None:
    spec = f"var x = 1\nminimize x\ns.t. x >= 0\nusing augmented_lagrangian(every={text})\n"
    checked = check(Source(text=spec))
    assert checked.diagnostics == ()
    assert getattr(checked.method, "every", None) == every


def test_fit() -> None:
    spec = (
        "data train(x, y), forget(x, y)\nmodel f\nminimize ce\n"
        'fit(optimizer=[adam(lr=1e-3, params="geneo*"), sgd], schedule=cosine(warmup=500), '
        "batch_size=sizes(train=64, forget=full), epochs=2k, clip_norm=50%)\n"
    )
    fit = check(Source(text=spec)).fit
    assert fit.optimizer == (AdamOptimizer(lr=1e-3, params="geneo*"), SgdOptimizer())
    assert fit.schedule == Cosine(warmup=500)
    assert fit.batch_size == {"train": 64, "forget": "full"}
    assert fit.epochs == 2000
    assert fit.clip_norm == 0.5


def test_sources_and_models() -> None:
    spec = (
        'data train(x, y), test(x, y) = csv("a.csv", target="y", split=[0.8, 0.2], positive=">50K")'
        "\nmodel f = mlp(hidden=[64, 64], act=tanh, gates=hard_concrete)\nminimize ce\n"
    )
    checked = check(Source(text=spec))
    assert checked.sources["train"] == Csv(
        path="a.csv", target="y", split=(0.8, 0.2), positive=">50K"
    )
    assert checked.sources["test"] is checked.sources["train"]
    assert checked.models["f"] == Mlp(hidden=(64, 64), act="tanh", gates="hard_concrete")
    assert isinstance(
        check(Source(text="data d = digits\nmodel f\nminimize ce")).sources["d"], Digits
    )


def test_methods_of_constraints() -> None:
    spec = (
        "model f\nminimize ce\n"
        "s.t. a: forall W in f.weights: W >= 0 by softplus\n"
        "     b: forall W in f.weights: W <= 3 by construction\n"
        "     c: density(f) <= 50% soft(weight=0.1, power=2)\n"
        "     d: l2(f.weights) <= 3 within 1%\n"
    )
    checked = check(Source(text=spec))
    assert checked.diagnostics == ()
    assert checked.methods == {"a": Parametrization(map="softplus"), "b": Construction()}
    assert (checked.soft["c"].weight, checked.soft["c"].power) == (0.1, 2)
    assert checked.within == {"d": 0.01}


@pytest.mark.parametrize("table", TABLES)
def test_every_word_is_its_own_and_documented(table: str) -> None:
    for word, cls in TABLES[table].items():
        assert cls.word == word
        assert cls.__doc__
        for name, field in cls.model_fields.items():
            assert field.description, f"{word}.{name}"


@pytest.mark.parametrize("table", TABLES)
def test_unknown_settings_are_never_ignored(table: str) -> None:
    for word, cls in TABLES[table].items():
        assert "zzz" not in cls.model_fields
        assert cls.model_config.get("extra") == "forbid", word


def test_params_override_and_are_checked() -> None:
    text = "param eps = 0.5 in [0, 1]\nvar x = 1\nminimize x\ns.t. x >= eps\n"
    assert check(Source(text=text), params={"eps": "30%"}).params == {"eps": 0.3}
    assert check(Source(text=text), params={"eps": 1}).params == {"eps": 1.0}
    for params, code in (({"eps": 2}, "CS304"), ({"esp": 1}, "CS211"), ({"eps": "a"}, "CS304")):
        found = check(Source(text=text), params=params).diagnostics
        assert [d.code for d in found] == [code]


def test_steps_of_plain_ascent_are_not_left_to_a_surrogate_that_moves() -> None:
    assert Lagrangian(dual=Nupi()).left_open
    assert not Lagrangian().left_open
