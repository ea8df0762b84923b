"""What can't run yet is told: `check` warns of it, `explain` lists it, the rest refuses it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

import cspec
from cspec.cli import main
from cspec.dsl.messages.diagnostic import SpecError

EACH = (
    "data train(x, y)\nmodel f = mlp\nminimize ce\n"
    "s.t. c: forall (x, y) in train: ce(f(x), y) <= 4 by sal\n"
)
SAID = "a requirement on each example of `train` by `sal` is checked by cspec, but not compiled yet"


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "each.cspec"
    path.write_text(EACH, encoding="utf-8")
    return path


def test_check_warns(spec: Path, capsys: Any) -> None:
    assert main(["check", str(spec)]) == 0
    assert f"warning[CS520]: {SAID}" in capsys.readouterr().err
    assert main(["check", "--strict", str(spec)]) == 1
    capsys.readouterr()
    assert main(["check", "--json", str(spec)]) == 0
    report = json.loads(capsys.readouterr().out)
    (found,) = report["files"][0]["diagnostics"]
    assert (found["code"], found["severity"], found["line"]) == ("CS520", "warning", 4)


def test_errors_come_first(spec: Path) -> None:
    """A spec that is wrong is mended before anything else is said of it."""
    spec.write_text(EACH.replace("<= 4", "<= lmit"), encoding="utf-8")
    assert [d.code for d in cspec.check(spec)] == ["CS201"]


def test_explain_lists_it(spec: Path, capsys: Any) -> None:
    assert "Can't run yet" in cspec.explain(spec) and SAID in " ".join(cspec.explain(spec).split())
    assert main(["explain", "--markdown", str(spec)]) == 0
    assert SAID in capsys.readouterr().out
    assert main(["explain", "--json", str(spec)]) == 0
    (later,) = json.loads(capsys.readouterr().out)["later"]
    assert later.startswith(f"line 4: {SAID} [CS520]")
    for runs in (
        EACH.replace("forall (x, y) in train: ce(f(x), y)", "E[ce(f(x), y)]"),
        EACH.replace(" by sal", ""),
    ):
        assert "Can't run yet" not in cspec.explain(runs)


@pytest.mark.parametrize("command", ["run", "compile", "compare", "relax"])
def test_whatever_trains_refuses_it_before_data_are_read(
    spec: Path, command: str, capsys: Any
) -> None:
    more = ["--using", "sal"] if command == "compare" else []
    code = main([command, str(spec), "--bind", "train=nowhere.csv", *more])
    found = capsys.readouterr()
    assert code in (1, 3) and "CS520" in found.out + found.err, found
    assert "nowhere" not in found.out + found.err


@pytest.mark.parametrize("method", [" by sal", ""])
def test_a_loop_of_your_own_refuses_it_too(method: str) -> None:
    """Also what `run` can do: batches of one's own have no numbers of rows."""
    text = EACH.replace("= mlp", "").replace(" by sal", method)
    net = torch.nn.Linear(3, 2)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    with pytest.raises(SpecError) as caught:
        cspec.bind(text, f=net, optimizer=optimizer)
    assert [d.code for d in caught.value.diagnostics] == ["CS520"]


@pytest.mark.parametrize(
    ("text", "instead"),
    [
        ("s.t. c: forall (x, y) in train: ce(f(x), y) <= 4 by sal", "leave the method out"),
        ("s.t. c: E[sum(ce(f(z), y) for z in ball(x, 0.1, norm=2))] <= 4", "E[... on attacked]"),
    ],
)
def test_the_help_says_what_works_today(text: str, instead: str) -> None:
    (found,) = cspec.check(f"data train(x, y)\nmodel f = mlp\nminimize ce\n{text}")
    assert found.code == "CS520" and found.severity == "warning"
    assert any(instead in help_ for help_ in found.helps), found.helps


@pytest.mark.parametrize(
    ("domain", "line", "said", "help_"),
    [
        (
            "domain q(t) = box([0, 1])\n",
            "forall t in q.sample(10) where t >= 0.5: t*z >= 0 by augmented_lagrangian",
            "points of a domain with a `where` by `augmented_lagrangian`",
            "leave its method open",
        ),
        (
            "domain q(t) = box([0, 1])\n",
            "forall t in q.sample(10): t*z >= 0 by sal",
            "points of a domain by `sal`",
            "leave its method open, or write `by augmented_lagrangian`",
        ),
        (
            "data train(x, y)\nmodel f\n",
            "forall d in ball(0.1, norm=2): E[ce(f(x + d), y)] <= 3",
            "a requirement on a whole ball",
            "each its own: `E[max(ce(f(x + d), y) for d in ball(0.1, norm=2)) on train] <= 3`",
        ),
        (
            "data train(x, y)\nmodel f\n",
            "E[ce(f(x + d), y) for d in ball(0.1, norm=2)] <= 3",
            "a mean over a ball",
            "of the worst: `E[max(... for d in ball(r, norm=inf))]`",
        ),
    ],
)
def test_what_to_write_instead_is_said(domain: str, line: str, said: str, help_: str) -> None:
    (found,) = cspec.check(f"{domain}var z = 1\nminimize z^2\ns.t. c: {line}\n")
    assert (found.code, found.severity) == ("CS520", "warning") and said in found.message
    assert help_ in found.helps[0] and (help_ == found.helps[0] or "method" not in help_)
