"""Natural programs with words of probability, statistics and linear algebra."""

from __future__ import annotations

from typing import Any

import numpy as np
from meaning.natural.var import program
from scipy.optimize import minimize

ROOT = np.sqrt


@program("""
    var w[3] = [0.2, 0.3, 0.5]
    maximize entropy(w)
    s.t. w in simplex
""")
def the_largest_entropy(r: Any) -> dict:
    return {"var.w": [1 / 3] * 3, "objective": np.log(3)}


@program("""
    param p[3] = [0.2, 0.3, 0.5]
    var w[3] = [0.5, 0.25, 0.25]
    minimize kl(w, p)
    s.t. w in simplex
         w[0] >= 0.5
""")
def the_nearest_distribution(r: Any) -> dict:
    w = np.array([0.5, 0.1875, 0.3125])
    return {"var.w": w.tolist(), "objective": float((w * np.log(w / [0.2, 0.3, 0.5])).sum())}


@program("""
    var w[3] = [0.5, 0.25, 0.25]
    maximize -sum(w[i]*log(w[i]) for i in range(3))
    s.t. sum(w) == 1
         dot(w, [1, 2, 3]) == 2.5
         w >= 1e-6
""")
def a_die_with_a_mean(r: Any) -> dict:
    rules = [
        {"type": "eq", "fun": lambda w: w.sum() - 1},
        {"type": "eq", "fun": lambda w: w @ np.array([1, 2, 3]) - 2.5},
    ]
    found = minimize(
        lambda w: float((w * np.log(w)).sum()),
        [0.2, 0.2, 0.6],
        bounds=[(1e-6, 1)] * 3,
        constraints=rules,
        tol=1e-13,
    )
    return {"var.w": found.x.tolist(), "objective": -found.fun}


@program("""
    var w[3] = [1, 1, 1]
    minimize sumsq(w)
    s.t. steps: forall i in range(3): cumsum(w)[i] >= i + 1
""")
def running_sums(r: Any) -> dict:
    return {"var.w": [1.0, 1.0, 1.0], "objective": 3.0}


@program(
    """
    var w[3] = [0.5, 1, 1]
    minimize sumsq(w - [3, 2, 1])
    s.t. top: sum(topk(w, 2)) <= 3
""",
    close=1e-3,
)
def the_two_largest(r: Any) -> dict:
    rules = [
        {"type": "ineq", "fun": lambda w, i=i, j=j: 3 - w[i] - w[j]}
        for i, j in ((0, 1), (0, 2), (1, 2))
    ]
    found = minimize(lambda w: ((w - [3, 2, 1]) ** 2).sum(), [1.0, 1, 1], constraints=rules)
    return {"var.w": found.x.tolist(), "objective": found.fun}


@program(
    """
    var w[4] = [0, 1, 2, 3]
    minimize std(w)
    s.t. mean(w) == 2
         w[0] == 0
         median(w[1:4]) >= 1
""",
    close=1e-3,
)
def the_least_spread(r: Any) -> dict:
    return {"var.w": [0.0] + [8 / 3] * 3}


@program(
    """
    param S[2, 2] = [[2, 0.5], [0.5, 1]]
    var X[2, 2] = [[1, 0], [0, 1]]
    minimize trace(S @ X) - logdet(X)
    s.t. X in psd
""",
    close=1e-3,
)
def an_inverse_covariance(r: Any) -> dict:
    inverse = np.linalg.inv([[2, 0.5], [0.5, 1]])
    return {"var.X": inverse.tolist(), "objective": 2 + np.log(1.75)}


@program(
    """
    param A[2, 2] = [[1, 2], [2, 1]]
    var X[2, 2] = [[1, 0], [0, 1]]
    minimize sumsq(X - A)
    s.t. X in psd
""",
    close=1e-3,
)
def the_nearest_psd_matrix(r: Any) -> dict:
    return {"var.X": [[1.5, 1.5], [1.5, 1.5]], "objective": 1.0}


@program("""
    param A[2, 2] = [[2, 1], [1, 3]]
    param b[2] = [3, 5]
    var x[2]
    minimize sumsq(x - inv(A) @ b)
    s.t. A @ x == b
""")
def a_system_of_equations(r: Any) -> dict:
    return {"var.x": np.linalg.solve([[2, 1], [1, 3]], [3, 5]).tolist(), "objective": 0.0}


