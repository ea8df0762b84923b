"""A plain loop that logs constraints and multipliers to TensorBoard, and to MLflow where it is.

for name, value in handle.values.items():
    writer.add_scalar(f"constraint/{name}", value, step)
for name, price in handle.multipliers.items():
    writer.add_scalar(f"multiplier/{name}", price, step)
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.tensorboard import SummaryWriter

import cspec

Log = Callable[[str, float, int], Any]
SPEC = """
data train(x, y)
model net
minimize ce(net(x), y)
s.t. rare: P[pred == 1] <= 30%
"""


def make_data() -> tuple[Tensor, Tensor]:
    """256 points of 4 features, half of them of class 1."""
    x = torch.randn(256, 4, generator=torch.Generator().manual_seed(0))
    return x, (x[:, 0] > 0).long()


def train(log: Log, steps: int = 300, every: int = 20) -> Any:
    """The handle at the end of a training; `log(name, value, step)` every so many steps."""
    torch.manual_seed(0)
    net, (x, y) = nn.Linear(4, 2), make_data()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
    handle = cspec.bind(SPEC, net=net, optimizer=optimizer, steps=steps)
    for step in range(steps):
        rows = torch.randint(256, (64,))
        optimizer.zero_grad()
        loss = handle.loss(x=x[rows], y=y[rows])
        loss.backward()
        optimizer.step()
        if step % every == 0:
            log("loss", float(loss.detach()), step)
            for name, value in handle.values.items():
                log(f"constraint/{name}", value, step)
            for name, price in handle.multipliers.items():
                log(f"multiplier/{name}", price, step)
    return handle


def to_mlflow(folder: Path) -> Log:
    """Metrics of a run of MLflow, in files in a folder."""
    import mlflow

    os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow.set_tracking_uri(folder.as_uri())
    mlflow.set_experiment("constraints")
    mlflow.start_run()
    return lambda name, value, step: mlflow.log_metric(name, value, step=step)


def main() -> None:
    """Log one training to TensorBoard, and print the verdict table."""
    with tempfile.TemporaryDirectory() as folder, SummaryWriter(folder) as writer:
        print(train(writer.add_scalar).verify(make_data()))


if __name__ == "__main__":
    main()
