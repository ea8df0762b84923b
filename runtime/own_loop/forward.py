"""The outputs of one call of `loss`, so that its constraints can be read without a second pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from cspec.runtime.functions.examples import each_tensor

Key = tuple[object, ...]


@dataclass
class Outputs:
    """What each model gave for which inputs, detached; inputs are told apart by their memory.

    They are kept as long as the outputs are, so no other tensor can lie where they lie.
    """

    held: list[tuple[str, tuple[Tensor, ...], Any]] = field(default_factory=list)

    def recorded(self, models: Mapping[str, nn.Module]) -> Forwards:
        """Keep what the models give in this block."""
        return Forwards(models, self._noting)

    def _noting(self, name: str, forward: Callable[..., Any]) -> Callable[..., Any]:
        held = self.held

        def noting(*arguments: Any, **settings: Any) -> Any:
            output = forward(*arguments, **settings)
            if not settings and all(map(_is_given, arguments)):
                held.append((name, arguments, detached(output)))
            return output

        return noting

    def replayed(self, models: Mapping[str, nn.Module]) -> Forwards:
        """In this block the models give for recorded inputs what they gave then."""
        given = {(name, _key(arguments)): (output,) for name, arguments, output in self.held}

        def around(name: str, forward: Callable[..., Any]) -> Callable[..., Any]:
            def known(*arguments: Any, **settings: Any) -> Any:
                own = settings or not all(map(_is_given, arguments))
                found = None if own else given.get((name, _key(arguments)))
                return forward(*arguments, **settings) if found is None else found[0]

            return known

        return Forwards(models, around)


Around = Callable[[str, Callable[..., Any]], Callable[..., Any]]


class Forwards:
    """In this block `around(name, forward)` stands in for each model's forward pass.

    It stands below the model's own hooks: what they do to its output is done both times. Compiled
    scripts can't be watched, and are called again.
    """

    def __init__(self, models: Mapping[str, nn.Module], around: Around) -> None:
        self._models, self._around = models, around
        self._had: list[tuple[dict[str, Any], Any]] = []

    def __enter__(self) -> None:
        for name, model in self._models.items():
            if isinstance(model, torch.jit.ScriptModule):
                continue
            held = model.__dict__
            self._had.append((held, held.get("forward")))
            held["forward"] = self._around(name, model.forward)

    def __exit__(self, *_: object) -> None:
        for held, before in reversed(self._had):
            if before is None:
                held.pop("forward", None)
            else:
                held["forward"] = before
        self._had.clear()


def _is_given(argument: object) -> bool:
    """A tensor of the batch: no point of a search, which is followed by its gradient."""
    return isinstance(argument, Tensor) and not argument.requires_grad


def _key(arguments: tuple[Any, ...]) -> Key:
    return tuple(
        (value.data_ptr(), value.shape, value.stride(), value.dtype)
        if isinstance(value, Tensor)
        else id(value)
        for value in arguments
    )


def detached(output: Any) -> Any:
    """Tensors of an output, however nested, without their graph."""
    return each_tensor(output, Tensor.detach)
