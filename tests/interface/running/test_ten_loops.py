"""Ten loops as people write them, each with a spec, `bind`, `loss` and `verify`: by plain torch.

What each is asked is set so that the loop without it would end well outside.
"""

import copy
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import cspec

RATE = 0.02


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def batches(size: int, *columns: Tensor, epochs: int = 60) -> Iterator[tuple[Tensor, ...]]:
    for _ in range(epochs):
        for rows in torch.randperm(len(columns[0])).split(size):
            yield tuple(column[rows] for column in columns)


def step(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()


def classes(rows: int = 256, inputs: int = 6) -> tuple[Tensor, Tensor]:
    x = torch.randn(rows, inputs)
    return x, (x[:, 0] + 0.5 * x[:, 1] + 0.3 * torch.randn(rows) > 0).long()


class Vae(nn.Module):
    """Encoder to mean and log variance of two codes, and decoder."""

    def __init__(self) -> None:
        super().__init__()
        self.inward, self.outward = nn.Linear(6, 4), nn.Linear(2, 6)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_variance = self.inward(x).chunk(2, dim=1)
        code = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
        kl = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(1).mean()
        return functional.mse_loss(self.outward(code), x), kl


def test_a_vae_with_a_budget_of_divergence() -> None:
    vae, x = Vae(), torch.randn(256, 2) @ torch.randn(2, 6)
    optimizer = torch.optim.Adam(vae.parameters(), RATE)
    spec = "given error, kl\nminimize error\ns.t. budget: kl <= 0.5"
    handle = cspec.bind(spec, optimizer=optimizer)
    for (part,) in batches(64, x, epochs=150):
        error, kl = vae(part)
        step(optimizer, handle.loss(error=error, kl=kl))
    with torch.no_grad():
        error, kl = vae(x)
    found = handle.verify(error=error, kl=kl)["budget"]
    assert found.value == pytest.approx(float(kl))
    assert float(kl) == pytest.approx(0.5, abs=0.1)  # without it: above 3


def test_a_gan_whose_critic_is_bounded() -> None:
    maker = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 2))
    critic = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 1))
    of_maker = torch.optim.Adam(maker.parameters(), 0.005)
    of_critic = torch.optim.Adam(critic.parameters(), 0.005)
    spec = (
        "model critic\ngiven loss\nminimize loss\n"
        "s.t. steep: forall W in critic.weights: spectral(W) <= 1 by projection"
    )
    handle = cspec.bind(spec, critic=critic, optimizer=of_critic)
    real = torch.randn(256, 2) * 0.3 + torch.tensor([2.0, -1.0])
    for (part,) in batches(64, real, epochs=30):
        made = maker(torch.randn(len(part), 2))
        apart = critic(made.detach()).mean() - critic(part).mean()
        step(of_critic, handle.loss(loss=apart))
        step(of_maker, -critic(maker(torch.randn(len(part), 2))).mean())
    norms = [float(torch.linalg.matrix_norm(critic[k].weight.detach(), 2)) for k in (0, 2)]
    verdicts = handle.verify(loss=0.0)
    assert max(norms) <= 1 + 1e-5 and max(norms) > 0.9
    assert max(c.value for c in verdicts.constraints) == pytest.approx(max(norms), rel=1e-5)
    assert all(c.satisfied for c in verdicts.constraints)


