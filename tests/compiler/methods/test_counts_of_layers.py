"""`W in sparse(p)` counts within each weight, `density(net) <= p` over all of them."""

from __future__ import annotations

import pytest

SPEC = """data train(x, y) = digits
model net = mlp(hidden=[16])
minimize ce(net(x), y)
s.t. prune: {what}
using {how}
fit(epochs=4, batch_size=256)
"""
LAYERS = "forall W in net.weights: W in sparse(10%)"


@pytest.mark.parametrize("how", ["projection", "projection(ramp=0)", "admm"])
def test_each_layer_has_its_share(run, how):
    result = run(SPEC.format(what=LAYERS, how=how))
    assert result.status == "satisfied"
    shares = {
        name: float((p != 0).float().mean())
        for name, p in result.model.named_parameters()
        if name.endswith("weight")
    }
    assert len(shares) == 2
    assert all(0.08 < share < 0.1001 for share in shares.values())


def test_a_density_is_of_all_weights_together(run):
    result = run(SPEC.format(what="density(net) <= 10%", how="projection"))
    weights = [p for name, p in result.model.named_parameters() if name.endswith("weight")]
    kept = sum(int((w != 0).sum()) for w in weights)
    assert kept == int(0.1 * sum(w.numel() for w in weights))
    assert max(float((w != 0).float().mean()) for w in weights) > 0.12
