"""What you read is what runs: the emitted file run on its own gives the bits of `run`."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import cspec

SPECS = {
    "gates": (
        "minimize ce s.t. density(model) <= 0.5\nfit(epochs=2)",
        {"model": "mlp(hidden=[16], gates=hard_concrete)", "data": "digits"},
    ),
    "rates": (
        "data train(x, y) = two_gaussians(n=100)\nmodel f = linear\nminimize bce(f(x), y)\n"
        "s.t. quota: P[pred == 0] >= 70%\nmetric acc = P[pred == y]\nfit(epochs=20)",
        {},
    ),
    "variables": (
        "var w[3] = 0\nminimize sumsq(w)\ns.t. a: w[0] + w[1] == 1 by augmented_lagrangian\n"
        "     b: w >= 0.1 by projection\nfit(steps=300)",
        {},
    ),
}


@pytest.mark.parametrize("name", SPECS)
def test_the_file_alone_gives_the_same_bits(name: str, tmp_path: Path) -> None:
    text, bindings = SPECS[name]
    whole = cspec.run(text, **bindings)
    path = tmp_path / "train.py"
    path.write_text(cspec.compile(text, **bindings).source)
    found = subprocess.run(
        [sys.executable, str(path), "--json"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": str(_threads())},
    )
    assert found.returncode == whole.exit_code, found.stderr
    alone = json.loads(found.stdout.splitlines()[-1])
    inside = json.loads(whole.to_json())
    for key in ("objective", "constraints", "vars", "metrics", "last", "steps", "status"):
        assert alone[key] == inside[key], key


def _threads() -> int:
    import torch

    return torch.get_num_threads()
