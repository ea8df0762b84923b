"""Constraint sets over tensors: residual, projection, parametrization.

`get("stiefel")`, `get("ball", 1.0, norm=1)` make a set by its word in the language.
"""

from typing import Any

from cspec.runtime.operators.affine import Affine, Halfspace, Polyhedron, Separate
from cspec.runtime.operators.balls import Ball, GroupBall, Sphere
from cspec.runtime.operators.base import (
    EmptySetError,
    NoFormError,
    NotConvergedError,
    Operator,
    OperatorError,
    ShapeError,
    is_joint,
)
from cspec.runtime.operators.birkhoff import Birkhoff
from cspec.runtime.operators.box import Box, BoxRow, Nonneg
from cspec.runtime.operators.cone import SecondOrderCone
from cspec.runtime.operators.grid import Grid
from cspec.runtime.operators.maps import PARAMETRIZATIONS
from cspec.runtime.operators.monotone import Monotone, Ordered
from cspec.runtime.operators.simplex import Simplex, SparseSimplex
from cspec.runtime.operators.sparsity import NM, ChannelSparse, Sparse
from cspec.runtime.operators.spectrum import Nuclear, Rank, Spectral
from cspec.runtime.operators.stiefel import Stiefel
from cspec.runtime.operators.symmetric import PSD, Correlation, Skew, Symmetric
from cspec.runtime.operators.together.combination import Combination, Jointly, Totals
from cspec.runtime.operators.together.dykstra import Intersection, dykstra
from cspec.runtime.operators.together.on_part import OnPart, OnRows

OPERATORS: dict[str, type[Operator]] = {
    "nonneg": Nonneg,
    "box": Box,
    "simplex": Simplex,
    "sphere": Sphere,
    "ball": Ball,
    "group_ball": GroupBall,
    "stiefel": Stiefel,
    "symmetric": Symmetric,
    "skew": Skew,
    "psd": PSD,
    "correlation": Correlation,
    "rank": Rank,
    "nuclear": Nuclear,
    "spectral": Spectral,
    "sparse": Sparse,
    "nm": NM,
    "channels": ChannelSparse,
    "sparse_simplex": SparseSimplex,
    "grid": Grid,
    "monotone": Monotone,
    "halfspace": Halfspace,
    "affine": Affine,
    "polyhedron": Polyhedron,
    "box_row": BoxRow,
    "separate": Separate,
    "on_rows": OnRows,
    "on_part": OnPart,
    "jointly": Jointly,
    "combination": Combination,
    "totals": Totals,
    "ordered": Ordered,
    "birkhoff": Birkhoff,
    "second_order_cone": SecondOrderCone,
    "intersection": Intersection,
}


def get(name: str, *args: Any, **kwargs: Any) -> Operator:
    """The set with this word and these settings.

    Raises OperatorError for a word that names no set or settings that the set does not have.
    """
    if name not in OPERATORS:
        raise OperatorError(f"no set is called {name} (sets: {', '.join(OPERATORS)})")
    try:
        return OPERATORS[name](*args, **kwargs)
    except TypeError as error:
        raise OperatorError(f"{name}: {error}") from error


__all__ = [
    "NM",
    "OPERATORS",
    "PARAMETRIZATIONS",
    "Ball",
    "Box",
    "ChannelSparse",
    "EmptySetError",
    "Grid",
    "Jointly",
    "NoFormError",
    "Nonneg",
    "NotConvergedError",
    "OnPart",
    "OnRows",
    "Operator",
    "OperatorError",
    "ShapeError",
    "Simplex",
    "Sparse",
    "dykstra",
    "get",
    "is_joint",
]
