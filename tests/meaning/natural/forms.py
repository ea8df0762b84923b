"""Natural specs about forms: tuples, mappings, tokens, bool and odd labels, modes of a model."""

from __future__ import annotations

import copy
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from meaning.made import Net
from meaning.natural.kept import Facts, Setting, bce, ce, natural, scores, setting, table
from meaning.natural.settings import animals, linear
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def with_parts(form: str) -> Setting:
    """A model that returns logits of three classes and a value."""
    rng = np.random.default_rng(51)
    columns = {
        "x": rng.normal(size=(48, 3)),
        "y": np.concatenate([[0, 1, 2], rng.integers(0, 3, 45)]),
        "v": rng.normal(size=48),
    }
    torch.manual_seed(52)
    net = Net(3, 3, form, hidden=True)
    found = setting("data train(x, y, v)\nmodel f\n", {"train": columns}, {"f": net})
    parts = found.facts.outputs_f
    keys = list(parts)
    found.facts.z, found.facts.p, found.facts.pred = scores(parts[keys[0]])
    found.facts.value = parts[keys[1]][:, 0]
    return found


def tuple_of_parts() -> Setting:
    """(logits, value), the value of shape (n,)."""
    return with_parts("tuple")


def mapping_of_parts() -> Setting:
    """{"logits": .., "value": ..}, the value of shape (n, 1)."""
    return with_parts("mapping")


@natural(
    tuple_of_parts,
    """
    minimize E[ce(f(x)[0], y)] + 0.5*E[(f(x)[1] - v)^2]
    s.t. acc: P[pred(f(x)[0]) == y] >= 50%
         bias: abs(E[f(x)[1] - v]) <= 0.1
         sure: E[prob(f(x)[0])[2]] <= 0.5
    metric third = E[f(x)[0][2]]
""",
)
def outputs_in_a_tuple(d: Facts) -> dict:
    return {
        "objective": ce(d.z, d.y).mean() + 0.5 * ((d.value - d.v) ** 2).mean(),
        "acc": (d.pred == d.y).mean(),
        "bias": abs((d.value - d.v).mean()),
        "sure": d.p[:, 2].mean(),
        "third": d.z[:, 2].mean(),
    }


@natural(
    mapping_of_parts,
    """
    minimize ce(f(x).logits, y) + mse(f(x).value, v)
    s.t. acc: P[pred(f(x).logits) == y] >= 50%
         low: E[f(x).value | y == 2] <= 0.5
         second: E[f(x).logits[1]] <= 1
         far: P[f(x).value > v] <= 60%
""",
)
def outputs_by_name(d: Facts) -> dict:
    return {
        "objective": (ce(d.z, d.y) + (d.value - d.v) ** 2).mean(),
        "acc": (d.pred == d.y).mean(),
        "low": d.value[d.y == 2].mean(),
        "second": d.z[:, 1].mean(),
        "far": (d.value > d.v).mean(),
    }


class Tagger(nn.Module):
    """Scores of three tags for each token."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.out = nn.Embedding(11, 4), nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(self.embed(x))


def tokens() -> Setting:
    """Sentences of six tokens with tags and a mask."""
    rng = np.random.default_rng(61)
    columns = {
        "x": rng.integers(0, 11, (30, 6)),
        "y": rng.integers(0, 3, (30, 6)),
        "mask": rng.random((30, 6)) < 0.7,
    }
    torch.manual_seed(62)
    net = Tagger()
    facts = SimpleNamespace(**columns)
    with torch.no_grad():
        facts.z = copy.deepcopy(net).double()(torch.tensor(columns["x"])).numpy()
    facts.loss = np.log(np.exp(facts.z).sum(-1)) - np.take_along_axis(
        facts.z, facts.y[..., None], -1
    ).squeeze(-1)
    return Setting("data train(x, y, mask)\nmodel f\n", {"train": columns, "f": net}, facts)


@natural(
    tokens,
    """
    minimize E[ce(f(x), y) | mask]
    s.t. acc: P[pred == y | mask] >= 50%
    metric unmasked = E[ce(f(x), y)]
""",
)
def tokens_with_a_mask(d: Facts) -> dict:
    return {
        "objective": d.loss[d.mask].mean(),
        "acc": (d.z.argmax(-1) == d.y)[d.mask].mean(),
        "unmasked": d.loss.mean(),
    }


def counts() -> Setting:
    """Bool labels as a list, and a gap in the classes."""
    rng = np.random.default_rng(71)
    columns = {
        "x": rng.integers(0, 5, (36, 3)).astype(float),
        "y": np.concatenate([[0, 2, 3], rng.choice([0, 2, 3], 33)]),
        "late": rng.random(36) < 0.5,
    }
    tables = {"train": columns}
    found = setting("data train(x, y, late)\nmodel f\n", tables, {"f": linear(3, 4, 72)})
    return Setting(
        found.header,
        {"train": {**columns, "late": columns["late"].tolist()}, "f": found.names["f"]},
        found.facts,
    )


@natural(
    counts,
    """
    minimize ce
    s.t. rare: P[pred == 1] <= 10%
         ok: P[pred == y | late == true] >= 20%
    metric prior = P[y == 2]
    metric some = P[y in {2, 3}]
    metric p = E[prob[3]]
