"""What every form is translated with: names, axes, and the Python of parts.

A local is written where it is first asked for, once: forward passes, parameters and columns are
common sub-expressions of nearly all that a function computes.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any, Literal, NamedTuple, TypeVar

from cspec.compiler.algebra.members import Members
from cspec.compiler.axes.inference import Inference
from cspec.compiler.axes.record import Axes, Place
from cspec.compiler.choose.schedule import RunLength
from cspec.compiler.emit.pieces import Names, called, constant, entry, subscript
from cspec.compiler.emit.writer import Writer
from cspec.compiler.expressions.moving import of_data_alone
from cspec.compiler.expressions.not_compiled import form, not_compiled
from cspec.compiler.records.facts import Facts
from cspec.compiler.records.lowered import numbered
from cspec.compiler.records.problem import Category, ParameterRef
from cspec.dsl.names.symbols import Symbols
from cspec.dsl.tree.constants import is_whole, value_or_none
from cspec.dsl.tree.nodes import Attribute, Call, Expr, Index, Number, String
from cspec.dsl.tree.rebuild import column_of


class ModuleScope(NamedTuple):
    """What names mean in the whole module."""

    symbols: Symbols
    facts: Facts
    inference: Inference
    functions: Mapping[str, str]
    """Imported Python callables: spec name -> Python name."""
    seed: int
    """That of the run: what draws of a step are a function of, besides the step."""
    precision: str
    """The number format of what moves: that of tensors of numbers beside it."""
    params: Mapping[str, str] = {}
    """Spec name of a param -> Python name of the module constant."""
    auxiliary: str | None = None
    """A vector of variables that a solver has beside those of the spec."""
    length: RunLength = RunLength(0, 1, 0.0)
    """Of the run."""
    mapped: frozenset[str] = frozenset()
    """Decision variables that are the image of a free one: called for their value."""
    tracked: frozenset[str] = frozenset()
    """Columns that derivatives are taken by."""
    followed: frozenset[str] = frozenset()
    """Those of which single features are."""
    vectors: frozenset[str] = frozenset()
    """Params of several numbers."""
    inputs: frozenset[str] = frozenset()
    """Columns that models are called with."""
    exact: frozenset[str] = frozenset()
    """Columns that keep their digits: beside what a run computes they are narrowed."""

    def columns(self, dataset: str) -> frozenset[str]:
        """Declared columns, and those that are bound without: `test` of implied data."""
        known = self.facts.data.get(dataset)
        declared = (c.name for c in self.symbols.datasets().get(dataset, ()))
        return frozenset(declared) | frozenset(() if known is None else known.columns)


def ramp_steps(ramp: Call, scope: ModuleScope) -> int:
    """Steps over which a bound moves: as it says, else the whole run."""
    steps, per_epoch, _ = scope.length
    for keyword in ramp.keywords:
        count = value_or_none(keyword.value, scope.inference.known.params)
        if count is not None:
            steps = round(count * (per_epoch if keyword.name == "epochs" else 1))
    return max(steps, 1)


def epochs_of_others(ramp: Call, scope: ModuleScope) -> ast.expr | None:
    """Epochs over which a bound moves in somebody's own loop, which says where they end."""
    known = scope.inference.known
    if known.facts.own_loop is None:
        return None
    given = (k.value for k in ramp.keywords if k.name == "epochs")
    count = next((value_or_none(value, known.params) for value in given), None)
    return None if count is None else constant(count)


KEPT = {
    "pred": "predicted",
    "prob": "probability",
    "class_prob": "soft",
    "label_prob": "soft",
}
"""Functions whose value is kept in a local (by this name): they are asked for again and again."""


class Forward(NamedTuple):
    """A model called on columns of a dataset; the same function for all datasets."""

    model: str
    columns: tuple[str, ...]
    row: bool
    """Whether (B, 1) is brought to (B,)."""
    truths: frozenset[str] = frozenset()
    """Columns of true and false, kept as 0 and 1, which the model gets as such."""


Form = TypeVar("Form", bound=Callable[..., ast.expr])
FORMS: dict[type[Expr], Callable[[Translator, Any], ast.expr]] = {
    Number: lambda _, expr: constant(expr.value),
    String: lambda _, expr: ast.Constant(expr.value),
    Category: lambda _, expr: ast.Constant(expr.code),
    ParameterRef: lambda t, expr: t.parameter(expr.model, expr.name),
}
"""What gives the Python of each form of expression; the modules beside this one add theirs."""


def translates(*forms: type[Expr]) -> Callable[[Form], Form]:
    """Marks the function that gives the Python of some forms."""

    def noted(function: Form) -> Form:
        FORMS.update(dict.fromkeys(forms, function))
        return function

    return noted


