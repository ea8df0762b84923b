"""Parametrizations, free tensors to members of a set, by the name that follows `by`."""

from torch import nn

from cspec.runtime.operators.maps.elementwise import (
    ConeBody,
    CumulativeSoftplus,
    Sigmoid,
    Softmax,
    Softplus,
    UnitNorm,
)
from cspec.runtime.operators.maps.matrices import Cholesky, LowRank, NullSpace, SymmetricMap
from cspec.runtime.operators.maps.orthogonal import Cayley, Householder, MatrixExp

PARAMETRIZATIONS: dict[str, type[nn.Module]] = {
    "softplus": Softplus,
    "sigmoid": Sigmoid,
    "softmax": Softmax,
    "cayley": Cayley,
    "householder": Householder,
    "matrix_exp": MatrixExp,
    "low_rank": LowRank,
    "unit_norm": UnitNorm,
    "cumulative_softplus": CumulativeSoftplus,
    "cholesky": Cholesky,
    "symmetric": SymmetricMap,
    "skew": SymmetricMap,
    "null_space": NullSpace,
    "second_order_cone": ConeBody,
}
