"""Hard-concrete gates on weights: stochastic zeros whose expected number has a gradient.

Each weight w is used as w z with a gate z in [0, 1]:

    s = sigmoid((log u - log(1 - u) + log_alpha) / beta)      u uniform, in training
    z = clip(s (zeta - gamma) + gamma, 0, 1)
    P(z != 0) = sigmoid(log_alpha - beta log(-gamma / zeta))
    z_test = clip(sigmoid(log_alpha) (zeta - gamma) + gamma, 0, 1)

Source: Louizos, Welling and Kingma 2018, "Learning sparse neural networks through L0
regularization", eq. 10-13. A test-time gate is exactly 0 where log_alpha <= -2.398, where
P(z != 0) is still 0.31: expected and deployed density differ.
"""

import math
from collections.abc import Iterator
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from cspec.runtime.models.hooks import copied

BETA = 2 / 3
GAMMA = -0.1
ZETA = 1.1
UNIFORM_MARGIN = 1e-6
LOG_ALPHA_SPREAD = 0.01
LOG_ALPHA_LIMIT = 4.6
"""Beyond it the sigmoid is so flat that a gate does not come back."""

_SHIFT = BETA * math.log(-GAMMA / ZETA)


class HardConcrete(nn.Module):
    """What gated layers share; `weight` and `log_alpha` have one shape, a gate a weight."""

    weight: Tensor
    log_alpha: nn.Parameter

    def add_gates(self, drop_rate: float) -> None:
        """Create `log_alpha` ~ N(log((1 - p) / p), 0.01) with p the share dropped at the start.

        Raises:
            ValueError: a drop rate outside (0, 1).
        """
        if not 0 < drop_rate < 1:
            raise ValueError(f"drop_rate must lie in (0, 1), but it is {drop_rate}")
        center = math.log(1 - drop_rate) - math.log(drop_rate)
        start = torch.empty_like(self.weight).normal_(center, LOG_ALPHA_SPREAD)
        self.log_alpha = nn.Parameter(start)

    def sampled_gate(self) -> Tensor:
        """A gate drawn with torch's global generator, differentiable in `log_alpha`."""
        u = torch.rand_like(self.log_alpha).clamp(UNIFORM_MARGIN, 1 - UNIFORM_MARGIN)
        s = torch.sigmoid((torch.logit(u) + self.log_alpha) / BETA)
        return (s * (ZETA - GAMMA) + GAMMA).clamp(0, 1)

    def deployed_gate(self) -> Tensor:
        """The gate used at test time."""
        return (torch.sigmoid(self.log_alpha) * (ZETA - GAMMA) + GAMMA).clamp(0, 1)

    def gated_weight(self) -> Tensor:
        """Weight times gate: sampled in training mode, deployed in evaluation mode."""
        return self.weight * (self.sampled_gate() if self.training else self.deployed_gate())

    def expected_l0(self) -> Tensor:
        """Expected number of open gates, `sum P(z != 0)`; 0-dim, differentiable."""
        return torch.sigmoid(self.log_alpha - _SHIFT).sum()

    def deployed_mask(self) -> Tensor:
        """True where the test-time gate is not zero."""
        return self.deployed_gate() > 0


class HardConcreteLinear(nn.Linear, HardConcrete):
    """`nn.Linear` with a hard-concrete gate on every weight."""

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, drop_rate: float = 0.01
    ) -> None:
        super().__init__(in_features, out_features, bias=bias)
        self.add_gates(drop_rate)

    def forward(self, inputs: Tensor) -> Tensor:
        return functional.linear(inputs, self.gated_weight(), self.bias)


class HardConcreteConv2d(nn.Conv2d, HardConcrete):
    """`nn.Conv2d` (zero padding) with a hard-concrete gate on every weight."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        *,
        stride: int = 1,
        padding: int = 0,
        bias: bool = True,
        drop_rate: float = 0.01,
    ) -> None:
        super().__init__(
            in_channels, out_channels, kernel_size, stride=stride, padding=padding, bias=bias
        )
        self.add_gates(drop_rate)

    def forward(self, inputs: Tensor) -> Tensor:
        outputs: Tensor = self._conv_forward(inputs, self.gated_weight(), self.bias)
        return outputs


def gated_layers(model: nn.Module) -> Iterator[tuple[str, HardConcrete]]:
    """Every gated layer of the model with its name, in module order."""
    for name, module in model.named_modules():
        if isinstance(module, HardConcrete):
            yield name, module


def has_gates(model: nn.Module) -> bool:
    """Whether some layer of the model carries gates."""
    return next(gated_layers(model), None) is not None


def gate_parameters(model: nn.Module) -> list[nn.Parameter]:
    """The `log_alpha` of every gated layer: they want a step size of their own."""
    return [layer.log_alpha for _, layer in gated_layers(model)]


@torch.no_grad()
def clamp_gates(model: nn.Module, limit: float = LOG_ALPHA_LIMIT) -> None:
    """Keep every `log_alpha` within +-limit, in place; call it after each optimizer step."""
    for parameter in gate_parameters(model):
        parameter.clamp_(-limit, limit)


# --- deployed -------------------------------------------------------------------------------------


@torch.no_grad()
def deployed_weight(layer: HardConcrete) -> Tensor:
    """Weight times test-time gate: what a gated layer computes with in evaluation mode."""
    return layer.weight * layer.deployed_gate()


def _plain(layer: HardConcrete) -> nn.Module:
    """The torch layer that computes what the gated one does in evaluation mode."""
    plain: nn.Linear | nn.Conv2d
    if isinstance(layer, HardConcreteConv2d):
        plain = nn.Conv2d(
            layer.in_channels,
            layer.out_channels,
            cast(tuple[int, int], layer.kernel_size),
            stride=cast(tuple[int, int], layer.stride),
            padding=cast(tuple[int, int], layer.padding),
            bias=layer.bias is not None,
            device="meta",
        )
    else:
        linear = cast(nn.Linear, layer)
        plain = nn.Linear(
            linear.in_features, linear.out_features, bias=linear.bias is not None, device="meta"
        )
    plain.weight = nn.Parameter(deployed_weight(layer), requires_grad=layer.weight.requires_grad)
    plain.bias = cast(nn.Parameter, layer.bias)
    return plain.train(layer.training)


def deploy_(model: nn.Module) -> nn.Module:
    """Replace each gated layer in place by the plain torch layer; returns the model.

    A model that is itself one gated layer can't be replaced in place: its plain layer is returned.
    """
    if isinstance(model, HardConcrete):
        return _plain(model)
    for parent in list(model.modules()):
        for name, child in parent.named_children():
            if isinstance(child, HardConcrete):
                setattr(parent, name, _plain(child))
    return model


class Frozen:
    """Mixed into a copied model's class: it stays in evaluation mode."""

    def train(self, mode: bool = True) -> nn.Module:
        return cast(nn.Module, self)


def frozen(model: nn.Module) -> nn.Module:
    """A deep copy that never moves: no parameter requires a gradient, `train()` has no effect.

    Parameter names and the type of the model stay the same.
    """
    still = copied(model)
    still.eval()
    still.requires_grad_(False)
    if not isinstance(still, Frozen):
        kind = type(still)
        still.__class__ = type(f"Frozen{kind.__name__}", (Frozen, kind), {})
    return still
