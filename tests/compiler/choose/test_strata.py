"""`fit(strata=...)`: which columns batches hold in their shares, and what is said of them."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import cspec
from cspec.dsl.messages.diagnostic import SpecError

ROWS = 400
HEAD = "data train(x, y, sex, site)\nmodel f = linear\nminimize bce(f(x), y)\n"


def table() -> dict[str, Any]:
    draw = torch.Generator().manual_seed(0)
    return {
        "x": torch.randn(ROWS, 3, generator=draw),
        "y": torch.randint(0, 2, (ROWS,), generator=draw),
        "sex": ["f" if i % 5 else "m" for i in range(ROWS)],
        "site": torch.arange(ROWS) % 7,
    }


def run(lines: str, fit: str) -> Any:
    return cspec.run(f"{HEAD}{lines}\nfit(steps=20, batch_size=50, {fit})", train=table())


def told(result: Any) -> str:
    (said,) = [note for note in result.notes if "in their shares" in note]
    return str(said)


def test_groups_are_those_of_the_requirements_in_their_order() -> None:
    lines = "s.t. a: forall s in values(site): P[pred == 1 | site == s] <= 90%\n"
    lines += "     b: gap(P[pred == 1 | sex, y == 1]) <= 90%"
    assert "groups of `site`, `sex` and `y` in" in told(run(lines, "strata=groups"))
    assert "groups of `y` in" in told(run(lines, "strata=[y]"))


def test_the_rarest_group_of_a_batch_is_told() -> None:
    result = run("s.t. gap(P[pred == 1 | sex]) <= 90%", "strata=groups")
    assert told(result).endswith("of the rarest, sex = m, 10 rows")  # 80 of 400, of 50


def test_full_batches_hold_everything() -> None:
    result = cspec.run(f"{HEAD}fit(steps=3, batch_size=full, strata=[sex])", train=table())
    assert any("changes nothing" in note for note in result.notes)


@pytest.mark.parametrize(
    ("lines", "strata", "message"),
    [
        ("", "groups", "no requirement names groups"),
        ("s.t. E[f(x)^2] <= 9", "groups", "no requirement names groups"),
        ("", "[x]", "column `x` holds no groups"),
        ("", "[sexx]", "no dataset has a column `sexx`"),
    ],
)
def test_what_holds_no_groups_is_refused(lines: str, strata: str, message: str) -> None:
    with pytest.raises(SpecError) as error:
        run(lines, f"strata={strata}")
    (found,) = error.value.diagnostics
    assert (found.code, found.message) == ("CS513", message)


def test_a_loader_has_an_order_of_its_own() -> None:
    data = table()
    rows = torch.utils.data.TensorDataset(data["x"], data["y"], data["site"])
    loader = torch.utils.data.DataLoader(rows, batch_size=50)
    spec = HEAD.replace(", sex", "") + "fit(steps=3, strata=[site])"
    with pytest.raises(SpecError) as error:
        cspec.run(spec, train=loader)
    assert error.value.diagnostics[0].code == "CS516"
