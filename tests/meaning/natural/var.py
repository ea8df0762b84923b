"""Natural programs over decision variables; solutions in closed form, or by scipy."""

from __future__ import annotations

from typing import Any

import numpy as np
from meaning.natural.kept import natural
from scipy.optimize import minimize

ROOT = np.sqrt


def program(text: str, **options: Any) -> Any:
    """A spec without data; solutions to four digits unless said."""
    return natural(None, text, **({"close": 1e-4} | options))


@program("""
    var x = 3.0
    minimize x^2
    s.t. c: x >= 1
""")
def a_square_above_one(r: Any) -> dict:
    return {"var.x": 1.0, "objective": 1.0, "c.multiplier": 2.0, "status": "satisfied"}


@program("""
    var x = 3.0
    minimize x^2
    s.t. c: 2 == x
""")
def the_sign_of_a_multiplier(r: Any) -> dict:
    return {"var.x": 2.0, "c.multiplier": 4.0}


@program("""
    var x = 3.0
    minimize x^2
    s.t. c: x == 2
""")
def the_sign_of_the_other_multiplier(r: Any) -> dict:
    return {"var.x": 2.0, "c.multiplier": -4.0}


@program("""
    var x = 0.5 in [0, pi/2]
    param eps = 0.5 in [0, 0.85]
    minimize cos(x)
    s.t. level: sin(x) <= eps
""")
def cosine_under_sine(r: Any) -> dict:
    return {"var.x": np.pi / 6, "objective": ROOT(3) / 2, "level.multiplier": 1 / ROOT(3)}


@program("""
    var x[2] = [2, 0.5]
    minimize x[0] + 2*x[1]
    s.t. disk: sumsq(x) <= 5
""")
def a_line_over_a_disk(r: Any) -> dict:
    return {"var.x": [-1.0, -2.0], "objective": -5.0}


@program("""
    var a in [0, 3]
    var b in [0, inf]
    maximize 3*a + 2*b
    s.t. a + b <= 4
         a + 3*b <= 6
""")
def a_linear_program(r: Any) -> dict:
    return {"var.a": 3.0, "var.b": 1.0, "objective": 11.0}


@program("""
    var x
    var y
    var z
    minimize (x - 1)^2 + (y - 2)^2 + (z - 6)^2
    s.t. same: x == y == z
""")
def a_chain_of_equalities(r: Any) -> dict:
    return {"var.x": 3.0, "var.y": 3.0, "var.z": 3.0, "objective": 14.0, "same.1.violation": 0.0}


@program("""
    var x
    var y = 3
    minimize (x - 3)^2 + (y - 2)^2
    s.t. order: 1 <= x <= y <= 4
""")
def a_chain_of_three(r: Any) -> dict:
    return {"var.x": 2.5, "var.y": 2.5, "objective": 0.5}


@program(
    """
    var x = 3
    var y = -1
    minimize (x - 3)^2 + (y + 1)^2
    s.t. rule: x > 1 => y >= 2
""",
    close=1e-3,
)
def a_rule(r: Any) -> dict:
    return {"var.x": 1.0, "var.y": -1.0, "objective": 4.0, "status": "satisfied"}


@program(
    """
    var x = 3
    var y = -1
    minimize (x - 3)^2 + (y - 1)^2
    s.t. rule: x > 1 => y >= 2
""",
    close=1e-3,
)
def a_rule_whose_other_branch_is_better(r: Any) -> dict:
    return {"var.x": 3.0, "var.y": 2.0, "objective": 1.0}


@program(
    """
    var x = 0
    var y = 0
    minimize x^2 + (y - 5)^2
    s.t. either: x >= 1 or y <= 2
""",
    close=1e-3,
)
def one_of_two(r: Any) -> dict:
    return {"var.x": 1.0, "var.y": 5.0, "objective": 1.0}


@program(
    """
    var x = 0
    var y = 0
    minimize (x - 2)^2 + (y - 2)^2
    s.t. not (x > 1 and y > 1)
""",
    close=1e-3,
)
def not_both(r: Any) -> dict:
    return {"objective": 1.0}


@program(
    """
    var x = 5
    minimize (x - 4)^2
    s.t. rule: x > 10 => x < 0
""",
    close=1e-3,
)
def a_rule_that_is_never_tested(r: Any) -> dict:
    return {"var.x": 4.0, "objective": 0.0, "status": "satisfied"}


