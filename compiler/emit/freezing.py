"""`freeze` of projections in the emitted module: fine-tuning on the mask that pruning has left."""

from __future__ import annotations

from collections.abc import Sequence

from cspec.compiler.emit.measures import MakeTranslator
from cspec.compiler.emit.sets import density_ramp
from cspec.compiler.methods.projection import course_of
from cspec.compiler.records.lowered import SetAction


def frozen(actions: Sequence[SetAction]) -> list[SetAction]:
    """Counts whose support is kept once they have come to their bound."""
    return [action for action in actions if course_of(action).freeze]


def write_masks(actions: Sequence[SetAction], make: MakeTranslator, epochs: float) -> None:
    """`keep_zeros` before projections, `freeze` after them."""
    held = frozen(actions)
    if not held:
        return
    writer = make.writer
    doc = ["What was pruned for good stays zero."]
    with writer.function("keep_zeros", ("primal", "state"), doc):
        make().used.add("hold_support")
        for action in held:
            writer.line(f'hold_support("{action.name}", {action.name}_tensors(primal), state)')
    doc = ["Counts at their bound keep their entries from now on; the names of those that begin."]
    with writer.function("freeze", ("primal", "state", "progress"), doc):
        translator = make()
        translator.used.add("freeze_support")
        writer.line("begun = []")
        for action in held:
            ramp = density_ramp(action, translator, epochs)
            end = round(course_of(action).warmup + (0.0 if ramp is None else ramp[2]), 6)
            call = f'freeze_support("{action.name}", {action.name}_tensors(primal), state)'
            with writer.block(f"if progress >= {end!r} and {call}:"):
                writer.line(f'begun.append("{action.name}")')
        writer.line("return begun")
