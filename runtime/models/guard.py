"""Models that write into their inputs (`x /= 255`, an in-place first layer) get copies of them.

Data are read again and again, by a second model, by an expression, in the next epoch: what a model
does to them would be done each time anew.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from cspec.runtime.models.without_trace import copies, copies_inputs

Inputs = tuple[tuple[Any, ...], dict[str, Any]]


class InputGuard:
    """Copies the inputs of each model, for good where its first call has written into them.

    A model is judged in training and in evaluation mode by itself. Measurements copy its inputs
    anyway (`modes.chunked`), so that they tell nothing.
    """

    def __init__(self, models: Mapping[str, nn.Module], tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._hooks: dict[str, list[RemovableHandle]] = {}
        self._copies: dict[str, list[tuple[Tensor, int]]] = {}
        self._writes: dict[tuple[str, bool], bool] = {}
        """By model and mode, once it was called."""
        for name, model in models.items():
            if not isinstance(model, torch.jit.ScriptModule):
                self._watch(name, model)

    def release(self) -> None:
        """Leave the models as they were."""
        for hooks in self._hooks.values():
            for hook in hooks:
                hook.remove()
        self._hooks.clear()

    def _watch(self, name: str, model: nn.Module) -> None:
        def before(model: nn.Module, arguments: Any, settings: Any) -> Inputs | None:
            writes = self._writes.get((name, model.training))
            if writes is False or copies_inputs(model) or not torch.is_grad_enabled():
                return None
            placed = tuple(copies(arguments))
            named = dict(zip(settings, copies(settings.values()), strict=True))
            tensors = [v for v in (*placed, *named.values()) if isinstance(v, Tensor)]
            if writes is None:
                self._copies[name] = [(tensor, tensor._version) for tensor in tensors]
            return placed, named

        def after(model: nn.Module, arguments: Any, output: Any) -> None:
            copies = self._copies.pop(name, None)
            if copies is not None:
                self._judge(name, model.training, copies)

        self._hooks[name] = [
            model.register_forward_pre_hook(before, with_kwargs=True),
            model.register_forward_hook(after),
        ]

    def _judge(self, name: str, training: bool, copies: list[tuple[Tensor, int]]) -> None:
        """After its first call a model is left alone, or copied for from now on."""
        writes = any(tensor._version != version for tensor, version in copies)
        if writes and not self._writes.get((name, not training)):
            self._tell(f"`{name}` writes into its inputs: it is given copies of them")
        self._writes[name, training] = writes
