"""Expression trees -> Python expressions over torch.

Trees are translated node by node, so the arithmetic that runs is the arithmetic that was written.
Forward passes and other costly parts become locals, once each (common sub-expressions).
"""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from cspec.compiler.axes.calls import call_key
from cspec.compiler.axes.inference import Inference
from cspec.compiler.axes.places import Place
from cspec.compiler.axes.record import Axes
from cspec.compiler.emit import examples, means
from cspec.compiler.emit.names import Names
from cspec.compiler.emit.pieces import (
    OPERATORS,
    RELATIONS,
    attribute,
    constant,
    entry,
    joined,
    subscript,
)
from cspec.compiler.emit.run_values import about_the_run
from cspec.compiler.emit.vectors import matrix_constant, translate_vectors
from cspec.compiler.emit.writer import Writer
from cspec.compiler.facts import Facts
from cspec.compiler.ir import (
    Category,
    Initial,
    Lookup,
    ParameterRef,
    PerExample,
    SetMember,
    Violations,
)
from cspec.compiler.missing import form, not_compiled
from cspec.compiler.passes.expand import chosen_parameters, globs_of
from cspec.compiler.rewrite import method_name
from cspec.compiler.surrogates.words import is_temperature
from cspec.compiler.vectors import Constants, Entries, Extreme, Repeated, Sized, Total
from cspec.dsl.constants import CONSTANTS, TRUTHS, value_or_none
from cspec.dsl.measured_on import measured_on
from cspec.dsl.nodes import (
    And,
    Attribute,
    Call,
    Compare,
    Expectation,
    Expr,
    FiniteSet,
    Implies,
    Index,
    Interval,
    Membership,
    Name,
    Negate,
    Not,
    Number,
    Or,
    Power,
    Product,
    Slice,
    String,
    Sum,
    Vector,
    shape,
)
from cspec.dsl.signatures import LOSSES
from cspec.dsl.symbols import Symbols
from cspec.dsl.tensor_shapes import declared, shape_of
from cspec.dsl.tensor_words import OVER_ENTRIES

BODIES: dict[str, str] = {
    "abs": "absolute", "max": "maximum", "min": "minimum", "pow": "power", "bytes": "bytes_",
    "sum": "total", "mean": "entries_mean", "std": "entries_std", "variance": "entries_variance",
    "median": "entries_median",
}  # fmt: skip
"""Words of the language whose torch body has another name (`runtime/functions`)."""

HOISTED = {
    "pred": "predicted",
    "prob": "probability",
    "class_prob": "soft",
    "label_prob": "soft",
}
"""Functions whose value is kept in a local (by this name): they are asked for again and again."""

OF_OUTPUTS = frozenset(LOSSES) | HOISTED.keys()
"""Functions that take the outputs for a batch of inputs."""

LONGEST = 200
"""Terms of a sum that stand in one Python expression: more would nest too deep for its parser."""


class Scope(NamedTuple):
    """What names mean in the whole module."""

    symbols: Symbols
    facts: Facts
    inference: Inference
    params: Mapping[str, str]
    """Spec name of a param -> Python name of the module constant."""
    auxiliary: str | None = None
    """A vector of variables that a solver has beside those of the spec."""
    functions: Mapping[str, str] = {}
    """Imported Python callables: spec name -> Python name."""
    length: tuple[int, int] = (0, 1)
    """Steps of the run, steps an epoch."""
    mapped: frozenset[str] = frozenset()
    """Decision variables that are the image of a free one: called for their value."""
    vectors: frozenset[str] = frozenset()
    """Params of several numbers."""


