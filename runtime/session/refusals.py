"""What a session refuses by name before its first step."""

from __future__ import annotations

from torch import nn

from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.dsl.messages.wording import some
from cspec.runtime.models.as_given import complex_parameters


def require_real(name: str, model: nn.Module) -> None:
    """Refuse a model whose parameters have an imaginary part, which a cast would drop.

    Raises:
        SpecError: CS331.
    """
    found = complex_parameters(model)
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
