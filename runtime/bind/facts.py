"""What was bound, as plain records for the compiler."""

from __future__ import annotations

from collections.abc import Collection

from torch import nn

from cspec.compiler.records.facts import Facts, ModelFacts, ParameterFacts
from cspec.runtime.bind.bind import Bound
from cspec.runtime.bind.data import data_facts
from cspec.runtime.functions.sparsity import prunable
from cspec.runtime.models import gate_parameters, gated_layers, normalizes_by_batch


def facts(bound: Bound, device: str = "cpu", crosses: Collection[tuple[str, ...]] = ()) -> Facts:
    """Facts of all data, models and functions of a binding; nothing bound is changed.

    `crosses` are the columns whose combinations are counted, for `cross(..) where count >= n`.
    """
    data = {name: data_facts(dataset, crosses) for name, dataset in bound.data.items()}
    models = {name: model_facts(model) for name, model in bound.models.items()}
    return Facts(data=data, models=models, functions=tuple(bound.functions), device=device)


def model_facts(model: nn.Module) -> ModelFacts:
    """Parameters of a model, and whether none of them moves."""
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
    still = not any(p.requires_grad for p in parameters)
    return ModelFacts(parameters=parameters, frozen=still, by_batch=normalizes_by_batch(model))
