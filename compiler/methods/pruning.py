"""How a count comes to its bound: dense at first, fewer along a ramp, then the rest fine-tunes.

    share kept = bound + (1 - bound) (1 - t)^3,    t = (progress - warmup) / ramp in [0, 1]

Zhu and Gupta 2017, "To prune, or not to prune": magnitudes say what is dispensable once training
has begun, and what is left needs part of the run to make up for what is gone. Without settings the
ramp spans 10% to 60% of the run and the entries that are kept then stay the same. Compared with
shorter ramps, one shot and ADMM by `benchmarks/pruning.py`.
"""

from typing import NamedTuple

from cspec.compiler.records.lowered import SetAction
from cspec.compiler.records.problem import SetMember
from cspec.dsl.settings.base import STEP
from cspec.dsl.settings.methods import Projection
from cspec.dsl.tree.nodes import Call, Name
from cspec.dsl.words.sets import COUNTS

WARMUP = 0.1
"""Share of the run that is dense."""
RAMP = 0.5
"""Share of the run over which a count shrinks ..."""
OF_THE_REST = 0.6
"""... and at most this part of what a given `warmup` leaves."""

LAYER_FLOOR = 0.2
"""Part of a model's density that each of its layers keeps at least: a layer without a weight is the
end of the network, and the largest weights of all may lie elsewhere."""


class Course(NamedTuple):
    """Shares of the run before the first projection, and of the ramp; whether it ends on a mask."""

    warmup: float = 0.0
    ramp: float = 0.0
    freeze: bool = False

    @property
    def end(self) -> float:
        """The share of the run at which the count is at its bound."""
        return round(self.warmup + self.ramp, 6)


def course(settings: Projection, member: SetMember) -> Course:
    """The course of a projection: what a spec gives as it is written, the rest so that it fits.

    Only counts have a ramp. A bound that moves by itself (`ramp(100%, 10%)`) is followed from the
    start, and `ramp=0` is a projection onto the bound at every step.
    """
    moves = moving(member)
    counted = member.word in COUNTS and not moves
    warmup, ramp, freeze = settings.warmup, settings.ramp, settings.freeze
    if not counted or ramp == 0:
        return Course(warmup or 0.0, 0.0 if moves or not ramp else ramp, bool(freeze))
    if ramp is None:
        begun = WARMUP if warmup is None else warmup
        ramp = min(RAMP, round(OF_THE_REST * (1 - begun), 6))
    if warmup is None:
        warmup = min(WARMUP, round((1 - ramp) / 2, 6))
    if freeze is None:
        freeze = settings.every == STEP
    return Course(warmup, ramp, freeze)


def moving(member: SetMember) -> bool:
    """Whether the spec itself says how the bound of a set moves."""
    match member.arguments.get("0"):
        case Call(function=Name(id="ramp")):
            return True
    return False


def described(found: Course) -> str:
    """A course in words: what happens until when."""
    if not found.ramp:
        return "onto the bound at every step"
    dense = f"dense for the first {found.warmup:.0%} of the run, then " if found.warmup else ""
    after = ", then the support is frozen and the rest fine-tunes" if found.freeze else ""
    return f"{dense}the smallest go along a cubic ramp until {found.end:.0%}{after}"


def floor_of(action: SetAction) -> str:
    """What each layer keeps of a density of the whole model, in words; empty for other sets."""
    if action.set.word != "sparse" or action.set.model is None:
        return ""
    return f"; every layer keeps at least {LAYER_FLOOR:.0%} of the density"
