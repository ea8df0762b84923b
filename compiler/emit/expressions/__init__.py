"""Expression trees -> Python expressions over torch, node by node, costly parts in locals.

A file a form: operators, calls, means, names, vectors, ... Each marks its functions with the nodes
that they translate, and has the Python of what stands in them by `Translator.translate` alone. So
the arithmetic that runs is the arithmetic that was written.
"""

from cspec.compiler.emit.expressions import calls, means, names, operators, vectors, worst_cases
from cspec.compiler.emit.expressions.base import ModuleScope, Translator

__all__ = [
    "ModuleScope", "Translator", "calls", "means", "names", "operators", "vectors", "worst_cases",
]  # fmt: skip
