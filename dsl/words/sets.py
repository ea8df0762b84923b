"""The sets of the language and of the compiler: all that is known of each word, in one record.

What a set does (residual, projection, maps, vertices) is its operator in `runtime/operators`; a
test compares the records with the operators.
"""

from collections.abc import Callable
from typing import NamedTuple


class SetWord(NamedTuple):
    """What is known of a set by its word."""

    word: str
    convex: bool = True
    tensors: int = 1
    """1, or 2 where it is a set of several weights together."""
    counted: bool = False
    """It says how many entries may be nonzero, and leaves open which."""
    discrete: bool = False
    """Its members come in steps: counts, ranks, grids."""
    scaled: bool = False
    """It has a scale of its own, free: no method but ADMM follows it."""
    affine: bool = False
    """Affine relations between entries: functions beside other sets."""
    coefficients: bool = False
    """Its arguments are rows of coefficients and bounds over all entries."""
    square: bool = False
    """Only square matrices are in it."""
    equality: bool = False
    """As functions it is residual == 0; other sets are inequalities."""
    functions: bool = False
    """It can be stated by functions that a multiplier acts on."""
    by_rows: bool = False
    """It can be held by rows of a tensor, each by itself."""
    outputs: bool = False
    """It is about a weight as (outputs, rest), its rows or its singular values."""
    vectors: bool = False
    """It is a set of vectors: of a matrix, each row is one."""
    vertices: bool = False
    """Convex, bounded, and with a cheap vertex oracle: for Frank-Wolfe."""
    shares: bool = False
    """Its vectors are shares of 1: entries of at least 0 that sum to it."""
    points: bool = False
    """As a word of a spec it says where points lie, `domain q = box(...)`; weights are held by it
    where a spec bounds them: `0 <= W <= 1`."""
    maps: tuple[str, ...] = ()
    """Maps that reach all of it, the usual one first."""


SET_WORDS: dict[str, SetWord] = {
    record.word: record
    for record in (
        SetWord("nonneg", functions=True, by_rows=True, maps=("softplus",)),
        SetWord(
            "box", functions=True, by_rows=True, vertices=True, points=True,
            maps=("sigmoid", "softplus"),
        ),
        SetWord("box_row"),
        SetWord(
            "simplex", functions=True, by_rows=True, vectors=True, vertices=True, shares=True,
            maps=("softmax",),
        ),
        SetWord("ball", functions=True, by_rows=True, vertices=True),
        SetWord("group_ball"),
        SetWord("spectral", outputs=True, functions=True, vertices=True),
        SetWord("nuclear", outputs=True, functions=True, vertices=True),
        SetWord("monotone", functions=True, by_rows=True, maps=("cumulative_softplus",)),
        SetWord("symmetric", square=True, equality=True, functions=True, maps=("symmetric",)),
        SetWord("skew", square=True, equality=True),
        SetWord("psd", square=True, functions=True, maps=("cholesky",)),
        SetWord("correlation", square=True),
        SetWord("birkhoff", outputs=True),
        SetWord("second_order_cone"),
        SetWord("halfspace", affine=True, coefficients=True),
        SetWord("affine", affine=True, coefficients=True),
        SetWord("polyhedron", affine=True, coefficients=True),
        SetWord("separate", affine=True),
        SetWord("ordered", affine=True),
        SetWord("combination", tensors=2),
        SetWord("totals", tensors=2),
        SetWord(
            "sphere", convex=False, equality=True, functions=True, by_rows=True, vectors=True,
            maps=("unit_norm",),
        ),
        SetWord(
            "stiefel", outputs=True, convex=False, equality=True, functions=True,
            maps=("cayley", "householder", "matrix_exp"),
        ),
        SetWord("rank", outputs=True, convex=False, discrete=True, maps=("low_rank",)),
        SetWord("sparse", convex=False, counted=True, discrete=True),
        SetWord("channels", outputs=True, convex=False, counted=True, discrete=True),
        SetWord("nm", convex=False, counted=True, discrete=True),
        SetWord("grid", convex=False, discrete=True, scaled=True),
    )
}  # fmt: skip


def _words(test: Callable[[SetWord], bool]) -> frozenset[str]:
    return frozenset(record.word for record in SET_WORDS.values() if test(record))


CONVEX = _words(lambda s: s.convex and s.tensors == 1)
"""Sets of one tensor with a projection that are convex, ..."""
CURVED = _words(lambda s: not s.convex and not s.scaled)
"""... and those that are not."""
JUMPS = _words(lambda s: s.discrete and not s.counted)
"""Sets whose members lie apart: a projection on every step would undo small moves."""
COUNTS = _words(lambda s: s.counted)
"""Sets that say how many entries may be nonzero; they are approached along a ramp."""
DISCRETE = _words(lambda s: s.discrete)
AFFINE = _words(lambda s: s.affine)
COEFFICIENTS = _words(lambda s: s.coefficients)
OF_SEVERAL = _words(lambda s: s.tensors > 1)
OUTPUTS = _words(lambda s: s.outputs or s.square)
SQUARE = _words(lambda s: s.square)
EQUALITIES = _words(lambda s: s.equality)
FUNCTION_SETS = _words(lambda s: s.functions)
BY_ROWS = _words(lambda s: s.by_rows)
VECTORS = _words(lambda s: s.vectors)
VERTICES = _words(lambda s: s.vertices)
BOX = "box"
"""Points whose numbers lie in an interval each."""
BALL = "ball"
"""Points around something, or changes that are added to it: the worst of them is searched."""
BOXES = _words(lambda s: s.points)
"""Words of a spec that say where points lie, an interval an axis."""

JOINT = frozenset(
    frozenset(words.split())
    for words in (
        *("nonneg sparse", "nonneg sphere", "nonneg sparse sphere", "nonneg sparse ball"),
        *("sparse sphere", "sparse ball", "box sparse", "simplex sparse"),
        *("psd rank", "psd rank ball", "symmetric rank", "rank sphere", "rank ball"),
    )
)
"""Sets with one that is not convex that have a joint projection."""


def of_shares(word: str) -> bool:
    """Whether the vectors of a set are shares: none below 0, and 1 together."""
    return word in SET_WORDS and SET_WORDS[word].shares


def maps_of(word: str) -> tuple[str, ...]:
    """Maps that reach a set, the usual one first; none where it has none."""
    record = SET_WORDS.get(word)
    return () if record is None else record.maps