class Translator:
    """Translates the expressions of one emitted function; writes the locals it needs."""

    def __init__(
        self, scope: Scope, writer: Writer, names: Names, used: set[str], container: str = "batch"
    ) -> None:
        self.container = container
        """The argument that maps datasets to columns: a batch, or whole data."""
        self.at_module_level = False
        """Whether what is translated stands outside of every function."""
        self.strict = False
        """Whether nothing may be left out: a verdict is measured, where a step skips."""
        self.noted = False
        """Whether each mean says on which data it is, for counts and standard errors."""
        self.inside_call = False
        """Whether a function takes what is translated."""
        self.scope = scope
        self.writer = writer
        self.names = names
        self.used = used
        """Names to import from `cspec.runtime.functions`."""
        self.operators: dict[object, tuple[str, ast.expr]] = {}
        """Sets of the module: key -> name of the constant, and the call that makes it."""
        self.dataset: str | None = None
        """The dataset whose examples are in reach."""
        self._locals: dict[object, ast.expr] = {}
        self._columns_of: dict[str, str] = {}
        """Columns by name: the dataset whose column has the plain name."""

    # --- Locals ---

    def local(self, key: object, wanted: str, value: ast.expr, comment: str = "") -> ast.expr:
        """The local that holds `value`; written at its first use."""
        if key not in self._locals:
            name = self.names.fresh(wanted)
            self.writer.assign(name, value, comment)
            self._locals[key] = ast.Name(id=name)
        return self._locals[key]

    def function(self, name: str) -> ast.expr:
        """A function of the runtime, remembered for the import line."""
        self.used.add(name)
        return ast.Name(id=name)

    def call(self, name: str, *arguments: ast.expr, **keywords: ast.expr) -> ast.Call:
        """`name(arguments)` with a function of the runtime."""
        named = [ast.keyword(arg=key, value=value) for key, value in keywords.items()]
        return ast.Call(func=self.function(name), args=list(arguments), keywords=named)

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
        value = subscript(entry(self.container, dataset), ast.Constant(name))
        return self.local(("column", dataset, name), wanted, value)

    def operator(self, member: SetMember) -> ast.expr:
        """The module constant of a set: `STIEFEL = operators.get("stiefel")`."""
        arguments = shape(tuple(member.arguments.items()))
        key = (member.word, arguments, member.rows, member.part, member.together)
        if key not in self.operators:
            name = self._constant_name(member.word.upper())
            self.operators[key] = (name, self.make_operator(member))
        return ast.Name(id=self.operators[key][0])

    def _constant_name(self, wanted: str) -> str:
        """A name that no constant of the module has, made for another function or this one."""
        name = self.names.fresh(wanted)
        while any(name == other for other, _ in self.operators.values()):
            name = self.names.fresh(wanted)
        return name

    def make_operator(self, member: SetMember) -> ast.expr:
        """The call `operators.get(word, arguments)`."""
        positional: list[ast.expr] = [ast.Constant(member.word)]
        keywords: list[ast.keyword] = []
        for key, value in member.arguments.items():
            translated = self._set_argument(member, value)
            if key.isdigit():
                positional.append(translated)
            else:
                keywords.append(ast.keyword(arg=key, value=translated))
        get = ast.Attribute(value=ast.Name(id="operators"), attr="get")
        made = ast.Call(func=get, args=positional, keywords=keywords)
        if member.together:
            return ast.Call(func=get, args=[ast.Constant("jointly"), made], keywords=[])
        if not member.partial:
            return made
        word, places = ("on_rows", list(member.rows)) if member.rows else ("on_part", member.part)
        where = ast.parse(repr(places), mode="eval").body
        return ast.Call(func=get, args=[ast.Constant(word), made, where], keywords=[])

    def _is_number(self, value: ast.expr) -> bool:
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

    def _alike(self) -> dict[str, ast.expr]:
        """Constant tensors take the type and the device of what is trained."""
        return {} if self.at_module_level else {"primal": ast.Name(id="primal")}

    def _set_argument(self, member: SetMember, value: Expr | float | str) -> ast.expr:
        """Shares (`10%`, a density) stay floats: whole numbers are counts to a set."""
        if not isinstance(value, Expr):
            return ast.Constant(value)
        if isinstance(value, Number) and (member.model is not None or "%" in value.text):
            return ast.Constant(float(value.value))
        self.at_module_level = True
        try:
            return self.translate(value)
        finally:
            self.at_module_level = False

    def whole_variable(self, name: str) -> ast.expr:
        """A decision variable as the tensor it is stored in, scalars too."""
        value = entry("primal", name)
        if name in self.scope.mapped:
            value = ast.Call(func=value, args=[], keywords=[])
        return value

    # --- Expressions ---

    def translate(self, expr: Expr) -> ast.expr:
        """The Python of an expression."""
        match expr:
            case Number(value=typed):
                return constant(typed)
            case String(value=text):
                return ast.Constant(text)
            case Category(code=code):
                return ast.Constant(code)
            case ParameterRef(model=model, name=name):
                return self.parameter(model, name)
            case Name():
                return self._name(expr)
            case Negate(operand=operand):
                return ast.UnaryOp(op=ast.USub(), operand=self.numbers((operand,))[0])
            case Sum(operands=operands) if len(operands) > LONGEST:
                return self._long(expr)
            case Product(operators=operators) if "@" in operators:
                return self._matrix_product(expr)
            case (
                Sum(operands=operands, operators=operators)
                | Product(operands=operands, operators=operators)
            ):
                if self._beside_matrix(operands):
                    result, *rest = [self.matrix(operand) for operand in operands]
                else:
                    result, *rest = self.numbers(operands)
                for operator, value, operand in zip(operators, rest, operands[1:], strict=True):
                    result = self._binary(result, operator, value, operand)
                return result
            case Power(base=base, exponent=exponent):
                left, right = self.numbers((base, exponent))
                return ast.BinOp(left, ast.Pow(), right)
            case Vector(param=str() as name) if name:
                return self._vector(name, matrix_constant(expr, self))
            case Vector(items=items) if self.axes(expr).each is not None:
                return self.call("side_by_side", *self.numbers(items))
            case Vector(items=items):
                entries = [self.translate(item) for item in items]
                plain = all(self._is_number(item) for item in entries)
                return self.call("array", *entries, **(self._alike() if plain else {}))
            case Compare() | And() | Or() | Not() | Implies() | Membership():
                return self._event(expr)
            case Call():
                return self._call(expr)
            case Attribute():
                return self._attribute(expr)
            case Index():
                return self._index(expr)
            case Expectation():
                return means.mean(self, expr)
            case Entries() | Constants() | Sized() | Total():
                return translate_vectors(expr, self)
            case Lookup():
                return examples.looked_up(self, expr)
            case Violations() | Initial():
                return about_the_run(self, expr)
            case PerExample(dataset=dataset, body=body):
                with self.over(dataset):
                    return self.translate(body)
            case Repeated(body=body, size=size):
                return self.call("repeated", self.translate(body), constant(size))
            case Extreme(word=word, soft=soft, true=true):
                compared = (ast.List(elts=self.numbers(side)) for side in (soft, true))
                return self.call("at_largest" if word == "max" else "at_smallest", *compared)
            case _:
                raise not_compiled(form(expr), expr)

    # --- examples ---

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

    def numbers(self, operands: tuple[Expr, ...]) -> list[ast.expr]:
        """Operands of arithmetic, their axes side by side where examples are in reach."""
        if self.dataset is None:
            return [examples.number(self, operand) for operand in operands]
        return examples.numbers(self, operands)

    def event(self, expr: Expr) -> ast.expr:
        """Something true or false, as a tensor: a column of it is kept as 0 and 1, and `~` of
        Python's own truth values is a number that is true."""
        value = self.translate(expr)
        if self.dataset is not None and examples.is_column(self, expr, self.axes(expr)):
            return ast.Compare(left=value, ops=[ast.Eq()], comparators=[ast.Constant(1)])
        return self.call("truth", value) if self._is_number(value) else value

    def kept(self, name: str, key: object, *arguments: ast.expr) -> ast.expr:
        """A call whose value is kept in a local: it is asked for again and again."""
        told = tuple(shape(part) if isinstance(part, Expr) else part for part in _listed(key))
        return self.local((name, self.dataset, told), HOISTED[name], self.call(name, *arguments))

    def any_column(self) -> ast.expr:
        """A column of the dataset in reach: how many examples there are."""
        dataset = self.dataset or ""
        columns = self._columns(dataset)
        return self.column(dataset, "y" if "y" in columns else min(columns))

    def _matrix_product(self, expr: Product) -> ast.expr:
        if self.dataset is not None and self.axes(expr).each is not None:
            return examples.product(self, expr)
        result = self.matrix(expr.operands[0])
        for operator, operand in zip(expr.operators, expr.operands[1:], strict=True):
            result = ast.BinOp(result, OPERATORS[operator], self.matrix(operand))
        return result

    def _binary(self, left: ast.expr, operator: str, right: ast.expr, operand: Expr) -> ast.expr:
        """`left operator right`; a quotient of means is not measured where its denominator is 0."""
        if operator == "/" and any(True for _ in measured_on(operand)):
            return self.call("quotient", left, right)
        return ast.BinOp(left, OPERATORS[operator], right)

    def _long(self, expr: Sum) -> ast.expr:
        """A sum too long for one Python expression, as a sum of shorter ones."""
        terms = [
            Negate(operand=operand) if operator == "-" else operand
            for operator, operand in zip(("+", *expr.operators), expr.operands, strict=True)
        ]
        width = max(LONGEST, math.isqrt(len(terms)) + 1)
        pieces = [terms[i : i + width] for i in range(0, len(terms), width)]
        parts = [Sum(operands=tuple(p), operators=("+",) * (len(p) - 1)) for p in pieces]
        added = list(map(self.translate, parts))
        if self.axes(expr).each is not None:
            return self.call("added", *added)
        terms_ = self.call("array", *added)
        return self._all_of(terms_) if self.strict else self.call("total", terms_)

    @staticmethod
    def _all_of(tensor: ast.expr) -> ast.expr:
        """A sum that leaves nothing out."""
        return ast.Call(ast.Attribute(tensor, "sum"), args=[], keywords=[])

    def matrix(self, expr: Expr) -> ast.expr:
        """A factor of `@`, or what is transposed: kernels are read as (outputs, rest)."""
        value = self.translate(expr)
        if isinstance(expr, ParameterRef) and len(expr.shape) > 2:
            return ast.Call(ast.Attribute(value, "flatten"), args=[constant(1)], keywords=[])
        return value

    def _beside_matrix(self, operands: Sequence[Expr]) -> bool:
        """Whether kernels stand beside matrices: `W - W.T` of a kernel is of (outputs, rest)."""
        kernels = any(isinstance(o, ParameterRef) and len(o.shape) > 2 for o in operands)
        return kernels and any(len(self.axes(o).shape or ()) == 2 for o in operands)

    def sides(self, left: Expr, right: Expr) -> list[ast.expr]:
        """Both sides of a relation, a kernel beside a matrix as (outputs, rest)."""
        read = self.matrix if self._beside_matrix((left, right)) else self.translate
        return [read(left), read(right)]

    def _name(self, expr: Name) -> ast.expr:
        name, symbols = expr.id, self.scope.symbols
        if self.dataset is not None and name in self._columns(self.dataset):
            return self._column_as_number(self.dataset, name)
        if name in self.scope.params:
            constant_ = ast.Name(id=self.scope.params[name])
            return self._vector(name, constant_) if name in self.scope.vectors else constant_
        if name == self.scope.auxiliary:
            return self.local(("auxiliary", name), name, entry("primal", name))
        match symbols.role(name):
            case "var":
                return self._variable(name)
            case "model":
                return self.model(name)
            case "given":
                value = subscript(entry(self.container, "given"), ast.Constant(name))
                return self.local(("given", name), name, value)
            case "import" | "function" if name in self.scope.functions:
                return ast.Name(id=self.scope.functions[name])
        if name in CONSTANTS:
            return constant(CONSTANTS[name])
        if name in TRUTHS:
            return ast.Constant(TRUTHS[name])
        raise not_compiled(form(expr), expr)

    def _vector(self, name: str, value: ast.expr) -> ast.expr:
        """A param of several numbers as a tensor."""
        made = self.call("array", ast.Starred(value=value), **self._alike())
        if self.at_module_level:
            return made
        return self.local(("param", name), f"{name}_values", made)

    def _column_as_number(self, dataset: str, name: str) -> ast.expr:
        """A column; one that models take as rows of one number is a number in expressions."""
        value = self.column(dataset, name)
        known = self.inference.known.column(dataset, name)
        if known is not None and known.shape == (1,):
            index = ast.Tuple(elts=[ast.Slice(), ast.Constant(0)])
            return self.local(("number", dataset, name), f"{name}_value", subscript(value, index))
        return value

    def _columns(self, dataset: str) -> frozenset[str]:
        """Declared columns, and those that are bound without: `test` of implied data."""
        known = self.scope.facts.data.get(dataset)
        declared = (c.name for c in self.scope.symbols.datasets().get(dataset, ()))
        return frozenset(declared) | frozenset(() if known is None else known.columns)

    def _variable(self, name: str) -> ast.expr:
        value: ast.expr = self.whole_variable(name)
        if not self.scope.symbols.vars()[name].dimensions:
            value = subscript(value, ast.Constant(0))
        return self.local(("var", name), name, value)

    def _event(self, expr: Expr) -> ast.expr:
        match expr:
            case Compare(operands=operands, operators=operators):
                sides = self._compared(operands)
                links: list[ast.expr] = [
                    ast.Compare(left=a, ops=[RELATIONS[o]], comparators=[b])
                    for a, o, b in zip(sides, operators, sides[1:], strict=False)
                ]
                return joined(ast.BitAnd(), links)
            case And(operands=operands):
                return joined(ast.BitAnd(), self._events(operands))
            case Or(operands=operands):
                return joined(ast.BitOr(), self._events(operands))
            case Not(operand=operand):
                return ast.UnaryOp(op=ast.Invert(), operand=self.event(operand))
            case Implies(condition=condition, consequence=consequence):
                return self.call("implies", *self._events((condition, consequence)))
            case Membership(element=element, set=within):
                return self._membership(element, within)
            case _:
                raise not_compiled(form(expr), expr)

    def _compared(self, operands: tuple[Expr, ...]) -> list[ast.expr]:
        if self.dataset is None:
            return [self.translate(operand) for operand in operands]
        return examples.compared(self, operands)

    def _events(self, operands: tuple[Expr, ...]) -> list[ast.expr]:
        if self.dataset is None:
            return [self.event(operand) for operand in operands]
        return examples.events(self, operands)

    def _membership(self, element: Expr, within: Expr) -> ast.expr:
        match within:
            case Interval(lower=lower, upper=upper):
                inside = Compare(operands=(lower, element, upper), operators=("<=", "<="))
                return self._event(inside)
            case FiniteSet(items=items):
                equal = tuple(Compare(operands=(element, i), operators=("==",)) for i in items)
                return self._event(Or(operands=equal) if len(equal) > 1 else equal[0])
            case _:
                raise not_compiled(form(within), within)

    def _call(self, expr: Call) -> ast.expr:
        match expr.function:
            case Name(id=name) if self.scope.symbols.role(name) == "model":
                return self._forward(name, expr)
            case Name(id=name) if name in self.scope.functions:
                arguments = [self._given(argument) for argument in expr.arguments]
                function = ast.Name(id=self.scope.functions[name])
                value = ast.Call(func=function, args=arguments, keywords=[])
                return self.call("per_example", value) if self._as_a_row(expr) else value
            case Name(id="ramp"):
                return self._ramp(expr)
            case Name(id="flops"):
                return self._flops(expr)
            case Name(id="eye"):
                size = [self.translate(argument) for argument in expr.arguments]
                return self.call("eye", *size, **self._alike())
            case Name(id="cvar" | "quantile" as name):
                return means.tail(self, name, expr)
            case Name(id="margin"):
                return examples.margin(self, expr)
            case Name(id=name) if (reduced := self._reduction(name, expr)) is not None:
                return reduced
            case Name(id=name) if (single := self._of_one(name, expr)) is not None:
                return single
            case Name(id="sum" as name) if len(expr.arguments) == 1 and (
                self.strict or not self.scope.facts.data
            ):
                # Nothing is left out where nothing is measured: what is undefined has to be seen.
                return self._all_of(self.call("as_tensor", *self._arguments(name, expr)))
            case Name(id="where") if len(expr.arguments) == 3:
                return examples.either(self, expr)
            case Name(id=name):
                keywords = {k.name: self.translate(k.value) for k in expr.keywords}
                if name in OVER_ENTRIES:
                    keywords |= examples.of_entries(self, name, expr)
                arguments = self._arguments(name, expr)
                value = self.call(BODIES.get(name, name), *arguments, **keywords)
                if name in HOISTED:
                    return self.local((name, self.dataset, shape(expr)), HOISTED[name], value)
                return value
            case Attribute(value=Name(id=model), name=kind) if model in self.scope.facts.models:
                return self._weights(model, kind, globs_of(expr))
            case _:
                raise not_compiled(form(expr), expr)

    def _flops(self, expr: Call) -> ast.expr:
        """`flops(net, NET_USES, other)`: how often layers are used is a constant of the module."""
        (model,) = (a.id for a in expr.arguments if isinstance(a, Name))
        known = self.scope.facts.models[model].operations
        if known is None:
            raise not_compiled(form(expr), expr)
        key = ("operations", model)
        if key not in self.operators:
            uses = ast.Dict(
                keys=[ast.Constant(name) for name, _ in known.uses],
                values=[ast.Constant(count) for _, count in known.uses],
            )
            self.operators[key] = (self._constant_name(f"{model}_uses".upper()), uses)
        named = {k.name: self.translate(k.value) for k in expr.keywords}
        arguments: list[ast.expr] = [self.model(model), ast.Name(id=self.operators[key][0])]
        if known.other:
            arguments.append(ast.Constant(known.other))
        return self.call("flops", *arguments, **named)

    def _forward(self, name: str, expr: Call) -> ast.expr:
        """The outputs of a model; (B, 1) is brought to (B,) here, once."""
        arguments = [self._input(expr, place) for place in range(len(expr.arguments))]
        value: ast.expr = ast.Call(func=self.model(name), args=arguments, keywords=[])
        if self._at_a_point(expr):
            value = self.call("at_a_point", self.model(name), *arguments)
        elif self._as_a_row(expr):
            value = self.call("per_example", value)
        key = ("forward", self.dataset, shape(expr))
        return self.local(key, "z" if self._alone(name) else f"z_{name}", value)

    def _input(self, expr: Call, place: int) -> ast.expr:
        """One input of a model: `f(x, 0)` has a 0 for each example, like the column there."""
        argument = expr.arguments[place]
        fixed = value_or_none(argument, self.inference.known.params) is not None
        if not fixed or self.dataset is None or self._at_a_point(expr):
            return self._given(argument)
        column = self.inference.known.input_column(expr, place, self.dataset)
        if column is None:
            return self.call("spread", self.translate(argument), self.any_column())
        like = self.column(self.dataset, column)
        return self.call("filled", self.translate(argument), like)

    def _at_a_point(self, expr: Call) -> bool:
        """Whether a model is called with no value of an example: of decision variables."""
        return bool(expr.arguments) and not any(self.axes(a).each for a in expr.arguments)

    def _of_one(self, name: str, expr: Call) -> ast.expr | None:
        """A function of outputs of what is one input's: `prob(f(z))`, `ce(f(z), 1)`."""
        if name not in OF_OUTPUTS or any(self.axes(a).each for a in expr.arguments):
            return None
        values = [self.translate(argument) for argument in expr.arguments]
        return self.call("of_one", self.function(name), *values)

    def _given(self, argument: Expr) -> ast.expr:
        """What a model or a function of a person's own is called with: columns as they come."""
        dataset = self.dataset
        if dataset and isinstance(argument, Name) and argument.id in self._columns(dataset):
            return self.column(dataset, argument.id)
        return self.translate(argument)

    def _as_a_row(self, expr: Call) -> bool:
        """Whether a call gives (or, not seen yet, may give) one number an example as (B, 1)."""
        if self.axes(expr).each is None:
            return False
        seen = self.scope.facts.outputs.get(call_key(expr, self.dataset))
        return seen is None or (seen.each and seen.shape == (1,) and not seen.parts)

    def _reduction(self, name: str, expr: Call) -> ast.expr | None:
        """A reduction over what an example has, never over the batch."""
        known = name in examples.REDUCED or name in examples.NORMS
        count = 1 if name != "norm" else len(expr.arguments)
        if self.dataset is None or not known or len(expr.arguments) != count:
            return None
        return examples.reduction(self, name, expr)

    def _arguments(self, name: str, expr: Call) -> list[ast.expr]:
        """Arguments of a function of the language; of one entry by entry, side by side."""
        signature = self.inference.known.signature(name)
        entrywise = signature is not None and (
            signature.family == "elementary" or name in ("max", "min") or name in OVER_ENTRIES
        )
        outer, self.inside_call = self.inside_call, True
        try:
            if entrywise and name != "softmax":
                return self.numbers(expr.arguments)
            return [self.translate(argument) for argument in expr.arguments]
        finally:
            self.inside_call = outer

    def _ramp(self, expr: Call) -> ast.expr:
        """A bound of this step; where the verdict is measured, its last value."""
        first, last = (self.translate(argument) for argument in expr.arguments)
        if self.container == "data":
            return last
        clock = subscript(ast.Name(id=self.container), ast.Constant("clock"))
        if is_temperature(expr):  # which is 1 outside of a run
            held = attribute(ast.Name(id=self.container), "get")
            clock = ast.Call(func=held, args=[ast.Constant("clock")], keywords=[])
        return self.call("ramp", first, last, clock, constant(ramp_steps(expr, self.scope)))

    def _alone(self, model: str) -> bool:
        return self.scope.symbols.only_model == model

    def _weights(self, model: str, kind: str, patterns: tuple[str, ...]) -> ast.expr:
        """All entries of `net.weights("glob")` or `net.params("glob")`, as one vector."""
        names = [
            ast.Constant(p.name)
            for p in chosen_parameters(self.scope.facts.models[model], kind, patterns)
        ]
        found = self.call("parameters", self.model(model), ast.List(elts=list(names)))
        value = self.call("vector", ast.Starred(value=found))
        return self.local((kind, model, patterns), kind, value)

    def _is_vector(self, expr: Expr) -> bool:
        shape = shape_of(expr, declared(self.scope.symbols.table, {}), {})
        return shape is not None and len(shape) == 1

    def _attribute(self, expr: Attribute) -> ast.expr:
        method = method_name(expr)
        if method is not None and method[0] in self.scope.facts.models:
            return self._weights(method[0], method[1], ("*",))
        if expr.name == "T" and (self._is_vector(expr.value) or self.axes(expr.value).each):
            return self.translate(expr.value)  # A vector is its own transpose.
        if expr.name == "T":
            return attribute(self.matrix(expr.value), "T")
        found = examples.part(self, expr)
        if found is None:
            raise not_compiled(form(expr), expr)
        return found

    def _index(self, expr: Index) -> ast.expr:
        found = examples.part(self, expr)
        if found is not None:
            return found
        indices = [self._place_in(index) for index in expr.indices]
        if self.axes(expr.value).each is not None:
            every: list[ast.expr] = [ast.Constant(...), *indices]
            return subscript(self.translate(expr.value), ast.Tuple(elts=every))
        index = indices[0] if len(indices) == 1 else ast.Tuple(elts=indices)
        return subscript(self.translate(expr.value), index)

    def _place_in(self, index: Expr) -> ast.expr:
        """An index, or a slice."""
        if not isinstance(index, Slice):
            return examples.place_of_each(self, index)
        ends = [None if e is None else self.translate(e) for e in (index.lower, index.upper)]
        return ast.Slice(lower=ends[0], upper=ends[1])


def ramp_steps(ramp: Call, scope: Scope) -> int:
    """Steps over which a bound moves: as it says, else the whole run."""
    steps, per_epoch = scope.length
    for keyword in ramp.keywords:
        count = value_or_none(keyword.value, scope.inference.known.params)
        if count is not None:
            steps = round(count * (per_epoch if keyword.name == "epochs" else 1))
    return max(steps, 1)


def _listed(key: object) -> tuple[object, ...]:
    return key if isinstance(key, tuple) else (key,)
