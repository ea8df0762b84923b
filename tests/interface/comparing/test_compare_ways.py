"""Rows that need more than a method, what methods counted, and the reading below the table."""

from __future__ import annotations

from typing import Any

import pytest

import cspec
from cspec.comparing import compare as comparing
from cspec.comparing.using import read_using, with_using
from cspec.dsl.messages.diagnostic import SpecError
from cspec.dsl.text.source import Source
from cspec.running.train import train

NET = """param size = 16 in [1, 64]
data train(x, y) = digits
model net = mlp(hidden=[16])
minimize ce(net(x), y)
s.t. prune: density(net) <= 20%
fit(epochs=2, batch_size=64)
metric acc = P[pred == y on train]
"""
SMALL = """var x = 3
minimize x^2
s.t. floor: x >= 1
fit(optimizer=sgd(lr=0.05), steps=200)
"""


def changed(text: str, way: str) -> str:
    read, found = read_using(way, {})
    assert read is not None and not found
    return with_using(Source(text=text), read).text


def test_models_training_and_params_are_changed_in_their_place() -> None:
    gated = changed(NET, "lagrangian; model net = mlp(gates=hard_concrete)")
    assert gated == NET.replace("hidden=[16]", "gates=hard_concrete") + "using lagrangian\n"
    faster = changed(NET, "projection; fit(schedule=cosine, epochs=3); param size = 8")
    assert "fit(batch_size=64, schedule=cosine, epochs=3)" in faster
    assert "param size = 8 in [1, 64]" in faster and faster.count("fit(") == 1
    assert "fit(steps=5)" in changed("var x = 1\nminimize x^2\n", "sal; fit(steps=5)")


@pytest.mark.parametrize(
    "text",
    ["sal; s.t. c: x <= 1", "sal; data train = digits", "sal; minimize ce", "sal; using sqp"],
)
def test_what_is_compared_stays(text: str) -> None:
    _, found = read_using(text, {})
    assert [d.code for d in found] == ["CS503"] and "changes what is compared" in found[0].message


def test_a_change_of_nothing_is_refused() -> None:
    for change in ("model other = mlp", "param none = 3"):
        with pytest.raises(SpecError, match="to change"):
            changed(NET, f"sal; {change}")


def test_gates_and_one_shot_pruning_stand_beside_projection() -> None:
    gates = "lagrangian; model net = mlp(hidden=[16], gates=hard_concrete)"
    once = "projection(warmup=0.5, ramp=0, freeze=true)"
    found = cspec.compare(NET, using=[gates, once, "admm", "lagrangian"], seeds=1)
    assert found[gates].runs and found[once].met == 1 and found["lagrangian"].refused
    assert 0 < found[once].detail("acc before fine-tuning").mean < 1
    assert found["admm"].detail("relative residual").mean > 0
    assert found[gates].detail("largest multiplier").mean >= 0
    table = found.to_markdown()
    assert "| acc before fine-tuning |" in table and f"| `{once}` |" in table
    assert "| refused |" in table


def test_sal_says_how_many_updates_were_accepted() -> None:
    text = SMALL.replace("x = 3", "x = 0")
    found = cspec.compare(text, using=["sal(penalty=1)", "lagrangian"], seeds=1)
    row = found["sal(penalty=1)"]
    (counted,) = [run.details["sal"] for run in row.runs]
    assert 0 < counted["updates accepted"] <= counted["updates"]
    assert counted["largest multiplier"] == pytest.approx(row.runs[0]["floor"].multiplier, rel=0.1)
    note = next(n for n in row.runs[0].notes if "were accepted" in n)
    assert note.startswith(f"sal: {counted['updates accepted']:.0f} of {counted['updates']:.0f}")
    assert row.runs[0].as_json()["details"]["sal"] == counted
    cells = dict(zip(found.headings, found.cells()[1], strict=True))
    assert cells["updates accepted"] == "-" != cells["largest multiplier"]


def test_the_reading_counts_settings() -> None:
    ways = [f"quadratic_penalty(coefficient={c})" for c in (1, 10)] + ["projection"]
    first, second = cspec.compare(SMALL, using=ways, seeds=2).reading()
    assert first == "met in every seed: 1 of 3; of these projection has the best objective, 1"
    assert second == "met by setting: quadratic_penalty 0 of 2 settings"


class Counted:
    """Counts what is trained, and trains it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        monkeypatch.setattr(comparing, "train", self)

    def __call__(self, *values: Any, **named: Any) -> Any:
        self.count += 1
        return train(*values, **named)


def test_finished_runs_are_read_and_not_trained_again(tmp_path, monkeypatch) -> None:
    ways = ["projection", "sal(penalty=1)", "cayley"]
    first = cspec.compare(SMALL, using=ways, seeds=2, out=tmp_path, last=True)
    trained = Counted(monkeypatch)
    again = cspec.compare(SMALL, using=ways, seeds=2, out=tmp_path, last=True)
    assert trained.count == 0 and str(again) == str(first)
    assert again.as_json() == first.as_json()
    longer = cspec.compare(SMALL, using=[*ways, "penalty"], seeds=3, out=tmp_path)
    assert trained.count == 1 + 1 + 3 and len(longer["projection"].runs) == 3
    other = SMALL.replace("steps=200", "steps=100")
    cspec.compare(other, using=["projection"], seeds=1, out=tmp_path)
    assert trained.count == 6


def test_a_damaged_file_is_trained_again(tmp_path, monkeypatch) -> None:
    cspec.compare(SMALL, using=["projection"], seeds=1, out=tmp_path)
    (finished,) = tmp_path.glob("*/finished.json")
    finished.write_text(finished.read_text()[:40])
    trained = Counted(monkeypatch)
    cspec.compare(SMALL, using=["projection"], seeds=1, out=tmp_path)
    assert trained.count == 1


def test_what_a_row_changes_wrongly_is_its_reason_and_the_others_run() -> None:
    wrong = "projection; model net = mlp(hiden=[8])"
    found = cspec.compare(NET, using=[wrong, "projection"], seeds=1)
    assert found["projection"].met == 1
    assert "hiden" in (found[wrong].refused or "")
    assert found.reading() == []  # one row that ran is no comparison
