"""Rules on each example mean the same with what moves on the right of a comparison."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

import cspec

RULES: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "y == 1 => 0.2 <= f(x)[0]": lambda x, y, z: (y != 1) | (z[:, 0] >= 0.2),
    "1 == y => -0.1 >= f(x)[0]": lambda x, y, z: (y != 1) | (z[:, 0] <= -0.1),
    "y == 1 => x[0] <= f(x)[0]": lambda x, y, z: (y != 1) | (z[:, 0] >= x[:, 0]),
    "0.2 > f(x)[0] or y == 1": lambda x, y, z: (z[:, 0] < 0.2) | (y == 1),
    "not 0.2 <= f(x)[0] or y == 1": lambda x, y, z: (z[:, 0] < 0.2) | (y == 1),
    "y == 1 => 1 == pred(f(x))": lambda x, y, z: (y != 1) | (z.argmax(1) == 1),
    "y == 1 => 0.1 <= f(x)[0] <= 0.9": lambda x, y, z: (y != 1) | ((z[:, 0] - 0.5).abs() <= 0.4),
    "y == 0 => f(x)[1] in [0.1, 0.9]": lambda x, y, z: (y != 0) | ((z[:, 1] - 0.5).abs() <= 0.4),
    "y == 1 => f(x)[1] <= f(x)[0]": lambda x, y, z: (y != 1) | (z[:, 0] >= z[:, 1]),
}
"""Each with what it says, of inputs, labels and outputs."""


@pytest.mark.parametrize("rule", RULES)
def test_what_stands_on_the_right_is_moved_the_right_way(rule: str) -> None:
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(60, 3, generator=draw)
    y = (x[:, 0] + 0.3 * torch.randn(60, generator=draw) > 0).long()
    torch.manual_seed(1)
    f = torch.nn.Linear(3, 2)
    text = f"data train(x, y)\nmodel f\nminimize ce\ns.t. c: forall (x, y) in train: {rule}\n"
    result = cspec.run(text + "fit(steps=60, batch_size=20)", f=f, train={"x": x, "y": y})
    with torch.no_grad():
        assert bool(RULES[rule](x, y, f(x)).all()) and result["c"].value == 0


NAMED = {
    'sex == "F" => f(x)[0] >= 0.3': lambda f, yes, z: ~f | (z[:, 0] >= 0.3),
    '"F" == sex => f(x)[0] <= -0.3': lambda f, yes, z: ~f | (z[:, 0] <= -0.3),
    'f(x)[0] >= 0.3 or sex == "M"': lambda f, yes, z: ~f | (z[:, 0] >= 0.3),
    'sex in {"F"} => pred(f(x)) == "yes"': lambda f, yes, z: ~f | (z.argmax(1) == 1),
    'not (sex == "F" and "no" == pred(f(x)))': lambda f, yes, z: ~f | (z.argmax(1) == 1),
    '"yes" == pred(f(x)) => "yes" == y': lambda f, yes, z: (z.argmax(1) == 0) | yes,
    'not ("yes" == pred(f(x)) and y == "no")': lambda f, yes, z: (z.argmax(1) == 0) | yes,
    'f(x)[1] < -0.2 => "no" == y': lambda f, yes, z: (z[:, 1] >= -0.2) | ~yes,
    'sex != "M" and y == "yes" => f(x)[1] >= 0.5': lambda f, yes, z: ~(f & yes) | (z[:, 1] >= 0.5),
}
"""The same with text, on either side: of which rows are F and yes, and outputs."""


@pytest.mark.parametrize("rule", NAMED)
def test_text_on_either_side_is_a_value_of_its_column(rule: str) -> None:
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(60, 3, generator=draw)
    yes = x[:, 0] + 0.3 * torch.randn(60, generator=draw) > 0
    female = torch.rand(60, generator=draw) < 0.5
    columns = {
        "x": x,
        "y": ["yes" if each else "no" for each in yes],
        "sex": ["F" if each else "M" for each in female],
    }
    torch.manual_seed(1)
    f = torch.nn.Linear(3, 2)
    head = "data train(x, y, sex)\nmodel f\nminimize ce\ns.t. c: forall (x, y, sex) in train: "
    result = cspec.run(f"{head}{rule}\nfit(steps=60, batch_size=20)", f=f, train=columns)
    with torch.no_grad():
        assert bool(NAMED[rule](female, yes, f(x)).all()) and result["c"].value == 0
