"""Update graph -> Python: the training loop that people read and the runtime executes."""

from cspec.compiler.emit.module import emit

__all__ = ["emit"]
