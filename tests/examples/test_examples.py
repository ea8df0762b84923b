"""The examples: specs are clean and formatted, scripts do what they say."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch
from sklearn.datasets import load_digits

import cspec
from cspec.dsl.parsing.parse import parse_text
from cspec.dsl.tree.nodes import shape

EXAMPLES = Path(__file__).parents[2] / "examples"
SPECS = sorted(EXAMPLES.glob("*.cspec"))


def script(name: str) -> ModuleType:
    """An example script as a module."""
    description = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    assert description is not None and description.loader is not None
    module = importlib.util.module_from_spec(description)
    sys.modules[description.name] = module
    description.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_spec_is_clean_and_explains(path: Path) -> None:
    assert cspec.check(path) == ()
    assert "Problem" in cspec.explain(path)


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_spec_keeps_its_meaning_when_formatted(path: Path) -> None:
    text = path.read_text()
    formatted = cspec.format(text)
    assert shape(parse_text(formatted)[0]) == shape(parse_text(text)[0])
    assert cspec.format(formatted) == formatted


@pytest.mark.parametrize("options", [{}, {"clip": True}, {"skip": 50}], ids=str)
def test_accumulated_batches_give_the_multipliers_of_the_large_batch(
    options: dict[str, object],
) -> None:
    own_loop = script("own_loop")
    whole = own_loop.train(1, **options)
    accumulated = own_loop.train(4, **options)
    assert set(whole) == {"small", "margin"}
    for name, multiplier in whole.items():
        assert multiplier > 0.01
        assert accumulated[name] == pytest.approx(multiplier, abs=1e-9)


def test_a_skipped_step_moves_nothing() -> None:
    own_loop = script("own_loop")
    assert own_loop.train(1, skip=50) != own_loop.train(1)


def test_policy_gradient_keeps_its_budget() -> None:
    # Costs are 0/1 draws, 512 a step: their mean has a standard error of 0.02, which the
    # multiplier averages over many steps. Reward per cost is 2, so the reward may be off by twice
    # as much.
    result = script("policy_gradient").train(steps=1500)
    assert result["cost"] == pytest.approx(0.3, abs=0.03)
    assert result["reward"] == pytest.approx(2.6, abs=0.08)
    assert result["multiplier"] == pytest.approx(2.0, abs=0.5)


def test_a_graph_without_cycles_is_found() -> None:
    result = cspec.run(EXAMPLES / "notears.cspec")
    found = torch.tensor(result.vars["W"])
    true = script("linear_sem").WEIGHTS
    assert result["acyclic"].satisfied and result["loopless"].satisfied
    assert torch.equal(found.abs() > 0.3, true != 0)
    assert float((found - true).abs().max()) < 0.45  # l1 shrinks


@pytest.mark.slow
def test_the_cheapest_power_flow_is_that_of_matpower() -> None:
    result = script("opf").solve()
    assert result.status == "satisfied"
    assert result.objective == pytest.approx(8081.53, abs=0.05)


def test_a_class_is_unlearned() -> None:
    result = cspec.run(EXAMPLES / "unlearn.cspec")
    assert result["forgotten"].satisfied and result["kept"].satisfied
    assert result.metrics["threes"] <= 0.05 and result.metrics["kept_test"] > 0.9


def test_outputs_do_not_change_when_the_plane_is_turned() -> None:
    result = cspec.run(EXAMPLES / "rotation.cspec")
    g = torch.Generator().manual_seed(0)
    x = torch.randn(200, 2, generator=g) + 3 * torch.randint(0, 2, (200, 1), generator=g)
    turned = torch.stack([-x[:, 1], x[:, 0]], 1)
    with torch.no_grad():
        model = result.models["f"].eval()
        apart = (model(turned) - model(x)).square().mean()
    assert all(c.satisfied for c in result.constraints) and float(apart) < 0.1


@pytest.mark.slow
def test_codes_do_not_vary_together() -> None:
    result = cspec.run(EXAMPLES / "dipvae.cspec")
    digits = load_digits()
    assert all(c.satisfied for c in result.constraints)
    with torch.no_grad():
        x = torch.tensor(digits.data[:200], dtype=torch.float32) / 16
        assert result.models["encode"].eval()(x).shape == (200, 3)
