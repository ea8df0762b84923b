"""`verify ... with confidence` in runs: verdicts, counts, margins, the ledger, measured again."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import beta

import cspec

SPEC = """data train(x, y, s), test(x, y, s)
model f = linear()
minimize bce(f(x), y)
s.t. low: P[pred == 1] <= {bound}
     parity: gap(P[pred == 1 | s]) <= 40%
verify all on test with confidence {level}
fit(epochs=3)
"""


def made(n: int, seed: int) -> dict[str, torch.Tensor]:
    g = torch.Generator().manual_seed(seed)
    x, noise = torch.randn(n, 2, generator=g), torch.randn(n, generator=g)
    s = (torch.rand(n, generator=g) < 0.4).long()
    return {"x": x, "y": (x[:, 0] + noise > 0).long(), "s": s}


def ran(out: Path | None = None, bound: str = "60%", level: str = "95%", **more: Any) -> Any:
    data: dict[str, Any] = {"train": made(600, 0), "test": made(500, 1), **more}
    return cspec.run(SPEC.format(bound=bound, level=level), out=out, **data)


def test_a_verdict_has_the_counts_that_one_gets_by_hand() -> None:
    result = ran()
    data = made(500, 1)
    with torch.no_grad():
        hits = int((result.model(data["x"]).flatten() > 0).sum())
    proof = result["low"].certificate
    (mean,) = proof.means
    assert (mean.k, mean.n) == (hits, 500)
    assert proof.bound == pytest.approx(beta.isf(0.05, hits + 1, 500 - hits))
    assert proof.certified == (proof.bound <= 0.6)
    by_group = {m.group: m for m in result["parity"].certificate.means}
    for value in (0, 1):
        mask = data["s"] == value
        with torch.no_grad():
            k = int((result.model(data["x"][mask]).flatten() > 0).sum())
        assert (by_group[str(value)].k, by_group[str(value)].n) == (k, int(mask.sum()))
    assert result.status == "satisfied" and result["low"].evidence == "certified"


def test_what_is_met_and_not_certified_is_no_success() -> None:
    data = made(500, 1)
    small = {name: column[:40] for name, column in data.items()}
    result = ran(bound="7%", test=small)
    assert result["low"].satisfied and not result["low"].certificate.certified
    assert result.status == "uncertified" and result.exit_code == 3
    assert any("it would take about" in note for note in result.notes)


def test_training_keeps_a_margin_from_the_size_of_the_split() -> None:
    plan = cspec.compile(
        SPEC.format(bound="60%", level="95%"), train=made(600, 0), test=made(500, 1)
    )
    low = plan.constraints[0]
    error = (0.6 * 0.4 / 500) ** 0.5
    assert low.margin == pytest.approx((1.6449 + 1.2816 * (1 + 500 / 600) ** 0.5) * error, rel=5e-3)
    assert any(f"a margin of {low.margin:g}" in note for note in plan.notes)
    result = ran()
    with torch.no_grad():
        rate = float((result.model(made(600, 0)["x"]).flatten() > 0).float().mean())
    assert rate <= 0.6 - low.margin
    assert result["low"].bound == 0.6


def test_a_second_look_at_the_same_rows_is_counted_or_refused(tmp_path: Path) -> None:
    first = ran(tmp_path / "a")
    again = ran(tmp_path / "b")  # the same question: one look
    assert again["low"].certificate == first["low"].certificate
    with pytest.raises(cspec.SpecError) as refused:
        ran(tmp_path / "c", bound="61%")
    assert [d.code for d in refused.value.diagnostics] == ["CS636"]
    later = ran(tmp_path / "c", bound="61%", level="90%")
    assert later["low"].certificate.error == pytest.approx(0.05)
    with pytest.raises(cspec.SpecError):  # what the folder has on record stays when it is reused
        ran(tmp_path / "a", bound="62%")
    assert ran(tmp_path / "d", bound="62%", test=made(500, 2))["low"].certificate.error == (
        pytest.approx(0.05)
    )


def test_a_certificate_is_measured_again(tmp_path: Path) -> None:
    ran(tmp_path / "a")
    found = cspec.verify(tmp_path / "a", train=made(600, 0), test=made(500, 1))
    assert found.holds, str(found)
    report = tmp_path / "a" / "report.json"
    content = json.loads(report.read_text())
    content["constraints"][0]["certificate"]["means"][0]["k"] += 1
    report.write_text(json.dumps(content))
    found = cspec.verify(tmp_path / "a", train=made(600, 0), test=made(500, 1))
    assert any("certificate" in str(difference) for difference in found.differences)


def test_the_emitted_program_certifies_as_the_run_does(tmp_path: Path) -> None:
    for name, seed, n in (("train", 0, 600), ("test", 1, 500)):
        torch.save(made(n, seed), tmp_path / f"{name}.pt")
    (tmp_path / "mydata.py").write_text(
        "import torch\ndef load(path):\n    return torch.load(path)\n"
    )
    plan = cspec.compile(
        SPEC.format(bound="60%", level="95%"), train=made(600, 0), test=made(500, 1)
    )
    assert "def leaves(primal, data):" in plan.source
    (tmp_path / "train.py").write_text(plan.source)
    done = subprocess.run(
        [sys.executable, "train.py", "--help"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


REFUSED = {
    "cvar(bce(f(x), y), 95%) <= 3": "CS515",
    "E[bce(f(x), y)] <= 3": "CS515",
    "P[pred == 1] == 50%": "CS515",
    "forall (x, y, s) in train: f(x) <= 9": "CS515",
    "P[pred == 1 on train] <= 90%": "CS410",
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_can_not_be_certified_is_refused_by_name(text: str) -> None:
    spec = SPEC.format(bound="60%", level="95%").replace("P[pred == 1] <= 60%", text)
    found = [d.code for d in cspec.check(spec)]
    assert REFUSED[text] in found


def test_two_certificates_of_one_requirement_are_refused() -> None:
    spec = SPEC.format(bound="60%", level="95%") + "verify low on test with confidence 90%\n"
    assert "CS410" in [d.code for d in cspec.check(spec)]


@pytest.mark.parametrize(
    ("word", "bound"), [("gap", "<= 60%"), ("ratio", ">= 10%"), ("max", "<= 95%")]
)
def test_over_a_set_of_groups_is_certified_like_the_vector(word: str, bound: str) -> None:
    draw = np.random.default_rng(0)
    columns = {
        "x": draw.normal(size=(600, 2)),
        "y": draw.integers(0, 2, 600),
        "sex": draw.choice(["F", "M"], 600),
    }
    parts = [{k: v[rows] for k, v in columns.items()} for rows in (slice(300), slice(300, 600))]
    told = []
    for inside in ("P[pred == 1 | sex]", "P[pred == 1 | sex == a] for a in values(sex)"):
        spec = (
            "data train(x, y, sex), test(x, y, sex)\nmodel f = linear\nminimize bce(f(x), y)\n"
            f"s.t. c: {word}({inside}) {bound}\nverify c on test with confidence 95%\nfit(steps=20)"
        )
        result = cspec.run(spec, train=parts[0], test=parts[1])
        (note,) = (n for n in result.notes if "certified on test" in n)
        told.append((result["c"].value, result["c"].evidence, note.split(" (")[0]))
    assert told[0] == told[1]
