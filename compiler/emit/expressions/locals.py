"""What an emitted function has by name: its locals, constants of the module, imported functions.

A local is written where it is first asked for, once: forward passes, parameters and columns are
common sub-expressions of nearly all that a function computes.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import NamedTuple

from cspec.compiler.emit.expressions.scope import ModuleScope
from cspec.compiler.emit.names import Names
from cspec.compiler.emit.pieces import entry, subscript
from cspec.compiler.emit.writer import Writer


class Forward(NamedTuple):
    """A model called on columns of a dataset; the same function for all datasets."""

    model: str
    columns: tuple[str, ...]
    row: bool
    """Whether (B, 1) is brought to (B,)."""


class Locals:
    """The names of one emitted function, and what it shares with the others of its module."""

    def __init__(
        self,
        scope: ModuleScope,
        writer: Writer,
        names: Names,
        used: set[str],
        container: str = "batch",
    ) -> None:
        self.container = container
        """The argument that maps datasets to columns: a batch, or whole data."""
        self.at_module_level = False
        """Whether what is translated stands outside of every function."""
        self.scope = scope
        self.writer = writer
        self.names = names
        self.used = used
        """Names to import from `cspec.runtime.functions`."""
        self.constants: dict[object, tuple[str, ast.expr]] = {}
        """Sets and tensors of the module: key -> name of the constant, and what makes it."""
        self.forwards: dict[Forward, str] = {}
        """Forward passes of the module: what is called on which columns -> name of the function."""
        self.searched: dict[object, tuple[str, Writer]] = {}
        """Functions of the module that are searched for their worst point, and their text."""
        self._locals: dict[object, ast.expr] = {}
        self._columns_of: dict[str, str] = {}
        """Columns by name: the dataset whose column has the plain name."""

    def local(
        self, key: object, wanted: str, value: ast.expr, comment: str = "", label: str = ""
    ) -> ast.expr:
        """The local that holds `value`; written at its first use."""
        if key not in self._locals:
            name = self._fresh(wanted)
            self.writer.assign(name, value, comment, label)
            self._locals[key] = ast.Name(id=name)
        return self._locals[key]

    def module_constant(self, key: object, wanted: str, make: Callable[[], ast.expr]) -> ast.expr:
        """The module constant that holds what `make` gives, once for equal keys."""
        if key not in self.constants:
            name = self._fresh(wanted)
            self.constants[key] = (name, make())
        return ast.Name(id=self.constants[key][0])

    def forward_pass(self, found: Forward, dataset: str) -> ast.expr:
        """`outputs(primal, batch["train"])`: a forward pass, written once for the whole module."""
        if found not in self.forwards:
            alone = self.scope.symbols.only_model == found.model
            base = "outputs" if alone else f"outputs_of_{found.model}"
            name, count = base, 1
            while name in self.forwards.values():
                count += 1
                name = f"{base}_{count}"
            self.forwards[found] = name
        function = ast.Name(id=self.forwards[found])
        rows = entry(self.container, dataset)
        return ast.Call(func=function, args=[ast.Name(id="primal"), rows], keywords=[])

    def _fresh(self, wanted: str) -> str:
        """A name that nothing in this function has, and no constant that another function made."""
        name = self.names.fresh(wanted)
        while any(name == other for other, _ in self.constants.values()):
            name = self.names.fresh(wanted)
        return name

    def function(self, name: str) -> ast.expr:
        """A function of the runtime, remembered for the import line."""
        self.used.add(name)
        return ast.Name(id=name)

    def call(self, name: str, *arguments: ast.expr, **keywords: ast.expr) -> ast.Call:
        """`name(arguments)` with a function of the runtime."""
        named = [ast.keyword(arg=key, value=value) for key, value in keywords.items()]
        return ast.Call(func=self.function(name), args=list(arguments), keywords=named)

    # --- what a spec has by name ---

    def model(self, name: str) -> ast.expr:
        """The local of a model."""
        wanted = name if self.names.free(name) else f"{name}_model"
        return self.local(("model", name), wanted, entry("primal", name))

    def parameter(self, model: str, name: str) -> ast.expr:
        """The local of a model's parameter."""
        wanted = name.replace(".", "_")
        value = self.call("parameter", self.model(model), ast.Constant(name))
        return self.local(("parameter", model, name), wanted, value)

    def column(self, dataset: str, name: str) -> ast.expr:
        """The local of a dataset's column."""
        first = self._columns_of.setdefault(name, dataset)
        wanted = name if first == dataset else f"{name}_{dataset}"
        value: ast.expr = subscript(entry(self.container, dataset), ast.Constant(name))
        if name in self.scope.tracked:
            value = self.call("tracked", value)
        return self.local(("column", dataset, name), wanted, value)

    def whole_variable(self, name: str) -> ast.expr:
        """A decision variable as the tensor it is stored in, scalars too."""
        value = entry("primal", name)
        if name in self.scope.mapped:
            value = ast.Call(func=value, args=[], keywords=[])
        return value

    # --- Python numbers and tensors of them ---

    def is_number(self, value: ast.expr) -> bool:
        """Whether a Python number or truth value stands there: constants and params, arithmetic
        on them, comparisons of them."""
        kinds = (
            ast.Constant | ast.Name | ast.UnaryOp | ast.BinOp | ast.operator | ast.unaryop
            | ast.Compare | ast.cmpop
        )  # fmt: skip
        params = self.scope.params.values()
        return all(
            isinstance(part, kinds) and (not isinstance(part, ast.Name) or part.id in params)
            for part in ast.walk(value)
            if not isinstance(part, ast.expr_context)
        )

    def alike(self) -> dict[str, ast.expr]:
        """Constant tensors take the type and the device of what is trained."""
        return {} if self.at_module_level else {"primal": ast.Name(id="primal")}
