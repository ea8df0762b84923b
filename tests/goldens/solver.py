"""minimize cos(x) + (y - 2)^2

a: sin(x)*y <= 0.5 by sqp
b: x + y == 1 by sqp

Compiled by cspec from <spec>, plan 51715fb098ab. Running this file
trains exactly as `cspec run` does: the runtime executes this very text.
"""
import math

import torch

from cspec.runtime.solvers import sqp
from cspec.runtime.solving import solve
from cspec.runtime.functions import cos, sin
from cspec.runtime.setup import Setup, fit, requirement, variable
from cspec.runtime.solvers.nlp.problem import matrix, symmetric
from cspec.runtime.steps.update import vector


def setup():
    """What the loop works on. Nothing is loaded here: `main` does, in this order, seeded."""
    x = variable(0.5, lower=0.0, upper=1.5707963267948966)
    y = variable(1.0)
    return Setup(variables={"x": x, "y": y}, fit=fit(precision="float64", seed=0))


def initial_state():
    """Multipliers and what else the updates remember, at the start."""
    return {
        "multipliers": torch.zeros(2),
        "floor": torch.tensor([0.0, -math.inf]),  # least multiplier an entry may have
    }


def measure(primal, batch):
    """f, the constraints g with gradient, and the true constraints, on one batch."""
    x = primal["x"][0]
    y = primal["y"][0]
    f = cos(x) + (y - 2) ** 2
    a = sin(x) * y - 0.5  # a: sin(x)*y <= 0.5
    b = x + y - 1  # b: x + y == 1
    g = vector(a, b)
    return f, g, g.detach()


def gradient(primal):
    """df/dx, exact."""
    x = primal["x"][0]
    y = primal["y"][0]
    return vector(-sin(x), 2 * y - 4)


def jacobian(primal):
    """dg/dx, exact: entries (row of g, place in x, derivative) that are not zero."""
    y = primal["y"][0]
    x = primal["x"][0]
    return matrix(2, 2, (0, 0, y * cos(x)), (0, 1, sin(x)), (1, 0, 1), (1, 1, 1))


def hessian(primal, multipliers):
    """Hessian of f + <multipliers, g>, exact: entries of the lower triangle."""
    x = primal["x"][0]
    t0 = cos(x)
    y = primal["y"][0]
    return symmetric(
        2, (0, 0, -(multipliers[0] * y * sin(x)) - t0), (1, 0, multipliers[0] * t0), (1, 1, 2)
    )


def train(session):
    """The whole run: one call of the solver, with the functions above."""
    solve(
        session,
        sqp.solve,
        measure,
        equalities=(False, True),
        gradient=gradient,
        jacobian=jacobian,
        hessian=hessian,
        eliminated={
            1: (1.0, {0: -1.0}),
        },
        held=(1,),
        operations={"measure": 11, "gradient": 5, "jacobian": 4, "hessian": 8},
        engine="auto",
        tolerance=1e-09,
        iterations=500,
        escalate=True,
    )


def objective(primal, data):
    """The objective as written."""
    x = primal["x"][0]
    y = primal["y"][0]
    return cos(x) + (y - 2) ** 2


def evaluate(primal, data):
    """Value and bound of every constraint as written, on whole data and as deployed."""
    x = primal["x"][0]
    y = primal["y"][0]
    return {
        "a": (sin(x) * y, 0.5),
        "b": (x + y, 1),
    }


def record():
    """The spec, and what the report says of each requirement: how near counts as met, why."""
    return {
        "name": "<spec>",
        "spec": (
            "var x = 0.5 in [0, pi/2]\n"
            "var y = 1\n"
            "minimize cos(x) + (y - 2)^2\n"
            "s.t. a: sin(x)*y <= 0.5\n"
            "     b: x + y == 1"
        ),
        "digest": "51715fb098ab2e5abdfe58bc90a1bf2da70f0f5dd5c07a7a9ea6ab19f538185d",
        "sense": "minimize",
        "objective": "cos(x) + (y - 2)^2",
        "constraints": [
            requirement(
                "a",
                "sin(x)*y <= 0.5",
                relation="<=",
                tolerance=1e-06,
                method="sqp",
                reason=(
                    "smooth, small and deterministic: sequential quadratic programming, exact "
                    "derivatives"
                ),
                rule="sqp",
                segment=(0, 1),
                multipliers=True,
                line=4,
            ),
            requirement(
                "b",
                "x + y == 1",
                relation="==",
                tolerance=1e-06,
                method="sqp",
                reason=(
                    "affine: `y = 1 - x`, so the solver works without it; its multiplier follows "
                    "from stationarity"
                ),
                rule="sqp",
                segment=(1, 2),
                multipliers=True,
                line=5,
            ),
        ],
        "method": "sqp",
        "notes": ["1 variable eliminated by affine equalities: y = 1 - x"],
    }


if __name__ == "__main__":
    from cspec.runtime import main

    raise SystemExit(main(globals()))
