"""A plain PyTorch loop with constraints: two changed lines.

    handle = cspec.bind(spec, model=net, optimizer=optimizer)        # added
    loss = handle.loss(x=x, y=y)                                     # was: loss = ce(net(x), y)

Everything else stays: accumulation, clipping, a loss scaler that skips a step. Multipliers move
once an optimizer step, from all that was measured since the last one (the simultaneous order).

The script trains the same model twice, on batches of 128 and on four accumulated batches of 32,
and prints both multipliers: in float64 they agree to rounding. The same is done with clipped
gradients and with a skipped step.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

import cspec

SPEC = """
minimize E[ce(model(x), y) on data]
s.t. small:   sumsq(model.weights) <= 0.2
     margin:  E[hinge(model(x), y) on data] <= 0.95
using lagrangian(dual=sgd(lr=0.05), order=simultaneous)
"""


def make_data() -> tuple[Tensor, Tensor]:
    """128 points of 10 features in 3 classes."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(128, 10, generator=generator, dtype=torch.float64)
    y = torch.randint(0, 3, (128,), generator=generator)
    return x, y


def train(parts: int, *, clip: bool = False, skip: int | None = None) -> dict[str, float]:
    """100 optimizer steps with `parts` equal batches each; the multipliers by label."""
    torch.manual_seed(0)
    net = nn.Linear(10, 3, dtype=torch.float64)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    x, y = make_data()
    handle = cspec.bind(SPEC, model=net, optimizer=optimizer)
    for step in range(100):
        optimizer.zero_grad()
        for part_x, part_y in zip(x.chunk(parts), y.chunk(parts), strict=True):
            loss = handle.loss(x=part_x, y=part_y)
            (loss / parts).backward()
        if clip:
            nn.utils.clip_grad_norm_(net.parameters(), 0.05)
        if step == skip:
            continue  # what a loss scaler does after an overflow: model and multipliers stay
        optimizer.step()
    return {name: float(value) for name, value in handle.multipliers.items()}


def main() -> None:
    """Print the multipliers of both ways, and how far they are apart."""
    for title, options in {
        "plain": {},
        "clipped gradients": {"clip": True},
        "step 50 skipped": {"skip": 50},
    }.items():
        whole, accumulated = train(1, **options), train(4, **options)
        for name, multiplier in whole.items():
            apart = abs(multiplier - accumulated[name])
            print(f"{title:18} {name:7} multiplier {multiplier:.9f}, 4 x 32: {apart:.1e} off")


if __name__ == "__main__":
    main()
