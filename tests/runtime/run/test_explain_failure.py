"""What a generated program could not compute is told at its line, with a way out."""

import pytest
import torch

import cspec
from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.dsl.text.source import NOWHERE

X = torch.randn(12, 4, generator=torch.Generator().manual_seed(0))
Y = torch.randint(0, 3, (12,), generator=torch.Generator().manual_seed(1))
HEAD = "data train(x, y)\nmodel f\n"
TAIL = "fit(optimizer=sgd(lr=0.1), steps=1)\n"


def failed(spec: str, model: torch.nn.Module) -> Diagnostic:
    data = torch.utils.data.TensorDataset(X, Y)
    with pytest.raises(cspec.SpecError) as error:
        cspec.run(spec, train=data, f=model)
    (found,) = error.value.diagnostics
    return found


class Broken(torch.nn.Module):
    """A model that fails when it is trained, not when it is looked at."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.training and x.shape[0] > 1:
            raise ValueError("no batches here")
        return self.layer(x)


@pytest.mark.parametrize(
    "body",
    [
        "minimize E[f(f(x))[0]]\n",
        "minimize ce(f(x), y)\ns.t. c: E[f(f(x))[0]] <= 1\n",
        "minimize ce(f(x), y)\ns.t. c: P[f(f(x))[0] > 0] <= 1\n",
    ],
)
def test_a_model_that_is_given_another_shape(body: str) -> None:
    found = failed(HEAD + body + TAIL, torch.nn.Linear(4, 3))
    assert found.code == "CS610" and found.source is not None
    assert found.source.slice(found.span) == "f(f(x))"
    assert "`f`" in found.helps[0] and any("shapes" in note for note in found.notes)


def test_a_model_of_bare_losses_is_told_at_its_own_line() -> None:
    found = failed(f"{HEAD}minimize ce\n{TAIL}", Broken())
    assert found.source is not None and found.span != NOWHERE
    assert "test_explain_failure.py" in found.message and found.helps


@pytest.mark.parametrize("word", ["cumsum", "trace", "logdet", "inv"])
def test_functions_of_entries_say_what_one_number_needs(word: str) -> None:
    spec = f"{HEAD}minimize E[{word}(f(x))]\n{TAIL}"
    data = torch.utils.data.TensorDataset(X, X[:, :1])
    with pytest.raises(cspec.SpecError) as error:
        cspec.run(spec, train=data, f=torch.nn.Linear(4, 1))
    assert all(found.helps for found in error.value.diagnostics)


@pytest.mark.parametrize(
    ("objective", "size"),
    [
        ("maximize E[f(x)*y] - sumsq(f.weights)", 1),
        ("minimize E[abs(f(x) - 2*y)]", 1),
        ("minimize E[f(x)[2]^2]", 3),
        ("minimize cvar(f(x)^2, 0.5)", 1),
    ],
)
def test_a_built_model_is_as_wide_as_it_is_used(objective: str, size: int) -> None:
    spec = f"data train(x, y)\nmodel f = linear\n{objective}\n{TAIL}"
    data = torch.utils.data.TensorDataset(X, X[:, 0].clone())
    result = cspec.run(spec, train=data)
    assert sum(p.shape[0] for n, p in result.models["f"].named_parameters() if "bias" in n) == size


def test_the_product_of_output_and_label_is_measured_example_by_example() -> None:
    spec = f"data train(x, y)\nmodel f = linear\nmaximize E[f(x)*y]\nmetric m = E[f(x)*y]\n{TAIL}"
    labels = X[:, 0].clone()
    result = cspec.run(spec, train=torch.utils.data.TensorDataset(X, labels))
    with torch.no_grad():
        outputs = result.models["f"](X).reshape(-1)
    by_hand = sum(float(o) * float(t) for o, t in zip(outputs, labels, strict=True)) / len(X)
    assert result.metrics["m"] == pytest.approx(by_hand, rel=1e-5)


def test_every_noted_line_computes_its_constraint() -> None:
    spec = (
        f"{HEAD}minimize ce(f(x), y)\ns.t. first: E[max(f(x)[0], 0)] <= 0.2\n"
        f"     second: P[pred == y] >= 0.1\n     third: E[f(x)[1]^2] <= 100\n{TAIL}"
    )
    data = torch.utils.data.TensorDataset(X, Y)
    program = cspec.compile(spec, train=data, f=torch.nn.Linear(4, 3))
    source = program.source.splitlines()
    assert {label for _, label in program.lines} == {"first", "second", "third"}
    for line, label in program.lines:
        assert label in source[line - 1] or label in source[line - 2]
