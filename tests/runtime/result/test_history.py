"""The rows of a run as a checkpoint holds them: the same rows, and few things to write."""

import math
import random
from pathlib import Path

import torch

from cspec.runtime.result.entries import ByLabel
from cspec.runtime.result.history import History, Row
from cspec.runtime.session import checkpoint


def rows(count: int) -> list[Row]:
    places = {"a": 0, "b": 1}
    return [
        Row(k, 1 + k // 7, k / 3, ByLabel(places, [-k / 7, math.inf]), {"b": k / 11} if k else {})
        for k in range(count)
    ]


def test_a_checkpoint_has_the_rows_to_the_bit(tmp_path: Path) -> None:
    history = History([], 9)
    history.rows = [*rows(40), Row(40, 6, math.nan, {}, {})]
    checkpoint.save(tmp_path / "c", {"history": history.state_dict()})
    again = History([], 9)
    again.load_state_dict(checkpoint.load(tmp_path / "c")["history"])
    assert again.rows[:-1] == history.rows[:-1]
    assert math.isnan(again.rows[-1].objective) and again.rows[-1].step == 40


def test_what_a_checkpoint_writes_does_not_grow_by_things_with_the_rows() -> None:
    def things(count: int) -> str:
        history, tensors = History([], 9), {}
        history.rows = rows(count)
        return str(checkpoint.pack(history.state_dict(), tensors))

    assert things(1000) == things(3)


def test_generators_are_put_back() -> None:
    held = checkpoint.generators()
    drawn = random.random(), float(torch.rand(()))
    checkpoint.restore_generators(held)
    assert (random.random(), float(torch.rand(()))) == drawn