""",
)
def a_class_that_never_occurs(d: Facts) -> dict:
    return {
        "objective": ce(d.z, d.y).mean(),
        "rare": (d.pred == 1).mean(),
        "ok": (d.pred == d.y)[d.late].mean(),
        "prior": (d.y == 2).mean(),
        "some": np.isin(d.y, [2, 3]).mean(),
        "p": d.p[:, 3].mean(),
    }


def signs() -> Setting:
    """Labels -1 and 1 of a support vector machine."""
    rng = np.random.default_rng(73)
    columns = {"x": rng.normal(size=(40, 2)), "y": np.where(rng.random(40) < 0.5, -1, 1)}
    return setting("data train(x, y)\nmodel f\n", {"train": columns}, {"f": linear(2, 1, 74)})


@natural(
    signs,
    """
    minimize E[hinge(f(x), y)] + 0.01*sumsq(f.weights)
    s.t. margin: P[y*f(x) >= 1] >= 50%
""",
    may_be_refused=True,
)
def labels_plus_and_minus_one(d: Facts) -> dict:
    loss = np.maximum(0, 1 - d.y * d.z).mean()
    squared = (d.weights_f["weight"] ** 2).sum()
    return {"objective": loss + 0.01 * squared, "margin": (d.y * d.z >= 1).mean()}


def bools() -> Setting:
    """True and false as the target."""
    rng = np.random.default_rng(75)
    columns = {"x": rng.normal(size=(40, 2)), "y": rng.random(40) < 0.5}
    return setting("data train(x, y)\nmodel f\n", {"train": columns}, {"f": linear(2, 1, 76)})


@natural(
    bools,
    """
    minimize bce(f(x), y)
    s.t. recall: P[pred == 1 | y == true] >= 50%
         agree: P[(pred == 1) == y] >= 50%
    metric share = P[y]
    metric acc = P[pred == y]
""",
)
def a_bool_target(d: Facts) -> dict:
    return {
        "objective": bce(d.z, d.y.astype(float)).mean(),
        "recall": d.pred[d.y].mean(),
        "agree": (d.pred == d.y).mean(),
        "share": d.y.mean(),
        "acc": (d.pred == d.y).mean(),
    }


def dropout() -> Setting:
    """A model that behaves otherwise in training: values are those of evaluation."""
    rng = np.random.default_rng(81)
    columns = {"x": rng.normal(size=(50, 3)), "y": rng.integers(0, 2, 50)}
    torch.manual_seed(82)
    net = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 1))
    return setting("data train(x, y)\nmodel f\n", {"train": columns}, {"f": net})


@natural(
    dropout,
    """
    minimize bce(f(x), y)
    s.t. a: P[pred == 1] <= 60%
         b: E[prob] <= 0.6
    metric m = E[bce(f(x), y)]
""",
)
def dropout_is_off_where_values_are_measured(d: Facts) -> dict:
    return {"a": d.pred.mean(), "b": d.p.mean(), "m": bce(d.z, d.y).mean()}


def batchnorm() -> Setting:
    """Two data sets of other scales through one batch normalization."""
    rng = np.random.default_rng(83)
    tables = {
        t: {"x": s * rng.normal(size=(32, 3)) + s, "y": rng.integers(0, 2, 32)}
        for t, s in (("train", 1.0), ("val", 7.0))
    }
    torch.manual_seed(84)
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4, momentum=0.0), nn.Linear(4, 1))
    header = "data train(x, y), val(x, y)\nmodel f\n"
    return setting(header, tables, {"f": net})


@natural(
    batchnorm,
    """
    minimize bce(f(x), y)
    s.t. a: E[f(x) on val] <= 2
         b: P[pred == 1] <= 60%
    verify b on val
""",
)
def batch_statistics_are_not_used_where_values_are_measured(d: Facts) -> dict:
    return {"a": d.val.z.mean(), "b": d.val.pred.mean()}


def pair() -> Setting:
    """Two models, both trained."""
    rng = np.random.default_rng(85)
    columns = {"x": rng.normal(size=(45, 3)), "y": rng.integers(0, 2, 45)}
    models = {"f": linear(3, 1, 86), "old": linear(3, 1, 87)}
    return setting("data train(x, y)\nmodel f\nmodel old\n", {"train": columns}, models)


@natural(
    pair,
    """
    minimize E[bce(f(x), y)] + E[bce(old(x), y)]
    s.t. agree: P[pred(f(x)) == pred(old(x))] >= 90%
         near: E[(prob(f(x)) - prob(old(x)))^2] <= 0.05
         order: P[f(x) > old(x)] == 50%
