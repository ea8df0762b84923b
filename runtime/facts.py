"""What was bound, as plain records for the compiler."""

from __future__ import annotations

from collections.abc import Collection

from torch import Tensor, nn

from cspec.compiler.facts import Facts, ModelFacts, ParameterFacts
from cspec.runtime.bind_data import data_facts
from cspec.runtime.binding import Bound
from cspec.runtime.data.dataset import Dataset
from cspec.runtime.functions.sparsity import prunable
from cspec.runtime.models import gate_parameters, gated_layers
from cspec.runtime.modes import measuring


def facts(bound: Bound, device: str = "cpu", crosses: Collection[tuple[str, ...]] = ()) -> Facts:
    """Facts of all data, models and functions of a binding; nothing bound is changed.

    `crosses` are the columns whose combinations are counted, for `cross(..) where count >= n`.
    """
    data = {name: data_facts(dataset, crosses) for name, dataset in bound.data.items()}
    example = next((d for d in bound.data.values() if "x" in d.columns), None)
    models = {name: model_facts(model, example) for name, model in bound.models.items()}
    return Facts(data=data, models=models, functions=tuple(bound.functions), device=device)


def model_facts(model: nn.Module, data: Dataset | None) -> ModelFacts:
    """Parameters of a model, and the shape of its output on one example of the data."""
    counted = {id(weight) for _, weight in prunable(model)}
    gated = {id(layer.weight) for _, layer in gated_layers(model)}
    gates = {id(gate) for gate in gate_parameters(model)}
    parameters = tuple(
        ParameterFacts(
            name=name,
            shape=tuple(parameter.shape),
            requires_grad=parameter.requires_grad,
            prunable=id(parameter) in counted,
            gated=id(parameter) in gated,
            gate=id(parameter) in gates,
        )
        for name, parameter in model.named_parameters()
    )
    outputs, refusal = (None, "") if data is None else _outputs(model, data)
    still = bool(parameters) and not any(p.requires_grad for p in parameters)
    return ModelFacts(parameters=parameters, outputs=outputs, refusal=refusal, frozen=still)


def _outputs(model: nn.Module, data: Dataset) -> tuple[tuple[int, ...] | None, str]:
    """Shape of one example's output; None, and what was raised, where it does not take `x` alone.

    A model that can't take these inputs is told apart by the compiler, which knows how the spec
    calls it.
    """
    parameter = next(model.parameters(), None)
    # Two examples where there are two: some models take no batch of one.
    inputs = data["x"][:2]
    if parameter is not None:
        dtype = parameter.dtype if inputs.is_floating_point() else None
        inputs = inputs.to(parameter.device, dtype)
    try:
        with measuring([model]):
            output = model(inputs)
    except (RuntimeError, TypeError, ValueError, IndexError) as error:
        return None, " ".join(str(error).split()) or type(error).__name__
    return (tuple(output.shape[1:]) if isinstance(output, Tensor) and output.ndim else None), ""
