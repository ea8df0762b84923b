"""Members of a set are named by their values, whatever they are; hints that run as typed."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

import cspec
from cspec.dsl.messages.diagnostic import SpecError

FIT = "fit(optimizer=sgd(lr=1e-9), steps=1, batch_size=full)\n"
N, TOKENS = 12, 3


def run(text: str, **columns: Any) -> cspec.Result:
    torch.manual_seed(0)
    data = {"x": torch.randn(N, 3), "y": torch.randn(N), **columns}
    names = ", ".join(data)
    return cspec.run(f"data d({names})\nmodel f\n{text}\n{FIT}", d=data, f=nn.Linear(3, 1))


@pytest.mark.parametrize(
    ("members", "names"),
    [
        ("{-1, 1}", ["-1", "1"]),
        ("{-0.5, 0.5}", ["-0.5", "0.5"]),
        ("{-2, -1}", ["-2", "-1"]),
        ("{1/2, 3}", ["1/2", "3"]),
    ],
)
def test_a_member_that_is_no_plain_number_has_a_name(members: str, names: list[str]) -> None:
    made = run(f"minimize mse\ns.t.\n  a: forall k in {members}: E[k * f(x)] <= 9")

    assert [c.name for c in made.constraints] == [f"a[{name}]" for name in names]


def test_a_total_over_the_examples_is_hinted_at_first() -> None:
    with pytest.raises(SpecError, match="one value an example") as raised:
        run("minimize mse\nmetric m = median(y - f(x))")

    (found,) = raised.value.diagnostics
    assert found.helps[0] == "over the examples it is `quantile(y - f(x), 0.5)`"
    assert found.fixes[0].replacement == "quantile(y - f(x), 0.5)"


def test_a_hint_on_groups_of_tokens_keeps_the_mask() -> None:
    torch.manual_seed(0)
    words = torch.randint(0, 4, (N, TOKENS))
    tagger = nn.Sequential(nn.Embedding(4, 4), nn.Linear(4, 3))
    data = {
        "x": words,
        "y": words % 3,
        "mask": torch.rand(N, TOKENS) < 0.7,
        "lang": ["en", "fr"] * (N // 2),
    }
    head = "data d(x, y, mask, lang)\nmodel f\nminimize ce\ns.t.\n"

    with pytest.raises(SpecError, match="groups are made of examples") as raised:
        cspec.run(f"{head}  a: gap(E[ce(f(x), y) | lang, mask]) <= 0.1\n{FIT}", d=data, f=tagger)

    (found,) = raised.value.diagnostics
    one = "forall v in values(lang): E[ce(f(x), y) | lang == v, mask]"
    assert f"`{one} ...`" in found.helps[0]
    made = cspec.run(f"{head}  a: {one} <= 9\n{FIT}", d=data, f=tagger)
    assert [c.name for c in made.constraints] == ["a[en]", "a[fr]"]
