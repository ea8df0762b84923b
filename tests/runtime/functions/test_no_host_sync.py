"""Nothing in the hot path reads a value on the host: the functions run on tensors without values.

A tensor on the `meta` device has a shape and a dtype only; `.item()`, `bool(...)` and shapes that
depend on values raise there.
"""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from cspec.runtime import functions as f
from cspec.runtime.models import build, clamp_gates, deploy_

B, C = 6, 3
LOGITS = torch.empty(B, C, device="meta")
LOGIT = torch.empty(B, device="meta")
LABELS = torch.empty(B, dtype=torch.int64, device="meta")
MASK = torch.empty(B, dtype=torch.bool, device="meta")

CALLS: dict[str, Callable[[], Tensor]] = {
    "ce": lambda: f.ce(LOGITS, LABELS),
    "bce": lambda: f.bce(LOGIT, LABELS),
    "hinge": lambda: f.hinge(LOGITS, LABELS),
    "huber": lambda: f.huber(LOGIT, LOGIT),
    "pred": lambda: f.pred(LOGITS),
    "class_prob": lambda: f.class_prob(LOGITS, 1),
    "label_prob": lambda: f.label_prob(LOGITS, LABELS),
    "label_chance": lambda: f.label_chance(f.prob(LOGITS), LABELS),
    "a loss and its mean": lambda: f.ce(LOGITS, LABELS, reduction="mean"),
    "margin": lambda: f.margin(LOGITS, LABELS) + f.margin(LOGITS, 0, 2),
    "mean": lambda: f.mean(LOGIT, MASK),
    "fraction": lambda: f.fraction(MASK, MASK),
    "sum_and_count": lambda: f.sum_and_count(LOGIT)[1],
    "quotient": lambda: f.quotient(f.mean(LOGIT), f.mean(LOGIT, MASK)),
    "gap": lambda: f.gap(f.by_group(LOGIT, LABELS, 4, MASK)),
    "ratio": lambda: f.ratio(f.by_group(MASK, LABELS, 4)),
    "cvar": lambda: f.cvar(LOGIT, 0.9, MASK),
    "quantile": lambda: f.quantile(LOGIT, 0.9, MASK),
    "standard_error": lambda: f.standard_error(LOGIT, MASK),
    "norm": lambda: f.norm(LOGITS, 0.5) + f.norm(LOGITS, 3) + f.norm(LOGITS, 0),
    "max": lambda: f.maximum(LOGIT, 0.0, LOGIT),
    "softplus": lambda: f.softplus(LOGIT),
    "rules": lambda: f.implies(MASK, MASK),
}


@pytest.mark.parametrize("name", CALLS)
def test_functions_need_no_values(name: str) -> None:
    assert CALLS[name]().device.type == "meta"


def test_counts_of_a_gated_network_need_no_values() -> None:
    net = build("mlp", inputs=(4,), outputs=2, gates="hard_concrete").to("meta")
    for count in (
        f.density(net),
        f.expected_density(net),
        f.params(net),
        f.flops(net, {"fc1": 1, "fc3": 1}),
    ):
        assert count.device.type == "meta" and count.ndim == 0
    clamp_gates(net)
    assert all(value.device.type == "meta" for value in deploy_(net).state_dict().values())
    assert net(torch.empty(5, 4, device="meta")).shape == (5, 2)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_devices_agree() -> None:
    torch.manual_seed(0)
    values, codes = torch.randn(500, dtype=torch.float64), torch.randint(0, 4, (500,))
    mask = torch.rand(500) < 0.5
    for statistic in (
        lambda v, c, m: f.by_group(v, c, 4, m),
        lambda v, c, m: f.cvar(v, 0.9, m),
        lambda v, c, m: f.quantile(v, 0.3, m),
        lambda v, c, m: f.spectral(v.reshape(20, 25)),
        lambda v, c, m: f.maximum(v, 0.5),
        lambda v, c, m: f.power(2.0, v),
    ):
        here = statistic(values, codes, mask)
        there = statistic(values.cuda(), codes.cuda(), mask.cuda()).cpu()
        assert torch.allclose(here, there)