""",
)
def two_models_that_agree(d: Facts) -> dict:
    return {
        "objective": bce(d.z, d.y).mean() + bce(d.z_old, d.y).mean(),
        "agree": (d.pred == d.pred_old).mean(),
        "near": ((d.p - d.p_old) ** 2).mean(),
        "order": (d.z > d.z_old).mean(),
    }


def tensors() -> Setting:
    """(x, y) as a pair of tensors, `data` and `model` implied."""
    rng = np.random.default_rng(88)
    columns = {"x": rng.normal(size=(40, 3)), "y": rng.integers(0, 3, 40)}
    net = linear(3, 3, 89)
    facts = table(columns, {"f": net})
    pair = (torch.tensor(columns["x"]), torch.tensor(columns["y"]))
    return Setting("", {"data": pair, "model": net}, facts)


@natural(
    tensors,
    """
    minimize ce
    s.t. rare: P[pred == 0] <= 30%
    metric acc = P[pred == y]
""",
)
def data_and_model_are_implied(d: Facts) -> dict:
    return {
        "objective": ce(d.z, d.y).mean(),
        "rare": (d.pred == 0).mean(),
        "acc": (d.pred == d.y).mean(),
    }


@natural(
    animals,
    """
    minimize ce
    metric a = P[zoo == 1]
    metric b = P[cost == "north"]
""",
    may_be_refused=True,
)
def words_beside_numbers_are_never_equal(d: Facts) -> dict:
    return {"a": 0.0, "b": 0.0}


def rows() -> tuple[np.ndarray, np.ndarray]:
    """Forty examples of three classes."""
    rng = np.random.default_rng(111)
    return rng.normal(size=(40, 3)), rng.integers(0, 3, 40)


def bound_as(data: Any) -> Setting:
    """The forty examples bound in some form."""
    x, y = rows()
    net = linear(3, 3, 112)
    facts = table({"x": x, "y": y}, {"f": net})
    return Setting("data train(x, y)\nmodel f\n", {"train": data, "f": net}, facts)


def loader() -> Setting:
    """A shuffling loader."""
    x, y = (torch.tensor(v) for v in rows())
    return bound_as(DataLoader(TensorDataset(x, y), batch_size=7, shuffle=True))


def batches() -> Setting:
    """A list of batches of unequal size."""
    x, y = (torch.tensor(v) for v in rows())
    return bound_as([(x[:11], y[:11]), (x[11:12], y[11:12]), (x[12:], y[12:])])


def examples() -> Setting:
    """A list of examples, as a dataset yields them."""
    x, y = (torch.tensor(v) for v in rows())
    return bound_as([(x[i], y[i]) for i in range(40)])


def foreign_bytes() -> Setting:
    """Numbers in the other byte order, as some files hold them."""
    x, y = rows()
    return bound_as({"x": x.astype(">f8"), "y": y.astype(">i4")})


FORTY = """
    minimize ce
    s.t. a: P[pred == 0 | y != 0] <= 20%
         b: quantile(ce, 0.9) <= 3
    fit(optimizer=sgd(lr=1e-30), epochs=1, precision=float64)
"""


def of_forty(d: Facts) -> dict:
    loss = ce(d.z, d.y)
    return {
        "objective": loss.mean(),
        "a": (d.pred == 0)[d.y != 0].mean(),
        "b": np.quantile(loss, 0.9),
    }


@natural(loader, FORTY)
def data_from_a_loader(d: Facts) -> dict:
    return of_forty(d)


@natural(batches, FORTY)
def data_from_batches_of_unequal_size(d: Facts) -> dict:
    return of_forty(d)


@natural(examples, FORTY, may_be_refused=True)
def data_from_a_list_of_examples(d: Facts) -> dict:
    return of_forty(d)


@natural(foreign_bytes, FORTY, may_be_refused=True)
def data_in_the_other_byte_order(d: Facts) -> dict:
    return of_forty(d)


def whole_numbers() -> Setting:
    """Counts as inputs of a model that cspec builds."""
    rng = np.random.default_rng(115)
    columns = {"x": rng.integers(0, 5, (36, 3)), "y": rng.integers(0, 3, 36)}
    facts = SimpleNamespace(**columns)
    return Setting("data train(x, y)\nmodel f = linear\n", {"train": columns}, facts)


@natural(
    whole_numbers,
    """
    minimize ce
    s.t. a: P[pred == 0] <= 30%
    metric first = E[x[0]]
    metric some = P[x[1] in {2, 3}]
    """,
)
def whole_numbers_as_inputs(d: Facts) -> dict:
    weight, bias = (p.detach().double().numpy() for p in d.result.models["f"].parameters())
    z = d.x @ weight.T + bias
    return {
        "objective": ce(z, d.y).mean(),
        "a": (z.argmax(1) == 0).mean(),
        "first": d.x[:, 0].mean(),
        "some": np.isin(d.x[:, 1], [2, 3]).mean(),
    }
