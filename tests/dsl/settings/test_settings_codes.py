"""A setting that a word does not have is named, whatever the word: never a crash."""

from __future__ import annotations

import pytest

import cspec
from cspec.dsl.check import check
from cspec.dsl.settings.duals import DUALS
from cspec.dsl.settings.fit import OPTIMIZERS, SCHEDULES, STOPS
from cspec.dsl.settings.methods import MAPS, METHODS
from cspec.dsl.settings.models import MODELS
from cspec.dsl.settings.solvers import SOLVERS
from cspec.dsl.settings.sources import SOURCES
from cspec.dsl.text.source import Source

HEAD = "data train(x, y)\nmodel f = mlp\nminimize ce\ns.t. c: P[pred == 1] <= 50%\n"
NEEDED = {"csv": '"a.csv", target="y", ', "idx": '"a", "b", ', "stalled": "epochs=2, "}
SPECS = {
    **{word: f"{HEAD}using {word}(zzz=1)\n" for word in METHODS},
    **{f"map {word}": HEAD.replace("50%", f"50% by {word}(zzz=1)") for word in MAPS},
    **{f"dual {w}": f"{HEAD}using lagrangian(dual={w}(zzz=1))\n" for w in DUALS},
    **{f"optimizer {w}": f"{HEAD}fit(optimizer={w}(zzz=1))\n" for w in OPTIMIZERS},
    **{f"schedule {w}": f"{HEAD}fit(schedule={w}(zzz=1))\n" for w in SCHEDULES},
    **{f"stop {w}": f"{HEAD}stop when {w}({NEEDED.get(w, '')}zzz=1)\n" for w in STOPS},
    **{f"model {w}": HEAD.replace("mlp", f"{w}(zzz=1)") for w in MODELS},
    **{
        f"data {w}": HEAD.replace("y)\n", f"y) = {w}({NEEDED.get(w, '')}zzz=1)\n", 1)
        for w in SOURCES
    },
    **{
        f"solver {w}": "data train(x, y)\nmodel f = mlp\nminimize ce\n"
        f"s.t. c: E[max(ce(f(z), y) for z in ball(x, 1, norm=2, solver={w}(zzz=1)))] <= 1\n"
        for w in SOLVERS
    },
    "fit": f"{HEAD}fit(zzz=1)\n",
    "soft": HEAD.replace("50%", "50% soft(zzz=1)"),
}


@pytest.mark.parametrize("word", ["outputs", "num_classes", "in_features"])
def test_sizes_of_a_model_are_said_to_follow(word: str) -> None:
    text = f"data train(x, y)\nmodel f = mlp(hidden=[8], {word}=3)\nminimize ce(f(x), y)\n"
    (found,) = cspec.check(text)
    assert found.code == "CS502" and any("outputs the loss and the use" in n for n in found.notes)
    edited = text.replace(f", {word}=3", "")
    assert [fix.replacement for fix in found.fixes] == [""] and not cspec.check(edited)


@pytest.mark.parametrize("name", SPECS)
def test_an_unknown_setting_is_named(name: str) -> None:
    found = check(Source(text=SPECS[name])).diagnostics
    assert any("zzz" in d.message and d.code in ("CS502", "CS507") for d in found), found


@pytest.mark.parametrize(
    ("written", "ours"), [("sep", "separator"), ("delimiter", "separator"), ("label", "target")]
)
def test_settings_of_pandas(written: str, ours: str) -> None:
    text = (
        f'data train(x, y) = csv("a.csv", target="y", {written}=";")\nmodel f = mlp\nminimize ce\n'
    )
    (found,) = [d for d in check(Source(text=text)).diagnostics if d.severity == "error"]
    assert found.code == "CS502" and any(f"`{ours}`" in help_ for help_ in found.helps)


@pytest.mark.parametrize("word", ["minimize", "maximize"])
@pytest.mark.parametrize("more", ["  -(x - 1)^2\n", "\n  -(x - 1)^2\n", "  -(x - 1)^2  # why\n"])
def test_an_objective_below_its_word(word: str, more: str) -> None:
    text = f"var x = 0 in [0, 3]\n{word}\n{more}s.t.\n  c: x <= 2\n"
    found = check(Source(text=text))
    assert [d.code for d in found.diagnostics] == []
    assert [type(item).__name__ for item in found.spec.items][:2] == ["Var", "Objective"]
