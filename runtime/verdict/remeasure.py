"""The parameters that a run delivered, measured again: nothing but their file and the program.

Neither checkpoints nor the report take part, so there are no multipliers and no prices here: they
are what training found, and can't be measured on an iterate.
"""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from cspec.runtime.certify.observe import proved
from cspec.runtime.failures import attempt
from cspec.runtime.measure.requirements import judged, measured
from cspec.runtime.models.without_trace import constants_in
from cspec.runtime.result.result import AGAIN, Result
from cspec.runtime.session.session import Session
from cspec.runtime.session.snapshots import load_tensors, plain_tensors
from cspec.runtime.verdict.certified import with_certificates
from cspec.runtime.verdict.conclude import result_of, status_of
from cspec.runtime.verdict.why.diagnosis import Diagnosis


def misfits(session: Session, tensors: Mapping[str, Tensor]) -> list[str]:
    """Why a file of parameters is not of this program: names and shapes, in words."""
    wanted = plain_tensors(session.primal)
    found = [f"`{name}` is missing" for name in wanted if name not in tensors]
    found += [f"`{name}` belongs to nothing" for name in tensors if name not in wanted]
    for name, value in wanted.items():
        shape = tuple(tensors[name].shape) if name in tensors else tuple(value.shape)
        if shape != tuple(value.shape):
            found.append(f"`{name}` is {shape} and has to be {tuple(value.shape)}")
    return found


def recast(session: Session, tensors: Mapping[str, Tensor]) -> list[tuple[str, str, str]]:
    """Parameters whose file has another type than the program's: name, type there, type here."""
    wanted = plain_tensors(session.primal)
    types = ((name, tensors[name].dtype, value.dtype) for name, value in wanted.items())
    return [(name, str(a)[6:], str(b)[6:]) for name, a, b in types if a != b]


def moved(session: Session, tensors: Mapping[str, Tensor], models: frozenset[str]) -> list[str]:
    """Parameters of some models that nothing trains, and that are not what binding them gives."""
    known = plain_tensors(session.primal)
    still = [
        f"{name}.{key}"
        for name in models
        if isinstance(session.primal.get(name), nn.Module)
        for key, value in session.primal[name].named_parameters()
        if not value.requires_grad
    ]
    there = [name for name in still if name in tensors and name in known]
    both = ((name, known[name], tensors[name]) for name in there)
    return [name for name, a, b in both if not torch.equal(a.cpu(), b.to(a.dtype).cpu())]


def remeasure(session: Session, tensors: Mapping[str, Tensor], out: str) -> Result:
    """Every requirement, the objective, variables and metrics at these parameters."""
    with constants_in(session.dtype):
        return _result(session, tensors, out)


def _result(session: Session, tensors: Mapping[str, Tensor], out: str) -> Result:
    load_tensors(session.primal, tensors)
    program, notes = session.program, session.notes
    places = session.places(program.constraints)
    values = measured(session.measurer, places, notes)
    constraints = tuple(judged(c, values[c.label]) for c in program.constraints)
    constraints = with_certificates(constraints, proved(session, places))
    objective = attempt(notes, "no objective", session.objective_on, math.nan)
    recorded = session.metrics()
    missing = (f"{label}: {why}" for label, item in values.items() for why in item.absent)
    return result_of(
        session,
        status=status_of(session, objective, constraints, Diagnosis()),
        termination=AGAIN,
        objective=objective,
        constraints=constraints,
        metrics=recorded.values,
        seconds=0.0,
        out=out,
        notes=(*missing, *recorded.notes),
    )
