"""Outputs are computed anew exactly where something they depend on has changed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from cspec.runtime.models.remembered import moved_by_offset
from cspec.runtime.models.without_trace import as_deployed, measuring

ROWS = 3000


class Counted(nn.Module):
    """A line that counts the rows it was asked for."""

    def __init__(self, other: nn.Module | None = None) -> None:
        super().__init__()
        self.line = nn.Linear(3, 1)
        self.register_buffer("shift", torch.zeros(1))
        self.times = 1.0
        self.noisy = False
        self.hidden = [other]  # no part of this module
        self.rows: list[int] = []

    def forward(self, x: Tensor) -> Tensor:
        self.rows.append(len(x))
        drawn = torch.rand(1) if self.noisy else 0.0
        beside = 0.0 if self.hidden[0] is None else self.hidden[0](x)
        return self.times * self.line(x) + self.shift + drawn + beside


def asked(model: Counted, x: Tensor, *others: nn.Module) -> tuple[Tensor, int]:
    """Outputs, and how many rows the model worked on for them."""
    model.rows.clear()
    with measuring([model, *others]):
        found = model(x)
    return found, sum(model.rows)


def test_the_same_question_is_answered_once() -> None:
    model, x = Counted(), torch.randn(ROWS, 3)
    first, rows = asked(model, x)
    again, none = asked(model, x)
    assert (rows, none) == (ROWS, 0)
    assert torch.equal(first, again)
    again += 1  # who asks may write into what it gets
    assert torch.equal(asked(model, x)[0], first)


def _set(model: Counted, name: str, value: object) -> None:
    setattr(model, name, value)


@pytest.mark.parametrize(
    "change",
    [
        lambda m, x: m.line.weight.data.mul_(2),
        lambda m, x: m.line.bias.data.copy_(m.line.bias + 1),
        lambda m, x: m.line.weight.data.copy_(m.line.weight.flip(1)),
        lambda m, x: m.shift.fill_(3),
        lambda m, x: x.mul_(2),
        lambda m, x: _set(m, "times", 2.0),
        lambda m, x: _set(m, "noisy", True),
    ],
)
def test_what_changes_is_seen(change: Callable[[Counted, Tensor], object]) -> None:
    model, x = Counted(), torch.randn(ROWS, 3)
    before, _ = asked(model, x)
    change(model, x)
    after, rows = asked(model, x)
    assert rows == ROWS and not torch.equal(before, after)


def test_draws_are_drawn_each_time() -> None:
    model, x = Counted(), torch.randn(ROWS, 3)
    model.noisy = True
    assert [asked(model, x)[1] for _ in range(2)] == [ROWS, ROWS]


def test_other_rows_at_the_same_address_are_other_rows() -> None:
    model = Counted()
    for value in range(5):
        x = torch.full((ROWS, 3), float(value))
        found, _ = asked(model, x)
        assert torch.equal(found[:1], model.line(x[:1]).detach())
        del x


def test_a_model_hidden_in_another_counts_where_both_are_measured() -> None:
    other = nn.Linear(3, 1)
    model, x = Counted(other), torch.randn(ROWS, 3)
    before, _ = asked(model, x, other)
    with torch.no_grad():
        other.bias.add_(1)
    after, rows = asked(model, x, other)
    assert rows == ROWS
    torch.testing.assert_close(after, before + 1)


def test_gradients_are_never_of_what_is_remembered() -> None:
    model, x = Counted(), torch.randn(ROWS, 3)
    asked(model, x)
    with as_deployed([model]), torch.enable_grad():
        model(x).sum().backward()
    assert float(model.line.bias.grad) == ROWS


@pytest.mark.parametrize("outputs", [1, 3])
def test_outputs_move_with_the_offset_of_their_last_layer(outputs: int) -> None:
    torch.manual_seed(0)
    last = nn.Linear(8, outputs)
    first = Counted()
    model = nn.Sequential(first, nn.Linear(1, 8), nn.Tanh(), last)
    x, other = torch.randn(ROWS, 3), torch.randn(ROWS, 3)
    with torch.no_grad(), moved_by_offset(model, last):
        for turn, rows in enumerate((x, other, x, other, x)):
            last.bias += 0.1 * torch.randn(outputs)
            first.rows.clear()
            with measuring([model]):
                found = model(rows)
            assert sum(first.rows) == (ROWS if turn < 2 else 0)
            torch.testing.assert_close(found, model(rows))
    assert asked(first, x)[1] == ROWS  # nothing stays behind


class Twice(nn.Module):
    """A layer that is used twice, or whose outputs are worked on."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how
        self.last = nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.last(x)
        return self.last(found) if self.how == "twice" else torch.tanh(found)


@pytest.mark.parametrize("how", ["twice", "worked on"])
def test_outputs_that_do_not_move_with_an_offset_are_computed(how: str) -> None:
    torch.manual_seed(0)
    model, x = Twice(how), torch.randn(ROWS, 3)
    with torch.no_grad(), moved_by_offset(model, model.last):
        for _ in range(3):
            model.last.bias += 1
            with measuring([model]):
                found = model(x)
            torch.testing.assert_close(found, model(x))