def test_a_clipped_policy_under_a_cost() -> None:
    """Actions 0 to 4 earn their number, and those from 3 on cost 1."""
    policy = nn.Parameter(torch.zeros(5))
    optimizer = torch.optim.Adam([policy], 0.02)
    spec = (
        "given loss, cost, cost_loss\nminimize loss\n"
        "s.t. budget: cost <= 0.25 with surrogate cost_loss\n"
        "using lagrangian(dual=pid(kp=5, ki=0.05))"
    )
    handle = cspec.bind(spec, optimizer=optimizer)
    reward, price = torch.arange(5.0), (torch.arange(5) >= 3).float()
    for _ in range(300):
        before = policy.detach().log_softmax(0)
        actions = torch.multinomial(before.exp(), 256, replacement=True)
        for _ in range(2):
            ratio = (policy.log_softmax(0) - before)[actions].exp()
            gain = reward[actions] - reward[actions].mean()
            clipped = torch.minimum(ratio * gain, ratio.clamp(0.8, 1.2) * gain)
            cost = (ratio * price[actions]).mean()
            loss = handle.loss(loss=-clipped.mean(), cost=price[actions].mean(), cost_loss=cost)
            step(optimizer, loss)
    chances = policy.detach().softmax(0)
    assert float(chances @ price) == pytest.approx(0.25, abs=0.1)  # without it: 1
    assert float(chances @ reward) > 2.2


def test_distillation_with_a_bound_on_what_is_lost() -> None:
    x, y = classes()
    teacher = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 2))
    of_teacher = torch.optim.Adam(teacher.parameters(), RATE)
    for part, label in batches(64, x, y, epochs=20):
        step(of_teacher, functional.cross_entropy(teacher(part), label))
    student, teacher = nn.Linear(6, 2), teacher.requires_grad_(False)
    optimizer = torch.optim.Adam(student.parameters(), RATE)
    spec = (
        "data train(x, y)\nmodel student\nmodel teacher\n"
        "minimize E[kl(softmax(teacher(x)), softmax(student(x)))]\n"
        "s.t. small: sumsq(student.weights) <= 4\n     fit: E[ce(student(x), y)] <= 0.45"
    )
    handle = cspec.bind(spec, student=student, teacher=teacher, optimizer=optimizer)
    for part, label in batches(64, x, y):
        step(optimizer, handle.loss(x=part, y=label))
    verdicts = handle.verify(x=x, y=y)
    with torch.no_grad():
        fit = functional.cross_entropy(student(x), y)
        own, other = student(x).log_softmax(1), teacher(x).log_softmax(1)
        kl = functional.kl_div(own, other, log_target=True, reduction="batchmean")
    assert verdicts["fit"].value == pytest.approx(float(fit), rel=1e-5)
    assert verdicts["small"].value == pytest.approx(
        float(student.weight.detach().square().sum()), rel=1e-5
    )
    assert verdicts.objective == pytest.approx(float(kl), rel=1e-4)
    assert verdicts["small"].value == pytest.approx(4, abs=0.3)


def test_an_average_of_weights_is_judged() -> None:
    x, y = classes()
    model = nn.Linear(6, 2)
    average = copy.deepcopy(model).requires_grad_(False)
    optimizer = torch.optim.Adam(model.parameters(), RATE)
    spec = "data train(x, y)\nmodel f\nminimize E[ce(f(x), y)]\ns.t. rate: P[pred == 1] <= 0.35"
    handle = cspec.bind(spec, f=model, optimizer=optimizer, train=(x, y))
    for part, label in batches(64, x, y):
        step(optimizer, handle.loss(x=part, y=label))
        for held, now in zip(average.parameters(), model.parameters(), strict=True):
            held.lerp_(now.detach(), 0.02)
    model.load_state_dict(average.state_dict())
    rate = float((average(x).argmax(1) == 1).float().mean())
    assert handle.verify()["rate"].value == pytest.approx(rate)
    assert rate == pytest.approx(0.35, abs=0.06)  # without it: about a half


def test_two_handles_on_one_model() -> None:
    x, y = classes()
    body, head, other = nn.Linear(6, 8), nn.Linear(8, 2), nn.Linear(8, 2)
    first, second = nn.Sequential(body, nn.ReLU(), head), nn.Sequential(body, nn.ReLU(), other)
    spec = "data train(x, y)\nmodel f\nminimize E[ce(f(x), y)]\ns.t. flat: E[f(x)[1]^2] <= 0.05"
    parts = (first, second)
    optimizers = [torch.optim.Adam(part.parameters(), 0.01) for part in parts]
    handles = [cspec.bind(spec, f=f, optimizer=o) for f, o in zip(parts, optimizers, strict=True)]
    for part, label in batches(64, x, y, epochs=80):
        step(optimizers[0], handles[0].loss(x=part, y=label))
        step(optimizers[1], handles[1].loss(x=part, y=1 - label))
    for f, handle, labels in zip(parts, handles, (y, 1 - y), strict=True):
        found = handle.verify(x=x, y=labels)
        with torch.no_grad():
            assert found["flat"].value == pytest.approx(float((f(x)[:, 1] ** 2).mean()), rel=1e-5)
        assert found["flat"].value <= 0.06


