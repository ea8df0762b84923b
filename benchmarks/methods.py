"""Small problems on which the methods without a benchmark of their own stand beside others.

    OMP_NUM_THREADS=1 python benchmarks/methods.py

a rate      a linear classifier of two Gaussians that must answer 0 for 70% of 200 examples
a ball      the nearest point of an l1 ball: min ||w - t||^2, ||w||_1 <= 1; f* = 0.985
outputs     one affine row over the outputs of a digits network, judged on examples never seen
a cosine    min cos(x) s.t. sin(x) <= 0.5 on [0, pi/2]: f* = cos(pi/6) = 0.8660, multiplier 0.5774

Prints a table each, as Markdown.
"""

from __future__ import annotations

import torch

import cspec

RATE = """data train(x, y) = two_gaussians(n=200, seed=0)
model f = linear
minimize bce(f(x), y)
s.t. quota: P[pred == 0] >= 70%
fit(optimizer=sgd(lr=0.05), steps=2000, batch_size=full)
metric acc = P[pred == y]
"""
BALL = """var w[5] = 0
minimize sumsq(w - [1.5, -0.8, 0.3, 0.2, -0.1])
s.t. small: norm(w, 1) <= 1
fit(optimizer=sgd(lr=0.05), steps=2000)
"""
OUTPUTS = """data train(x, y), test(x, y) = digits(split=[0.6, 0.4], seed=0)
model net = mlp(hidden=[32])
minimize ce(net(x), y)
s.t. row: forall (x, y) in train: net(x)[0] + 2*net(x)[1] <= -1
fit(epochs=10)
verify all on test
metric acc = P[pred == y on test]
"""
COSINE = """var x = 0.5 in [0, pi/2]
minimize cos(x)
s.t. level: sin(x) <= 0.5
fit(optimizer=sgd(lr=0.01), steps=4000)
"""
PROBLEMS = {
    "a rate": (
        RATE,
        ("quadratic_penalty(coefficient=10)", "lagrangian", "augmented_lagrangian",
         "proxy_lagrangian", "proxy_lagrangian(regret=external)", "threshold"),
    ),
    "a ball": (BALL, ("projection", "frank_wolfe", "admm", "augmented_lagrangian", "sqp")),
    "outputs": (OUTPUTS, ("output_projection", "lagrangian")),
    "a cosine": (
        COSINE,
        ("penalty(coefficient=0.5774)", "lagrangian(dual=sgd(lr=0.3))",
         "lagrangian(dual=nupi(lr=0.3, kp=40))", "augmented_lagrangian(penalty=12, every=20)",
         "sqp"),
    ),
}  # fmt: skip


def main() -> None:
    """Print the tables."""
    torch.set_num_threads(1)
    for name, (spec, using) in PROBLEMS.items():
        seeds = 1 if spec in (BALL, COSINE) else 3
        found = cspec.compare(spec, using=using, seeds=seeds)
        print(f"\n## {name}\n\n{found.to_markdown()}", flush=True)


if __name__ == "__main__":
    main()
