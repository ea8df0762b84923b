"""`projection(warmup=..., freeze=true)` in the loop: one-shot pruning and fine-tuning on a mask."""

from __future__ import annotations

from collections.abc import Sequence

from cspec.compiler.emit.expressions import Translator
from cspec.compiler.emit.sets import density_ramp
from cspec.compiler.lower import SetAction
from cspec.dsl.settings.methods import Projection


def frozen(actions: Sequence[SetAction]) -> list[SetAction]:
    """Counts whose support is kept once they have come to their bound."""
    return [a for a in actions if isinstance(a.settings, Projection) and a.settings.freeze]


def write_held(actions: Sequence[SetAction], translator: Translator) -> None:
    """Before a projection: what a frozen count has pruned stays zero."""
    for action in frozen(actions):
        translator.used.add("hold_support")
        call = f'hold_support("{action.name}", {action.name}_tensors(primal), state)'
        translator.writer.line(call)


def write_freezes(actions: Sequence[SetAction], translator: Translator, epochs: float) -> None:
    """After a projection: a count that has come to its bound keeps its entries from now on."""
    writer = translator.writer
    for action in frozen(actions):
        assert isinstance(action.settings, Projection)
        translator.used.add("freeze_support")
        ramp = density_ramp(action, translator, epochs)
        start = round(action.settings.warmup + (0.0 if ramp is None else ramp[2]), 6)
        writer.line(f'if session.progress >= {start!r} and "{action.name}.held.0" not in state:')
        with writer.indented():
            call = f'freeze_support("{action.name}", {action.name}_tensors(primal), state)'
            writer.line(call)
            writer.line(f'session.mark("{action.name}")')
