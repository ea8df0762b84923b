"""Expression trees -> Python expressions over torch, node by node, costly parts in locals.

A file a form: arithmetic, calls, events, means, parts, vectors, ... Each is a function of the
translator as `base` knows it; `Translator` tells forms apart.
"""

from cspec.compiler.emit.expressions.base import ModuleScope
from cspec.compiler.emit.expressions.translator import Translator

__all__ = ["ModuleScope", "Translator"]