def test_mixed_precision_with_a_scaler() -> None:
    x, y = classes()
    model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 2))
    optimizer = torch.optim.SGD(model.parameters(), 0.2, momentum=0.9)
    scaler = torch.amp.GradScaler("cpu")
    spec = "data train(x, y)\nmodel f\nminimize E[ce(f(x), y)]\ns.t. rare: E[prob[1]] <= 0.35"
    handle = cspec.bind(spec, f=model, optimizer=optimizer)
    for part, label in batches(64, x, y):
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            loss = handle.loss(x=part, y=label)
        scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        scaler.step(optimizer)
        scaler.update()
    found = handle.restore(x=x, y=y)["rare"]
    with torch.no_grad():
        by_hand = float(model(x).softmax(1)[:, 1].mean())
    assert found.value == pytest.approx(by_hand, rel=1e-5)
    assert found.satisfied and by_hand == pytest.approx(0.35, abs=0.01)


def test_four_batches_a_step() -> None:
    x, y = classes()
    model = nn.Linear(6, 2)
    optimizer = torch.optim.Adam(model.parameters(), RATE)
    spec = (
        "data train(x, y)\nmodel f\nminimize E[ce(f(x), y)]\ns.t. rare: E[prob[1] | y == 0] <= 0.1"
    )
    handle = cspec.bind(spec, f=model, optimizer=optimizer)
    for count, (part, label) in enumerate(batches(16, x, y, epochs=200)):
        (handle.loss(x=part, y=label) / 4).backward()  # type: ignore[no-untyped-call]
        if count % 4 == 3:
            optimizer.step()
            optimizer.zero_grad()
    with torch.no_grad():
        by_hand = float(model(x).softmax(1)[y == 0, 1].mean())
    assert handle.verify(x=x, y=y)["rare"].value == pytest.approx(by_hand, rel=1e-5)
    assert by_hand == pytest.approx(0.1, abs=0.03)


class Last(nn.Module):
    """The last output of a recurrence, or the mean of a block of attention, by a linear layer."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body, self.head = body, nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        out = self.body(x)
        return self.head(out[0][:, -1] if isinstance(out, tuple) else out.mean(1))


@pytest.mark.parametrize(
    "body",
    [
        nn.LSTM(8, 8, batch_first=True),
        nn.TransformerEncoderLayer(8, 2, 16, dropout=0.1, batch_first=True),
    ],
    ids=["lstm", "transformer"],
)
def test_sequences(body: nn.Module) -> None:
    x = torch.randn(192, 5, 8)
    y = (x[:, :, 0].mean(1) > 0).long()
    model = Last(body)
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    spec = (
        "data train(x, y)\nmodel f\nminimize E[ce(f(x), y)]\n"
        "s.t. recall: P[pred == 1 | y == 1] >= 0.95\n     head: sumsq(f.head.weight) <= 1"
    )
    handle = cspec.bind(spec, f=model, optimizer=optimizer, train=(x, y))
    for part, label in batches(48, x, y, epochs=25):
        step(optimizer, handle.loss(x=part, y=label))
    found = handle.verify()
    assert model.training
    model.eval()
    with torch.no_grad():
        recall = float((model(x).argmax(1) == 1)[y == 1].float().mean())
    assert found["recall"].value == pytest.approx(recall)
    assert found["head"].value == pytest.approx(
        float(model.head.weight.detach().square().sum()), rel=1e-5
    )
    assert recall >= 0.9 and found["head"].value <= 1.1