@program("""
    var w[3] = [0.4, 0.3, 0.3]
    minimize sumsq(w - [1, 0.5, -1])
    s.t. w in simplex
""")
def the_nearest_point_of_the_simplex(r: Any) -> dict:
    return {"var.w": [0.75, 0.25, 0.0], "objective": 0.0625 * 2 + 1}


@program("""
    var w[3] = 1/3
    minimize sumsq(w - [1, 0.5, -1])
    s.t. total: sum(w) == 1
         w >= 0
""")
def the_simplex_spelled_out(r: Any) -> dict:
    return {"var.w": [0.75, 0.25, 0.0], "total": 1.0}


@program("""
    param c[3] = [1, -2, 2]
    var x[3] = [0.1, 0.1, 0.1]
    maximize c @ x
    s.t. l2(x) <= 1
""")
def the_farthest_point_of_a_ball(r: Any) -> dict:
    return {"var.x": [1 / 3, -2 / 3, 2 / 3], "objective": 3.0}


@program(
    """
    param mu[3]
    param S[3, 3]
    var w[3] = 1/3
    minimize w @ S @ w
    s.t. sum(w) == 1
         gain: mu @ w >= 0.12
         w >= 0
""",
    also={
        "mu": [0.05, 0.10, 0.20],
        "S": [[0.04, 0.01, 0.0], [0.01, 0.09, 0.02], [0.0, 0.02, 0.25]],
    },
)
def a_portfolio(r: Any) -> dict:
    s = np.array([[0.04, 0.01, 0.0], [0.01, 0.09, 0.02], [0.0, 0.02, 0.25]])
    mu = np.array([0.05, 0.10, 0.20])
    rules = [
        {"type": "eq", "fun": lambda w: w.sum() - 1},
        {"type": "ineq", "fun": lambda w: mu @ w - 0.12},
    ]
    found = minimize(
        lambda w: w @ s @ w, np.ones(3) / 3, bounds=[(0, None)] * 3, constraints=rules, tol=1e-12
    )
    return {"var.w": found.x.tolist(), "objective": found.fun}


@program("""
    var x = 1.0
    var y = -0.5
    minimize x*y
    s.t. x^2 + y^2 == 2
""")
def a_product_on_a_circle(r: Any) -> dict:
    return {"objective": -1.0}


@program("""
    var x = 3.0 in [0.1, inf]
    var y = 3.0 in [0.1, inf]
    minimize x + y
    s.t. area: x*y >= 4
""")
def a_rectangle(r: Any) -> dict:
    return {"var.x": 2.0, "var.y": 2.0, "objective": 4.0, "area.multiplier": 0.5}


@program("""
    var x = -1.2
    var y = 1.0
    minimize (1 - x)^2 + 100*(y - x^2)^2
    s.t. x^2 + y^2 <= 1
""")
def a_valley_in_a_disk(r: Any) -> dict:
    found = minimize(
        lambda v: (1 - v[0]) ** 2 + 100 * (v[1] - v[0] ** 2) ** 2,
        [0.5, 0.5],
        constraints=[{"type": "ineq", "fun": lambda v: 1 - v @ v}],
        tol=1e-12,
    )
    return {"var.x": found.x[0], "var.y": found.x[1]}


@program(
    """
    var x = 0.0
    minimize max(x - 1, 2 - x)
    s.t. x <= 10
""",
    close=1e-3,
)
def a_largest_of_two(r: Any) -> dict:
    return {"var.x": 1.5, "objective": 0.5}


@program("""
    var x = 0.2
    minimize (x - 3)^2
    s.t. band: abs(x) <= 1
""")
def an_absolute_value(r: Any) -> dict:
    return {"var.x": 1.0, "band": 1.0, "objective": 4.0}


@program("""
    param u[3] = [1, 2, 3]
    var x[3]
    maximize sum(x)
    s.t. cap: forall i in range(3): x[i] <= u[i]
""")
def caps_from_a_vector(r: Any) -> dict:
    return {"var.x": [1.0, 2.0, 3.0], "objective": 6.0}


@program("""
    var w[3] = [1, 2, 3]
    minimize sum(w[i]^2 for i in range(3)) +
             sum(w[i]*w[j] for i in range(3) for j in range(3) where i < j)
    s.t. sum(w[0:2]) == 1
""")
def sums_over_indices_and_a_slice(r: Any) -> dict:
    # By symmetry w0 = w1 = 1/2; the derivative by w2 is 2 w2 + w0 + w1.
    return {"var.w": [0.5, 0.5, -0.5], "objective": 0.5}
