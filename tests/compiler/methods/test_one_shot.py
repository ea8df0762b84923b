"""One-shot pruning: dense training, one projection, fine-tuning on a mask that stays."""

from __future__ import annotations

import pytest
import torch

from cspec.dsl.messages.diagnostic import SpecError

SPEC = """data train(x, y) = digits
model net = mlp(hidden=[16])
minimize ce(net(x), y)
s.t. prune: {what}
fit(epochs=4, batch_size=64)
metric acc = P[pred == y on train]
using projection({how})
"""
ONCE = "warmup=0.5, ramp=0, freeze=true"


def watched(session, how: str, what: str = "density(net) <= 10%"):
    """The masks of the nonzero weights and the share of the run, at each recorded step."""
    run = session(SPEC.format(how=how, what=what))
    masks: list[tuple[float, torch.Tensor]] = []
    record = run.record

    def noted(*measured):
        weights = [p for n, p in run.primal["net"].named_parameters() if n.endswith("weight")]
        masks.append((run.progress, torch.cat([(w != 0).flatten() for w in weights])))
        record(*measured)

    run.record = noted
    run.module["train"](run)
    return run, masks


def test_dense_then_one_mask(session):
    run, masks = watched(session, ONCE)
    dense = [m for p, m in masks if p < 0.5]
    sparse = [m for p, m in masks if p >= 0.5]
    assert dense and all(m.float().mean() > 0.99 for m in dense)
    assert all(torch.equal(m, sparse[0]) for m in sparse)
    assert sparse[0].float().mean() == pytest.approx(0.1, abs=1e-3)
    assert "acc before fine-tuning" not in run.details  # told by `details` of the result
    assert 0 < float(run.state["prune.before.acc"]) < 1


def test_a_ramp_begins_after_the_warm_up(session):
    _, masks = watched(session, "warmup=0.25, ramp=0.5")
    shares = [(p, float(m.float().mean())) for p, m in masks]
    assert all(s > 0.99 for p, s in shares if p < 0.25)
    middle = [s for p, s in shares if 0.3 < p < 0.7]
    assert middle == sorted(middle, reverse=True) and middle[0] > middle[-1] > 0.1
    assert all(s == pytest.approx(0.1, abs=1e-3) for p, s in shares if p >= 0.75)


@pytest.mark.parametrize(
    ("how", "what", "why"),
    [
        ("warmup=0.8, ramp=0.3", "density(net) <= 10%", "leave no step at the bound"),
        ("freeze=true", "forall W in net.weights: W >= 0", "`nonneg` is none"),
        ("freeze=true, every=epoch", "density(net) <= 10%", "on every step"),
    ],
)
def test_schedules_that_cannot_be_followed_are_refused(build, how, what, why):
    with pytest.raises(SpecError, match=why):
        build(SPEC.format(how=how, what=what))


ORTHO = """data train(x, y) = digits
model net = mlp(hidden=[16])
minimize ce(net(x), y)
s.t. ortho: forall W in net.weights: {what}
using projection(stiefel={by})
fit(steps=2)
"""


@pytest.mark.parametrize("by", ["svd", "qr"])
def test_the_way_onto_stiefel_is_the_one_named(session, by):
    run = session(ORTHO.format(what="W in stiefel", by=by))
    assert run.module["STIEFEL"].by == by
    run.module["train"](run)
    assert all(c.label.startswith("ortho[") for c in run.program.constraints)
    values = run.module["evaluate"](run.primal, {})
    assert all(float(value.detach()) < 1e-5 for value, _ in values.values())


def test_a_way_onto_stiefel_is_refused_elsewhere(build):
    with pytest.raises(SpecError, match="a way onto `stiefel`, and this set is `nonneg`"):
        build(ORTHO.format(what="W >= 0", by="qr"))


TWO = """data train(x, y) = digits
model net = mlp(hidden=[16])
minimize ce(net(x), y)
s.t. a: forall W in net.weights: W >= 0 by projection(warmup=0.5)
     b: forall W in net.weights: norm(W, 2) <= 3 by projection{how}
fit(steps=4)
"""


def test_sets_on_the_same_parameters_begin_together(session, build):
    with pytest.raises(SpecError, match="begin at different times"):
        build(TWO.format(how=""))
    run = session(TWO.format(how="(warmup=0.5)"))
    before = [p.detach().clone() for p in run.parameters]
    run.module["project"](run.primal, run.optimizer, 0.49)
    assert all(map(torch.equal, before, run.parameters))
    run.module["project"](run.primal, run.optimizer, 0.5)
    assert not all(map(torch.equal, before, run.parameters))
