"""The specs whose emitted source is kept: name -> text and what is bound."""

from __future__ import annotations

SPECS: dict[str, tuple[str, dict[str, str]]] = {
    "gated_density": (
        "minimize ce s.t. density(model) <= 0.5",
        {"model": "mlp(hidden=[16], gates=hard_concrete)", "data": "digits"},
    ),
    "sparse_split": (
        """data train(x, y), val(x, y), test(x, y) = digits(split=[0.6, 0.2, 0.2], seed=0)
model net = mlp(hidden=[32, 32])
minimize ce(net(x), y)
s.t. ortho: forall W in net.weights("fc1.*"): W in stiefel within 1e-5
     prune: forall W in net.weights("fc2.*"): W in sparse(10%) by admm(rho=1e-3)
metric acc = P[pred == y on test]
fit(epochs=20, batch_size=64, schedule=cosine, clip_norm=1)
verify all on val every epoch
stop when feasible(1e-3) and stalled(epochs=5)
""",
        {},
    ),
    "rates": (
        """param level = 70%
data train(x, y) = two_gaussians(n=100, seed=0)
model f = linear
minimize bce(f(x), y)
s.t. quota: P[pred == 0] >= level
     band: 0.2 <= E[sigmoid(f(x)) | y == 1] <= 0.9
     small: sum(sumsq(W) for W in f.weights) <= 4 soft(weight=0.1)
metric acc = P[pred == y]
fit(optimizer=sgd(lr=0.02), steps=500, batch_size=full)
""",
        {},
    ),
    "two_rules": (
        """var w[3] = [0, 0, 0]
var x = 0.5 in [0, pi/2]
maximize cos(x) - sumsq(w)
s.t. a: w[0] + w[1] + w[2] == 3 by augmented_lagrangian(penalty=10)
     b: sin(x) <= 0.5 by lagrangian(dual=nupi(lr=0.3, kp=40), every=10, warmup=100)
fit(optimizer=adam(lr=0.01), steps=1000, precision=float64)
""",
        {},
    ),
    "solver": (
        "var x = 0.5 in [0, pi/2]\nvar y = 1\n"
        "minimize cos(x) + (y - 2)^2\ns.t. a: sin(x)*y <= 0.5\n     b: x + y == 1",
        {},
    ),
}