@program(
    """
    var x = -2.0
    minimize where(x > 0, x^2, -x) + (x + 1)^2
    s.t. x <= 5
""",
    close=1e-3,
)
def two_pieces(r: Any) -> dict:
    return {"var.x": -0.5, "objective": 0.75}


@program(
    """
    var x = 5.0
    minimize (clip(x, 0, 2) - 1)^2 + 0.1*(x - 1)^2
    s.t. x >= 0
    fit(optimizer=adam(lr=0.01))
""",
    close=1e-3,
)
def a_clipped_square(r: Any) -> dict:
    return {"var.x": 1.0, "objective": 0.0}


@program("""
    var w[3] = [2, 1, 0]
    minimize log(sum(exp(w)))
    s.t. sum(w) == 3
""")
def a_soft_maximum(r: Any) -> dict:
    return {"var.w": [1.0, 1.0, 1.0], "objective": 1 + np.log(3)}


@program("""
    var x[3] = [0.5, 1, 1.5]
    maximize x[0]*x[1]*x[2]
    s.t. sum(x) == 3
         x >= 0
""")
def a_box_of_given_edges(r: Any) -> dict:
    return {"var.x": [1.0, 1.0, 1.0], "objective": 1.0}


@program("""
    var x = 5 in [0, 1]
    minimize (x - 2)^2
""")
def a_start_outside_its_set(r: Any) -> dict:
    return {"var.x": 1.0, "objective": 1.0}


@program(
    """
    var x = 0.0
    maximize x
    s.t. cap: x <= ramp(3, 1)
""",
    close=1e-3,
)
def a_cap_that_comes_down(r: Any) -> dict:
    return {"var.x": 1.0, "cap.bound": 1.0}


@program("""
    var x[2] = [3, -2]
    satisfy
    s.t. ring: 1 <= sumsq(x) <= 4
         x[0] == x[1]
""")
def a_feasible_point(r: Any) -> dict:
    x = r.vars["x"]
    return {
        "status": "satisfied",
        "ring.hi": x[0] ** 2 + x[1] ** 2,
        "c1.violation": abs(x[0] - x[1]),
    }


@program("""
    var x = 0
    var y = 0
    minimize (x - 2)^2 + (y - 1)^2
    s.t. budget: x + y <= 1 soft(weight=1)
""")
def a_preference(r: Any) -> dict:
    # Weight 1 against the multiplier 2 of the requirement: half of the way.
    return {"var.x": 1.5, "var.y": 0.5, "budget": 2.0, "status": "satisfied"}


@program("""
    var x = 0
    minimize (x - 2)^2
    s.t. cap: x <= 1 soft(weight=1, power=2)
""")
def a_squared_preference(r: Any) -> dict:
    return {"var.x": 1.5, "cap.violation": 0.5}


@program("""
    var t[3] = [1, 2, 3]
    minimize sum((t[i] - i)^2 for i in range(3))
    s.t. gaps: forall i in range(2): t[i + 1] - t[i] >= 2
""")
def gaps_between_times(r: Any) -> dict:
    # t = c + (0, 2, 4) around (0, 1, 2): c = -1.
    return {"var.t": [-1.0, 1.0, 3.0], "objective": 2.0}


@program("""
    var x = 1
    var y = 1
    minimize x + y
    s.t. ellipse: (x/2)^2 + y^2 <= 1
    metric at = x*y
    metric far = norm([x, y], 2)
""")
def metrics_of_variables(r: Any) -> dict:
    x, y = -4 / ROOT(5), -1 / ROOT(5)
    return {"var.x": x, "var.y": y, "at": x * y, "far": ROOT(x * x + y * y)}


@program("""
    var x = 0.5
    minimize x^3
    s.t. x <= 1
""")
def a_cubic_without_minimum(r: Any) -> dict:
    told = "unbounded" in " ".join([r.status, r.termination, *r.notes]).lower()
    return {"status": r.status if told else "unbounded, by name"}


@program("""
    var x = 2.0
    minimize -log(x)
    s.t. x >= 1
""")
def a_logarithm_without_minimum(r: Any) -> dict:
    told = "unbounded" in " ".join([r.status, r.termination, *r.notes]).lower()
    return {"status": r.status if told else "unbounded, by name"}
