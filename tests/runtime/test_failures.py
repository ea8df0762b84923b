"""What is said where a model raises while training: in whose code, and what it said."""

from pathlib import Path

import pytest
import torch
from torch import nn

import cspec

X, Y = torch.linspace(-1, 1, 60).reshape(20, 3), torch.arange(20) % 2
NETS = """import json

import torch
from torch import nn


class Net(nn.Linear):
    def forward(self, x):
        if torch.is_grad_enabled():
            {line}
        return super().forward(x)
"""


def failure(spec: str, **models: nn.Module) -> cspec.Diagnostic:
    with pytest.raises(cspec.SpecError) as caught:
        cspec.run(f"{spec}minimize ce\nfit(epochs=1)", data=(X, Y), **models)
    (found,) = caught.value.diagnostics
    assert found.code == "CS610"
    return found


@pytest.mark.parametrize(
    ("line", "kind", "text"),
    [
        ('raise RuntimeError("the pump is off")', "RuntimeError", "the pump is off"),
        ('json.loads("{")', "JSONDecodeError", "Expecting property name"),
        ("x.view(-1, 7)", "RuntimeError", "shape '[-1, 7]' is invalid"),
    ],
)
def test_the_line_of_the_users_model_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, kind: str, text: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text(NETS.replace("{line}", line))
    spec = 'from "net.py" import Net\nmodel f = Net(in_features=3, out_features=2)\n'
    found = failure(spec)
    assert found.message == f"the output of model `f` can't be computed: net.py:10 raises {kind}"
    assert found.notes[0].startswith(f"{kind}: {text}")
    assert f"at net.py:10: {line}" in found.notes


class Inner(nn.Module):
    """Fails inside a layer of torch: the user's line is the one that calls it."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x.double() if torch.is_grad_enabled() else x)


def test_an_error_inside_of_torch_is_at_the_line_that_calls_it() -> None:
    found = failure("", model=Inner())
    assert " can't be computed: test_failures.py:" in found.message
    assert "self.layer(x.double()" in " ".join(found.notes)
