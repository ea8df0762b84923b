"""Sums of gaps have an entry for each choice of pairs, and of many the largest."""

from __future__ import annotations

import pytest
import torch
from training.text import session_of


@pytest.mark.parametrize(("groups", "entries"), [((2, 3), 12), ((4, 4), 12), ((3, 3, 3), 36)])
def test_sums_of_gaps_have_few_entries_and_the_same_largest(
    groups: tuple[int, ...], entries: int
) -> None:
    draw = torch.Generator().manual_seed(1)
    x = torch.randn(60, 2, generator=draw)
    names = "abc"[: len(groups)]
    columns = {
        name: torch.arange(60) // (k + 1) % n
        for k, (name, n) in enumerate(zip(names, groups, strict=True))
    }
    total = " + ".join(f"gap(E[f(x) | {name}])" for name in names)
    model = torch.nn.Linear(2, 1)
    text = (
        f"data train(x, {', '.join(names)})\nmodel f\nminimize E[f(x)^2]\n"
        f"s.t. g: {total} <= 0.1\nfit(batch_size=full)\n"
    )
    run = session_of(text, train={"x": x, **columns}, f=model)
    _, g, _ = run.module["measure"](run.primal, run.whole_batch())
    z = model(x).squeeze(1).detach()
    means = [
        [float(z[codes == k].mean()) for k in range(n)]
        for codes, n in zip(columns.values(), groups, strict=True)
    ]
    assert len(g) == entries
    assert float(g.detach().max()) == pytest.approx(
        sum(max(m) - min(m) for m in means) - 0.1, abs=1e-5
    )
