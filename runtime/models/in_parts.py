"""A step on a batch that is too large for memory: forward and back in parts (`accumulate`).

    f(x) = [f(x_1), ..., f(x_k)],   the activations of a part computed once more for its gradient

What is averaged, compared and bounded is of the whole batch, so gradients are those of one step on
it, whatever a spec makes of its means. Memory holds the outputs and the activations of one part.
Where a layer looks at its whole batch (batch normalization) it sees a part; its running statistics
move once a part. Gradient checkpointing: Chen et al. 2016, arXiv 1604.06174.
"""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten, tree_unflatten
from torch.utils.checkpoint import checkpoint

from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.runtime.models.without_trace import buffers_kept, copies, covered


@contextmanager
def in_parts(models: Iterable[nn.Module], parts: int) -> Iterator[None]:
    """Run a block in which each model works through a batch in so many parts where it trains."""
    with ExitStack() as stack:
        for model in models if parts > 1 else ():
            stack.enter_context(covered(model, partial(_forward, model, parts)))
        yield


def _forward(model: nn.Module, parts: int, forward: Any, *arguments: Any, **settings: Any) -> Any:
    tensors = [value for value in arguments if isinstance(value, Tensor) and value.ndim]
    rows = {len(value) for value in tensors}
    count = min(parts, max(rows, default=0) // 2)  # batch normalization needs two examples
    alike = len(tensors) == len(arguments) and len(rows) == 1 and not settings
    if count < 2 or not alike or not torch.is_grad_enabled():
        return forward(*arguments, **settings)

    def on_copies(*part: Tensor) -> Any:
        return forward(*copies(part))  # a model may write into its inputs

    def contexts() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        return nullcontext(), _Again(model)

    found = [
        checkpoint(on_copies, *part, use_reentrant=False, context_fn=contexts)
        for part in zip(*(value.tensor_split(count) for value in tensors), strict=True)
    ]
    return _joined(found, [len(part) for part in tensors[0].tensor_split(count)])


class _Again(AbstractContextManager[None]):
    """Statistics have seen these rows already, and are as before whenever they see them again."""

    def __init__(self, model: nn.Module) -> None:
        self._model, self._kept = model, ExitStack()

    def __enter__(self) -> None:
        self._kept.enter_context(buffers_kept([self._model]))

    def __exit__(self, *raised: object) -> None:
        self._kept.close()


def _joined(parts: list[Any], rows: list[int]) -> Any:
    """Outputs of parts as those of all.

    Raises:
        SpecError: CS514, outputs without a row an example.
    """
    leaves, trees = zip(*map(tree_flatten, parts), strict=True)
    for one, count in zip(leaves, rows, strict=True):
        if not all(isinstance(v, Tensor) and v.ndim and len(v) == count for v in one):
            raise Diagnostic(
                code="CS514",
                message="`accumulate` joins outputs of parts of a batch, and this model has others",
                helps=("return tensors with one row an example", "leave `accumulate` out"),
            ).error()
    return tree_unflatten([torch.cat(each) for each in zip(*leaves, strict=True)], trees[0])
