"""Constraints in a loop of Accelerate: the handle is bound to what `prepare` gives.

    model, optimizer, loader = accelerator.prepare(model, optimizer, loader)
    handle = cspec.bind(SPEC, net=model, optimizer=optimizer.optimizer)           # added
    ...
        loss = handle.loss(x=x, y=y)                        # was: cross_entropy(model(x), y)
        accelerator.backward(loss)

The hook is on the optimizer inside the prepared one, which accumulation skips.
"""

from __future__ import annotations

from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import cspec

SPEC = """
data train(x, y)
model net
minimize ce(net(x), y)
s.t. rare: P[pred == 1] <= 30%
"""


def make_data() -> tuple[Tensor, Tensor]:
    """512 points of 4 features, half of them of class 1."""
    x = torch.randn(512, 4, generator=torch.Generator().manual_seed(0))
    return x, (x[:, 0] > 0).long()


def train(epochs: int = 20, accumulate: int = 2) -> Any:
    """The handle at the end of a training."""
    torch.manual_seed(0)
    net = nn.Linear(4, 2)
    accelerator = Accelerator(cpu=True, gradient_accumulation_steps=accumulate)
    loader = DataLoader(TensorDataset(*make_data()), batch_size=32, shuffle=True)
    model, optimizer, loader = accelerator.prepare(
        net, torch.optim.Adam(net.parameters(), lr=1e-2), loader
    )
    handle = cspec.bind(SPEC, net=model, optimizer=optimizer.optimizer)
    for _ in range(epochs):
        for x, y in loader:
            with accelerator.accumulate(model):
                accelerator.backward(handle.loss(x=x, y=y))
                optimizer.step()
                optimizer.zero_grad()
    return handle


def main() -> None:
    """Train, and print the verdict table."""
    print(train().verify(make_data()))


if __name__ == "__main__":
    main()
