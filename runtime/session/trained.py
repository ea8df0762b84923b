"""What a run trains: models as they are used, variables, their parameters by name, and state."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.dsl.messages.wording import some
from cspec.runtime.bind.bind import Bound
from cspec.runtime.models.hooks import copied


def trained(primal: Mapping[str, Any]) -> dict[str, nn.Parameter]:
    """Every parameter that moves, by name; one shared by two models is listed once."""
    found: dict[str, nn.Parameter] = {}
    seen: set[int] = set()
    for name, value in primal.items():
        named = (
            [(f"{name}.{key}", p) for key, p in value.named_parameters()]
            if isinstance(value, nn.Module)
            else [(name, value)]
        )
        for key, parameter in named:
            if parameter.requires_grad and id(parameter) not in seen:
                seen.add(id(parameter))
                found[key] = parameter
    return found


def initial_state(
    module: Mapping[str, Any], device: torch.device, dtype: torch.dtype
) -> dict[str, Tensor]:
    """The state that an emitted module begins with.

    Each tensor has at least one dimension: compiled code loses updates of 0-dim ones.
    """
    return {
        name: value.reshape(value.shape or (1,)).to(
            device, dtype if value.is_floating_point() else None
        )
        for name, value in module["initial_state"]().items()
    }


def as_used(model: nn.Module, bound: Bound) -> nn.Module:
    """A model as it is trained; where decision variables move alone, a copy for its values.

    There it is a function of them: as in deployment, in the precision of the variables, and the
    model that was bound stays as it came.
    """
    moves = any(parameter.requires_grad for parameter in model.parameters())
    return model if moves or bound.data or not bound.variables else copied(model)


def moved(value: nn.Parameter, device: torch.device, dtype: torch.dtype) -> nn.Parameter:
    """A decision variable on the device and in the precision of a run, as one of its own."""
    return nn.Parameter(value.detach().to(device, dtype), requires_grad=value.requires_grad)


def require_real(name: str, model: nn.Module) -> None:
    """Refuse a model whose parameters have an imaginary part, which a cast would drop.

    Raises:
        SpecError: CS331.
    """
    found = [name for name, p in model.named_parameters() if p.is_complex()]
    if not found:
        return
    raise Diagnostic(
        code="CS331",
        message=f"`{name}` has complex parameters ({some(found, 3)}), and a run trains real ones",
        helps=(
            "hold real and imaginary part as two real parameters (`torch.view_as_real`)",
            "or train it in a loop of your own with cspec.bind",
        ),
    ).error()