class Translator:
    """Translates the expressions of one emitted function; writes the locals it needs."""

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
        self.strict = False
        """Whether nothing may be left out: a verdict is measured, where a step skips."""
        self.noted = False
        """Whether each mean says on which data it is, for counts and standard errors."""
        self.filled: list[ast.expr] | None = None
        """Means that may be missing in a batch, where what is computed from them is no line."""
        self.digits: Literal["run", "given", "real"] = "run"
        """The numbers of columns that are read: in the precision of the run; of data alone as they
        were given, or with whole numbers as real ones beside numbers with digits."""
        self.late: str | None = None
        """What averages of means over late steps are remembered by, where a step takes these."""
        self.averages: dict[object, str] = {}
        """Those of this function, by the Python of the mean."""
        self.averaged: set[str] = set()
        """What such averages stand in, each by what `late` was."""
        self.inside_call = False
        """Whether a function takes what is translated."""
        self.dataset: str | None = None
        """The dataset whose examples are in reach."""

    def translate(self, expr: Expr) -> ast.expr:
        """The Python of an expression.

        Raises:
            SpecError: a form that is not compiled.
        """
        translate = FORMS.get(type(expr))
        if translate is None:
            raise not_compiled(form(expr), expr)
        return translate(self, expr)

    def beside(self, container: str, writer: Writer | None = None) -> Translator:
        """What translates another function of the module; by default with a writer of its own."""
        names = self.names.copy()
        made = Translator(self.scope, writer or Writer(), names, self.used, container)
        made.constants, made.forwards, made.searched = self.constants, self.forwards, self.searched
        return made

    # --- locals and constants ---

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
            self.forwards[found] = numbered(base, self.forwards.values())
        function = ast.Name(id=self.forwards[found])
        rows = entry(self.container, dataset)
        return called(function, ast.Name(id="primal"), rows)

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

    def call(self, name: str, /, *arguments: ast.expr, **keywords: ast.expr) -> ast.Call:
        """`name(arguments)` with a function of the runtime."""
        return called(self.function(name), *arguments, **keywords)

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
        change = self._change(dataset, name)
        if change is not None:
            value = self.call(change, value)
        if name in self.scope.tracked:
            value = self.call("tracked", value)
        return self.local(("column", dataset, name, change), wanted, value)

    def _change(self, dataset: str, name: str) -> str | None:
        """What is called on a column for the digits that are asked of it."""
        if self.digits == "run":
            return "narrowed" if name in self.scope.exact else None
        known = self.inference.known.column(dataset, name)
        whole = known is None or known.kind == "integer"
        return "as_number" if self.digits == "real" and whole else None

    def whole_variable(self, name: str) -> ast.expr:
        """A decision variable as the tensor it is stored in, scalars too."""
        value = entry("primal", name)
        return called(value) if name in self.scope.mapped else value

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

    # --- examples ---

    @cached_property
    def members(self) -> Members:
        """What puts functions of one form together."""
        return Members(self.inference)

    @property
    def inference(self) -> Inference:
        """What expressions are."""
        return self.scope.inference

    def axes(self, expr: Expr) -> Axes:
        """What an expression is where it stands."""
        return self.inference.axes(expr, self.dataset)

    def place(self, expr: Index | Attribute) -> Place | None:
        """What an index or a name behind a value means where it stands."""
        return self.inference.place(expr, self.dataset)

    @contextmanager
    def over(self, dataset: str | None) -> Iterator[None]:
        """What is translated inside is about the examples of a dataset."""
        outer, self.dataset = self.dataset, dataset
        try:
            yield
        finally:
            self.dataset = outer

    @contextmanager
    def with_digits(self, *parts: Expr) -> Iterator[None]:
        """What is translated inside is on numbers as they were given, where these are its parts
        and of data alone."""
        outer = self.digits
        if all(of_data_alone(part, self.scope.symbols) for part in parts):
            plain = all(map(self._is_whole, parts))
            self.digits = "given" if plain else "real"
        try:
            yield
        finally:
            self.digits = outer

    def _is_whole(self, expr: Expr) -> bool:
        """Whether torch compares it with whole numbers digit by digit: a column, a whole number."""
        value = value_or_none(expr, self.inference.known.params)
        if value is not None:
            return is_whole(value)
        return isinstance(expr, Category | String) or column_of(expr) is not None

    def any_column(self) -> ast.expr:
        """A column of the dataset in reach: how many examples there are."""
        dataset = self.dataset or ""
        columns = self.scope.columns(dataset)
        return self.column(dataset, "y" if "y" in columns else min(columns))

    def kept(self, name: str, key: object, value: ast.expr) -> ast.expr:
        """The local of a call of a function in `KEPT`."""
        return self.local((name, self.dataset, key), KEPT[name], value)
