"""Constraints in a Lightning module: the handle is bound where the optimizer is made.

    def configure_optimizers(self):
        optimizer = torch.optim.Adam(self.net.parameters(), lr=1e-2)
        self.handle = cspec.bind(SPEC, net=self.net, optimizer=optimizer)      # added
        return optimizer

    def training_step(self, batch, _):
        return self.handle.loss(**batch)                # was: cross_entropy(self.net(x), y)

Accumulation and clipping by the trainer need no other change. The script trains with automatic and
with manual optimization, takes off what the steps left, and prints the verdict table of each.
"""

from __future__ import annotations

from typing import Any

import lightning
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import cspec

SPEC = """
data train(x, y, sex)
model net
minimize ce(net(x), y)
s.t. dp: gap(P[pred == 1 | sex]) <= 5%
"""


def make_data() -> tuple[Tensor, Tensor, Tensor]:
    """512 people; the label depends on a feature that differs between the groups."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(512, 4, generator=generator)
    sex = (x[:, 1] > 0).long()
    return x, (x[:, 0] + 0.7 * sex > 0.3).long(), sex


class Classifier(lightning.LightningModule):
    """A linear classifier; `automatic` leaves the optimizer's step to the trainer."""

    handle: Any

    def __init__(self, *, automatic: bool) -> None:
        super().__init__()
        self.net = nn.Linear(4, 2)
        self.automatic_optimization = automatic

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """The optimizer, and the handle on it."""
        optimizer = torch.optim.Adam(self.net.parameters(), lr=1e-2)
        self.handle = cspec.bind(SPEC, net=self.net, optimizer=optimizer, groups={"sex": [0, 1]})
        return optimizer

    def training_step(self, batch: Any, _: int) -> Tensor:
        """The loss on one batch; with manual optimization also the step."""
        x, y, sex = batch
        loss: Tensor = self.handle.loss(x=x, y=y, sex=sex)
        if not self.automatic_optimization:
            optimizer: Any = self.optimizers()
            optimizer.zero_grad()
            self.manual_backward(loss)
            optimizer.step()
        return loss

    def on_train_epoch_end(self) -> None:
        """Log what the last batch measured."""
        self.log_dict(dict(self.handle.values))


def train(*, automatic: bool, epochs: int = 25, accumulate: int = 1) -> Any:
    """The handle at the end of a training."""
    torch.manual_seed(0)
    module = Classifier(automatic=automatic)
    trainer = lightning.Trainer(
        max_epochs=epochs,
        accumulate_grad_batches=accumulate,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(module, DataLoader(TensorDataset(*make_data()), batch_size=64, shuffle=True))
    return module.handle


def main() -> None:
    """Train both ways."""
    for automatic in (True, False):
        print("automatic optimization" if automatic else "manual optimization")
        print(train(automatic=automatic).restore(make_data()))


if __name__ == "__main__":
    main()
