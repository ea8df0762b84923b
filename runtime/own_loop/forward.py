"""The outputs of one call of `loss`, so that its constraints can be read without a second pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

Key = tuple[object, ...]


@dataclass
class Outputs:
    """What each model gave for which inputs, detached; inputs are told apart by their memory.

    They are kept as long as the outputs are, so no other tensor can lie where they lie.
    """

    held: dict[tuple[str, Key], tuple[tuple[Tensor, ...], Any]] = field(default_factory=dict)

    @contextmanager
    def recorded(self, models: Mapping[str, nn.Module]) -> Iterator[None]:
        """Keep what the models give in this block."""
        with _forwards(models, self._noting):
            yield

    def _noting(self, name: str, forward: Callable[..., Any]) -> Callable[..., Any]:
        def noting(*arguments: Any, **settings: Any) -> Any:
            output = forward(*arguments, **settings)
            if not settings and all(isinstance(value, Tensor) for value in arguments):
                self.held[name, _key(arguments)] = (arguments, detached(output))
            return output

        return noting

    @contextmanager
    def replayed(self, models: Mapping[str, nn.Module]) -> Iterator[None]:
        """In this block the models give for recorded inputs what they gave then."""
        with _forwards(models, self._known):
            yield

    def _known(self, name: str, forward: Callable[..., Any]) -> Callable[..., Any]:
        def known(*arguments: Any, **settings: Any) -> Any:
            found = None if settings else self.held.get((name, _key(arguments)))
            return forward(*arguments, **settings) if found is None else found[1]

        return known


Around = Callable[[str, Callable[..., Any]], Callable[..., Any]]


@contextmanager
def _forwards(models: Mapping[str, nn.Module], around: Around) -> Iterator[None]:
    """In this block `around(name, forward)` stands in for each model's forward pass.

    It stands below the model's own hooks: what they do to its output is done both times.
    """
    had = [(model, model.__dict__.get("forward")) for _, model in _plain(models)]
    for name, model in _plain(models):
        object.__setattr__(model, "forward", around(name, model.forward))
    try:
        yield
    finally:
        for model, before in had:
            _restore(model, before)


def _plain(models: Mapping[str, nn.Module]) -> list[tuple[str, nn.Module]]:
    """Models that can be watched; compiled scripts can't, and are called again."""
    return [(n, m) for n, m in models.items() if not isinstance(m, torch.jit.ScriptModule)]


def _restore(model: nn.Module, had: Any) -> None:
    if had is None:
        model.__dict__.pop("forward", None)
    else:
        object.__setattr__(model, "forward", had)


def _key(arguments: tuple[Any, ...]) -> Key:
    return tuple(
        (value.data_ptr(), value.shape, value.stride(), value.dtype)
        if isinstance(value, Tensor)
        else id(value)
        for value in arguments
    )


def detached(output: Any) -> Any:
    """Tensors of an output, however nested, without their graph."""
    if isinstance(output, Tensor):
        return output.detach()
    if isinstance(output, Mapping):
        made = {key: detached(value) for key, value in output.items()}
        return made if type(output) is dict else _like(output, made)
    if isinstance(output, tuple) and hasattr(output, "_fields"):
        return type(output)(*(detached(value) for value in output))
    if isinstance(output, (tuple, list)):
        return type(output)(detached(value) for value in output)
    return output


def _like(output: Mapping[Any, Any], made: dict[Any, Any]) -> Any:
    """A mapping of its own kind (`transformers` returns one with attributes)."""
    try:
        return type(output)(**made)
    except TypeError:
        return made
