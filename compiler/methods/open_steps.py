"""Dual steps that a spec leaves open, in the units of the problem (`units`).

With c the first penalty of the augmented Lagrangian, T the moves of a multiplier in a run and
60 of its moves to the whole c g a run:

    sgd    lr = 60 c / T
    nupi   lr = 60 c / T, and a proportional term of c g: kp = T / 60
    pid    ki = 60 c / T, kp = c of the mean of late g
    adam   lr = 10 |grad f| / |grad g| / T: a multiplier gets to its size in a tenth of the run
"""

from cspec.compiler.methods.dual_steps import Parts, dual_steps
from cspec.compiler.methods.units import MOVES, measure_units, unit_state
from cspec.compiler.records.fragment import Rule
from cspec.compiler.records.graph import Operation
from cspec.dsl.settings.base import Every
from cspec.dsl.settings.duals import Adam, Nupi, Pid, Sgd
from cspec.dsl.settings.methods import Lagrangian

ADAM_SHARE = 0.1
"""Share of a run in which Adam's steps carry a multiplier to |grad f| / |grad g|."""
SMOOTHING = 0.8
"""Weight of what was seen before in the mean that PID's proportional term takes."""


def in_units(
    rule: Rule, settings: Lagrangian, trigger: Every
) -> tuple[Parts, tuple[Operation, ...]]:
    """The dual optimizer with its open steps as state, and what measures them."""
    moves = max(1.0, rule.total_steps / rule.steps(trigger))
    match settings.dual:
        case Sgd(lr=None):
            found = _with(rule, dual_steps(rule, settings), "lr")
            return found, (measure_units(rule, "lr", MOVES / moves),)
        case Nupi(lr=None) as dual:
            chosen = {"kp": moves / MOVES, "nu": SMOOTHING if rule.batched else 0.0}
            found = _with(rule, dual_steps(rule, _open(settings, dual, chosen)), "lr")
            return found, (measure_units(rule, "lr", MOVES / moves),)
        case Adam() as dual if not dual.given("lr"):
            share = 1 / (ADAM_SHARE * moves)
            found = _with(rule, dual_steps(rule, settings), "lr")
            return found, (measure_units(rule, "lr", share, price=True),)
        case Pid() as dual if not any(dual.given(name) for name in ("kp", "ki", "kd")):
            chosen = {"ki": MOVES / moves, "smoothing": SMOOTHING if rule.batched else 0.0}
            parts = dual_steps(rule, _open(settings, dual, chosen))
            state, lines, constants, meaning = _with(rule, parts, "kp")
            # The integral gain is in units of the proportional one.
            lines = tuple(line.replace("ki *", "ki * kp *") for line in lines)
            return (state, lines, constants, meaning), (measure_units(rule, "kp"),)
        case _:
            return dual_steps(rule, settings), ()


def _open(settings: Lagrangian, dual: Nupi | Pid, chosen: dict[str, float]) -> Lagrangian:
    """What is chosen, where nothing is given."""
    left = {name: value for name, value in chosen.items() if not dual.given(name)}
    return settings.model_copy(update={"dual": dual.model_copy(update=left)})


def _with(rule: Rule, parts: Parts, constant: str) -> Parts:
    """A constant becomes state, an entry a constraint."""
    state, lines, constants, meaning = parts
    rest = {key: value for key, value in constants.items() if key != constant}
    step = rule.state(constant, "dual steps, in the problem's units")
    return (*state, step, *unit_state(rule)), lines, rest, meaning
