"""CPU time and memory of an epoch of MNIST with one requirement, against a plain loop.

    OMP_NUM_THREADS=1 python benchmarks/mnist_epoch.py FOLDER [rounds]
    OMP_NUM_THREADS=1 python benchmarks/mnist_epoch.py FOLDER --steps 50000

FOLDER has the four IDX files. Both read them, train the same network on the same batch size with
Adam, and measure loss and the requirement on training and test images at the end; `cspec run`
finds the multiplier, verifies, and writes its folder with checkpoints and report besides. Each is a
process of its own, and they take turns. Printed: the median of CPU seconds (of a whole process with
its imports, and in another one behind a small run that imports everything) and of the peak of
resident memory by hand, and the median of each round's ratio, with the quartiles behind.

With `--steps`, resident memory in MiB along a run of so many steps.
"""

from __future__ import annotations

import argparse
import gzip
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import cspec

BATCH, HIDDEN = 64, 128
NETS = ("mlp", "cnn")


def spec(folder: str, net: str, steps: int) -> str:
    """One requirement: eights among the ones are rare."""
    model = f"mlp(hidden=[{HIDDEN}])" if net == "mlp" else "f"
    given = "" if net == "cnn" else f" = {model}"
    image = str(net == "cnn").lower()
    return f"""data train(x, y), test(x, y) = mnist(folder="{folder}", image={image})
model f{given}
minimize ce
s.t. rare: P[pred == 8 | y == 1] <= 1%
metric accuracy = P[pred == y on test]
verify all on test
fit(batch_size={BATCH}, optimizer=adam(lr=1e-3), {f"steps={steps}" if steps else "epochs=1"})
"""


def network(net: str) -> nn.Sequential:
    """The same for both."""
    torch.manual_seed(0)
    if net == "mlp":
        return nn.Sequential(nn.Linear(784, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 10))
    return nn.Sequential(
        *(nn.Conv2d(1, 16, 3, stride=2), nn.ReLU(), nn.Conv2d(16, 32, 3, stride=2), nn.ReLU()),
        *(nn.Flatten(), nn.Linear(32 * 36, 10)),
    )


def images(folder: Path, part: str, net: str) -> tuple[Tensor, Tensor]:
    """Images in [0, 1] and labels."""
    found = []
    for kind, head in (("images-idx3", 16), ("labels-idx1", 8)):
        path = folder / f"{part}-{kind}-ubyte"
        raw = path.read_bytes() if path.exists() else gzip.decompress(_packed(path).read_bytes())
        found.append(np.frombuffer(raw, dtype=np.uint8, offset=head))
    x = torch.from_numpy(found[0].astype(np.float32) / 255).reshape(-1, 784)
    return (x if net == "mlp" else x.reshape(-1, 1, 28, 28)), torch.from_numpy(
        found[1].astype(np.int64)
    )


def _packed(path: Path) -> Path:
    return path.with_name(path.name + ".gz")


def plain(folder: Path, net: str) -> None:
    """An epoch by hand, without a requirement, and both numbers of both parts."""
    train, test = images(folder, "train", net), images(folder, "t10k", net)
    model = network(net)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    order = torch.randperm(len(train[0]))
    for rows in order.split(BATCH):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(train[0][rows]), train[1][rows])
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        for x, y in (train, test):
            z = torch.cat([model(part) for part in x.split(1024)])
            loss = nn.functional.cross_entropy(z, y)
            rare = (z.argmax(1) == 8)[y == 1].double().mean()
            print(f"plain: loss {float(loss):.4f}, rare {float(rare):.4f}", file=sys.stderr)


def ours(folder: Path, net: str, steps: int = 0) -> None:
    """The same by `cspec.run`, with folder and report."""
    given = {"f": network(net)} if net == "cnn" else {}

    def look(now: Mapping[str, Any]) -> None:
        if steps and now["step"] % (steps // 10) == 0:
            print(f"step {now['step']}: {resident():.0f} MiB", flush=True)

    with tempfile.TemporaryDirectory() as out:
        text = spec(str(folder), net, steps)
        result = cspec.run(text, out=f"{out}/run", progress=look if steps else None, **given)
    value = result["rare"].value
    print(f"ours: {result.status}, rare {value:.4f}, {result.metrics}", file=sys.stderr)


def warm(whose: str) -> None:
    """Import all that a run imports."""
    if whose == "plain":
        torch.optim.Adam([nn.Parameter(torch.zeros(1))])
        return
    small = "data d(x, y) = two_gaussians\nmodel f = linear\nminimize ce"
    with tempfile.TemporaryDirectory() as out:
        cspec.run(small + "\ns.t. P[pred == 1] <= 0.5\nfit(epochs=1)", out=f"{out}/run")


def resident() -> float:
    """Resident memory of this process now, in MiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def alone(folder: Path, net: str, whose: str) -> tuple[float, float, float]:
    """CPU seconds of a whole process, those of another one behind its imports, and peak MiB."""
    command = [sys.executable, __file__, str(folder), "--only", whose, "--net", net]
    places = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    cold, warmed = (
        subprocess.run([*command, *more], check=True, capture_output=True, text=True, env=places)
        for more in ([], ["--warm"])
    )
    whole, _, peak = map(float, cold.stdout.split()[-3:])
    return whole, float(warmed.stdout.split()[-2]), peak


def spread(values: list[float]) -> str:
    """The median, and the quartiles."""
    if len(values) < 2:
        return f"{values[0]:.2f}"
    low, middle, high = statistics.quantiles(values, n=4)
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def main() -> None:
    """Take turns."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("rounds", type=int, nargs="?", default=5)
    parser.add_argument("--steps", type=int, default=0)
    parser.add_argument("--only", choices=["plain", "ours"])
    parser.add_argument("--warm", action="store_true")
    parser.add_argument("--net", choices=NETS, default="mlp")
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.steps:
        ours(given.folder, given.net, given.steps)
        return
    if given.only:
        if given.warm:
            warm(given.only)
        began = time.process_time()
        (plain if given.only == "plain" else ours)(given.folder, given.net)
        now = time.process_time()
        print(now, now - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        return
    for net in NETS:
        both = [
            [alone(given.folder, net, w) for w in ("plain", "ours")] for _ in range(given.rounds)
        ]
        for place, name in enumerate(("CPU s, process", "CPU s, warm", "peak MiB")):
            hand = statistics.median(row[0][place] for row in both)
            ratios = [row[1][place] / row[0][place] for row in both]
            print(f"{net}  {name:14}  plain {hand:8.1f}   run {spread(ratios)} of it", flush=True)


if __name__ == "__main__":
    main()
