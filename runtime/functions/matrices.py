"""Functions of square matrices, and diagonals.

A weight of more than two dimensions is seen as (outputs, rest). With `axes` the last so many axes
are the matrix (or vector) of one example, and the functions work on one example after another.
"""

import torch
from torch import Tensor

from cspec.runtime.functions.norms import as_matrix
from cspec.runtime.functions.shapes import ShapeMismatch, in_words


def square(matrix: Tensor, axes: int | None, word: str) -> Tensor:
    """The square matrix that a function of the language is given: (..., N, N).

    Raises:
        ShapeMismatch: anything else.
    """
    seen = as_matrix(matrix) if axes is None and matrix.ndim > 2 else matrix
    if seen.ndim < 2 or seen.shape[-1] != seen.shape[-2]:
        raise ShapeMismatch(f"`{word}` takes a square matrix, but got {in_words(matrix)}")
    return seen


def trace(matrix: Tensor, *, axes: int | None = None) -> Tensor:
    """`trace(A)`: the sum of the diagonal."""
    return square(matrix, axes, "trace").diagonal(dim1=-2, dim2=-1).sum(-1)


EXPANDED = 4
"""Rows up to which a determinant is expanded: torch gives its slope as 0 at singular matrices."""


def det(matrix: Tensor, *, axes: int | None = None) -> Tensor:
    """`det(A)`: the determinant; beyond 4 rows its slope is exact where A is not singular."""
    seen = square(matrix, axes, "det")
    if seen.shape[-1] <= EXPANDED:
        return _expanded(seen)
    found: Tensor = torch.linalg.det(seen)
    return found


def _expanded(matrix: Tensor) -> Tensor:
    """Laplace's expansion along the first row."""
    size = matrix.shape[-1]
    if size == 1:
        return matrix[..., 0, 0]
    others = [[c for c in range(size) if c != column] for column in range(size)]
    terms = [
        (-1) ** column * matrix[..., 0, column] * _expanded(matrix[..., 1:, others[column]])
        for column in range(size)
    ]
    return torch.stack(terms).sum(0)


def logdet(matrix: Tensor, *, axes: int | None = None) -> Tensor:
    """`logdet(A)` = log(det(A)); -inf at a determinant of 0, NaN below."""
    sign, size = torch.linalg.slogdet(square(matrix, axes, "logdet"))
    return torch.where(sign < 0, torch.full_like(size, torch.nan), size)


def inv(matrix: Tensor, *, axes: int | None = None) -> Tensor:
    """`inv(A)`: the inverse; NaN for a singular matrix."""
    found, failed = torch.linalg.inv_ex(square(matrix, axes, "inv"))
    broken = (failed != 0)[..., None, None]
    return torch.where(broken, torch.full_like(found, torch.nan), found)


def expm(matrix: Tensor, *, axes: int | None = None) -> Tensor:
    """`expm(A)` = I + A + A^2/2 + A^3/6 + ...: the matrix exponential."""
    found: Tensor = torch.linalg.matrix_exp(square(matrix, axes, "expm"))
    return found


def diag(values: Tensor, *, axes: int | None = None) -> Tensor:
    """`diag(A)`: the diagonal of a matrix; of a vector the matrix with that diagonal.

    Raises:
        ShapeMismatch: one number.
    """
    count = values.ndim if axes is None else axes
    if count == 0:
        raise ShapeMismatch("`diag` takes a vector or a matrix, but got a single number")
    if count == 1:
        return torch.diag_embed(values)
    seen = as_matrix(values) if axes is None and values.ndim > 2 else values
    return seen.diagonal(dim1=-2, dim2=-1)
