"""Batches of an own loop, each read as if it were the first."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import cspec
from cspec.dsl.messages.diagnostic import SpecError

SPEC = """data train(x, y, a)
model f
minimize ce
s.t.
  under: E[f(x)[1]*a | y == 1] <= 0.1 by lagrangian
"""


def _columns(rows: int = 12) -> dict[str, Tensor]:
    draw = torch.Generator().manual_seed(rows)
    x = torch.randn(rows, 3, generator=draw)
    y = torch.arange(rows) % 2
    return {"x": x, "y": y, "a": torch.randn(rows, generator=draw)}


def _handle(**given: Any) -> Any:
    torch.manual_seed(0)
    model = nn.Linear(3, 2)
    return cspec.bind(SPEC, f=model, optimizer=torch.optim.SGD(model.parameters(), 0.0), **given)


def _by_hand(model: nn.Module, columns: dict[str, Tensor]) -> float:
    z, y, a = (
        model(columns["x"].float()).detach(),
        columns["y"].reshape(-1),
        columns["a"].reshape(-1),
    )
    picked = [float(z[i, 1]) * float(a[i]) for i in range(len(y)) if int(y[i]) == 1]
    return sum(picked) / len(picked)


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize(
    "name, changed",
    [
        ("y", lambda y: y.to(torch.uint8)),
        ("y", lambda y: y.unsqueeze(1)),
        ("y", lambda y: y.bool()),
        ("a", lambda a: a.unsqueeze(1)),
        ("a", lambda a: (10 * a).to(torch.int8)),
        ("a", lambda a: a.double()),
        ("a", lambda a: a.tolist()),
        ("x", lambda x: x.numpy()),
    ],
)
def test_a_column_of_another_form_is_read_as_the_first_would_be(
    known: bool, name: str, changed: Any
) -> None:
    handle = _handle(train=_columns()) if known else _handle(groups={"y": [0, 1]})
    model = handle.models()["f"]
    for _ in range(3):
        handle.loss(**_columns())
    columns = _columns(10)
    other = {**columns, name: changed(columns[name])}
    handle.loss(**other)
    expected = _by_hand(model, {n: torch.as_tensor(v) for n, v in other.items()})
    assert handle.values["under"] == pytest.approx(expected, rel=1e-5)
    handle.loss(**columns)
    assert handle.values["under"] == pytest.approx(_by_hand(model, columns), rel=1e-5)


def test_a_batch_in_inference_mode_and_one_of_another_length_in_between() -> None:
    handle = _handle(train=_columns())
    model = handle.models()["f"]
    for rows in (12, 12, 5, 1, 12):
        columns = _columns(rows + 1)
        with torch.inference_mode():
            made = {name: column.clone() for name, column in columns.items()}
            handle.loss(**made)
        handle.loss(**made).backward()  # type: ignore[no-untyped-call]
        assert handle.values["under"] == pytest.approx(_by_hand(model, columns), rel=1e-5)


def test_a_later_batch_is_still_looked_at() -> None:
    handle = _handle(train=_columns())
    for _ in range(3):
        handle.loss(**_columns())
    with pytest.raises(SpecError, match="`y` of `train` can't be read"):
        handle.loss(**_columns() | {"y": torch.full((12,), 2)})
    with pytest.raises(SpecError, match="have different lengths"):
        handle.loss(**_columns() | {"a": torch.zeros(11)})


def test_the_default_type_of_the_host_is_left_alone() -> None:
    handle, columns = _handle(train=_columns()), _columns()
    try:
        torch.set_default_dtype(torch.float64)
        loss = handle.step(**columns)
        assert torch.get_default_dtype() is torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
    assert loss.dtype is torch.float32
    assert handle.multipliers["under"] >= 0
