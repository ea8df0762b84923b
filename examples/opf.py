"""The IEEE 14-bus network (University of Washington archive): what `opf.cspec` asks to be set.

python examples/opf.py
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import cspec

# From, to, resistance, reactance, line charging, tap ratio.
BRANCHES = np.array([
    0, 1, 0.01938, 0.05917, 0.0528, 1,
    0, 4, 0.05403, 0.22304, 0.0492, 1,
    1, 2, 0.04699, 0.19797, 0.0438, 1,
    1, 3, 0.05811, 0.17632, 0.034, 1,
    1, 4, 0.05695, 0.17388, 0.0346, 1,
    2, 3, 0.06701, 0.17103, 0.0128, 1,
    3, 4, 0.01335, 0.04211, 0, 1,
    3, 6, 0, 0.20912, 0, 0.978,
    3, 8, 0, 0.55618, 0, 0.969,
    4, 5, 0, 0.25202, 0, 0.932,
    5, 10, 0.09498, 0.1989, 0, 1,
    5, 11, 0.12291, 0.25581, 0, 1,
    5, 12, 0.06615, 0.13027, 0, 1,
    6, 7, 0, 0.17615, 0, 1,
    6, 8, 0, 0.11001, 0, 1,
    8, 9, 0.03181, 0.0845, 0, 1,
    8, 13, 0.12711, 0.27038, 0, 1,
    9, 10, 0.08205, 0.19207, 0, 1,
    11, 12, 0.22092, 0.19988, 0, 1,
    12, 13, 0.17093, 0.34802, 0, 1,
]).reshape(-1, 6)  # fmt: skip
LOADS = [0, 21.7, 94.2, 47.8, 7.6, 11.2, 0, 0, 29.5, 9, 3.5, 6.1, 13.5, 14.9]
REACTIVE_LOADS = [0, 12.7, 19, -3.9, 1.6, 7.5, 0, 0, 16.6, 5.8, 1.8, 1.6, 5.8, 5]
GENERATORS = [0, 1, 2, 5, 7]
SHUNT = {8: 0.19j}


def network() -> dict[str, Any]:
    """The bus admittance matrix in two parts, where generators stand, loads per unit."""
    y_bus = np.zeros((14, 14), dtype=complex)
    for start, end, resistance, reactance, charging, tap in BRANCHES:
        i, j = int(start), int(end)
        y = 1 / (resistance + 1j * reactance)
        y_bus[i, i] += (y + 0.5j * charging) / tap**2
        y_bus[j, j] += y + 0.5j * charging
        y_bus[i, j] -= y / tap
        y_bus[j, i] -= y / tap
    for bus, shunt in SHUNT.items():
        y_bus[bus, bus] += shunt
    at = np.zeros((14, 5))
    at[GENERATORS, range(5)] = 1
    return {
        "conductance": y_bus.real.tolist(),
        "susceptance": y_bus.imag.tolist(),
        "at": at.tolist(),
        "load": [value / 100 for value in LOADS],
        "reactive_load": [value / 100 for value in REACTIVE_LOADS],
    }


def solve() -> cspec.Result:
    """The cheapest generation: 8,081.53 a hour."""
    return cspec.run(Path(__file__).parent / "opf.cspec", **network())


if __name__ == "__main__":
    print(f"{solve().objective:,.2f} an hour")
