"""Make expressions explicit: losses, predictions, model arguments, the data of expectations."""

from __future__ import annotations

from operator import is_
from typing import NamedTuple

from cspec.dsl.diagnostics import Diagnostic, Fix, Label
from cspec.dsl.nodes import (
    Attribute,
    Binder,
    Call,
    Comprehension,
    Constraint,
    Expectation,
    Expr,
    Keyword,
    Name,
    Node,
    On,
    Sum,
)
from cspec.dsl.reach import Reach
from cspec.dsl.signatures import LOSSES, SIGNATURES, SURROGATES
from cspec.dsl.source import NOWHERE, Source, Span
from cspec.dsl.symbols import Symbols
from cspec.dsl.trees import rebuild, substitute
from cspec.dsl.wording import listing, quoted

_TAKES_MODEL = frozenset({s.name for s in SIGNATURES.values() if s.family == "model"})
_RISK = frozenset({"cvar", "quantile"})


class Context(NamedTuple):
    """Where an expression stands.

    `local` are names bound by quantifiers; `data` the dataset whose examples are in reach; `on`
    the dataset that a modifier asks for; `let` is true in the body of a `let`.
    """

    local: frozenset[str] = frozenset()
    data: str | None = None
    on: str | None = None
    on_span: Span = NOWHERE
    let: bool = False
    surrogate: bool = False


class Elaborator:
    """One elaboration: the symbols it reads, the findings and notes it collects."""

    def __init__(self, symbols: Symbols, source: Source) -> None:
        self.symbols = symbols
        self.source = source
        self.reach = Reach(symbols)
        self.found: list[Diagnostic] = []
        self.notes: list[tuple[Span, str, str]] = []
        self.measured = 0
        self._asked: set[Span] = set()

    # --- entry points ---

    def objective(self, expr: Expr) -> Expr:
        """The objective; one value an example becomes its mean over the training data."""
        explicit = self.expression(expr, Context())
        return self._averaged(explicit)

    def relation(self, expr: Expr, context: Context) -> Expr:
        """The relation of a constraint."""
        return self.expression(expr, context)

    def surrogate(self, expr: Expr, context: Context) -> Expr:
        """What stands behind `with surrogate`: a word of its own, or an expression."""
        head = expr.function if isinstance(expr, Call) else expr
        if isinstance(head, Name) and head.id in SURROGATES and not self._positional(expr):
            return expr
        return self.expression(expr, context)

    @staticmethod
    def _positional(expr: Expr) -> bool:
        return isinstance(expr, Call) and bool(expr.arguments)

    def binders(
        self, binders: tuple[Binder, ...], context: Context
    ) -> tuple[tuple[Binder, ...], Context]:
        """Quantifiers made explicit, and the context of what they hold over."""
        explicit = []
        for binder in binders:
            domain = self.expression(binder.domain, context)
            data = self._is_dataset(domain)
            if data is not None and isinstance(domain, Name):
                domain = domain.model_copy(update={"id": data})
                context = context._replace(data=data)
            local = context.local | frozenset(binder.names)
            context = context._replace(local=local)
            condition = binder.condition
            if condition is not None:
                condition = self.expression(condition, context)
            explicit.append(binder.model_copy(update={"domain": domain, "condition": condition}))
        return tuple(explicit), context

    # --- expressions ---

    def expression(self, expr: Expr, context: Context) -> Expr:
        """An expression made explicit."""
        match expr:
            case Name():
                return self._name(expr, context)
            case Call():
                return self._call(expr, context)
            case Attribute(value=Name(id=name)) if self.symbols.role(name) == "model":
                return expr
            case Expectation():
                return self._expectation(expr, context)
            case Comprehension():
                binders, inner = self.binders(expr.binders, context)
                body = self.expression(expr.body, inner)
                return expr.model_copy(update={"binders": binders, "body": body})
            case _:
                return rebuild(expr, lambda node: self._node(node, context))

    def _node(self, node: Node, context: Context) -> Node:
        return (
            self.expression(node, context)
            if isinstance(node, Expr)
            else (rebuild(node, lambda inner: self._node(inner, context)))
        )

    def _name(self, name: Name, context: Context) -> Expr:
        word = name.id
        if word in context.local:
            return name
        role = self.symbols.role(word)
        if role == "let" and self._inlined(word, context):
            item = self.symbols.lets()[word]
            if item.parameters is None:
                return self.expression(item.value, context)
        if role == "model":
            return self._applied(name, context)
        if role is None and word not in self.symbols.column_names:
            if word in LOSSES:
                return self._loss(name, context)
            if word in ("pred", "prob"):
                return self._classifier(name, context)
        return name

    def _call(self, call: Call, context: Context) -> Expr:
        function = call.function
        if isinstance(function, Name):
            word = function.id
            role = self.symbols.role(word)
            if role == "let" and self._inlined(word, context):
                item = self.symbols.lets()[word]
                parameters = item.parameters or ()
                if len(parameters) == len(call.arguments) and not call.keywords:
                    values = dict(zip(parameters, call.arguments, strict=True))
                    return self.expression(substitute(item.value, values), context)
            if word in _TAKES_MODEL and role is None:
                return call
            if word in _RISK and role is None:
                return self._risk(call, context)
        elif isinstance(function, Attribute):
            function = self._method(function, context)
        arguments = tuple(self.expression(argument, context) for argument in call.arguments)
        keywords = tuple(self._keyword(keyword, context) for keyword in call.keywords)
        same = function is call.function and all(map(is_, arguments, call.arguments))
        if same and all(map(is_, keywords, call.keywords)):
            return call
        return call.model_copy(
            update={"function": function, "arguments": arguments, "keywords": keywords}
        )

    def _method(self, function: Attribute, context: Context) -> Attribute:
        value = function.value
        if isinstance(value, Name):
            return function
        return function.model_copy(update={"value": self.expression(value, context)})

    def _keyword(self, keyword: Keyword, context: Context) -> Keyword:
        if isinstance(keyword.value, Name | Call):
            return keyword
        return keyword.model_copy(update={"value": self.expression(keyword.value, context)})

    def _expectation(self, expr: Expectation, context: Context) -> Expr:
        binders, over = self._over_data(expr)
        if over is not None:
            expr = expr.model_copy(update=over)
        data = self._data_of(expr, context)
        inner = context._replace(data=data)
        if data is not None:
            columns = frozenset(c.name for c in self.symbols.datasets().get(data, ()))
            inner = inner._replace(local=context.local - columns)
        explicit, inner = self.binders(binders, inner)
        condition = expr.condition
        if condition is not None:
            condition = self.expression(condition, inner)
        return expr.model_copy(
            update={
                "binders": explicit,
                "dataset": data,
                "body": self.expression(expr.body, inner),
                "condition": condition,
            }
        )

    def _over_data(self, expr: Expectation) -> tuple[tuple[Binder, ...], dict[str, object] | None]:
        """`E[.. for (a, b) in train]` is `E[.. on train]` with the columns renamed."""
        if len(expr.binders) != 1 or expr.dataset is not None:
            return expr.binders, None
        binder = expr.binders[0]
        data = self._is_dataset(binder.domain)
        columns = self.symbols.datasets().get(data or "", ())
        if data is None or binder.condition is not None or len(binder.names) > len(columns):
            return expr.binders, None
        values: dict[str, Expr] = {
            name: Name(id=column.name, span=binder.span)
            for name, column in zip(binder.names, columns, strict=False)
            if name != column.name
        }
        update: dict[str, object] = {
            "body": substitute(expr.body, values),
            "binders": (),
            "dataset": data,
            "dataset_span": binder.domain.span,
        }
        if expr.condition is not None:
            update["condition"] = substitute(expr.condition, values)
        return (), update

    # --- data ---

    def dataset(self, name: str, span: Span) -> str:
        """The dataset a name means; `train` is the implied data. Unknown names are findings."""
        if name == "train" and "data" in self.symbols.implied:
            return "data"
        return name

    def _is_dataset(self, expr: Expr) -> str | None:
        if not isinstance(expr, Name):
            return None
        name = self.dataset(expr.id, expr.span)
        return name if name in self.symbols.datasets() else None

    def _data_of(self, expr: Expectation, context: Context) -> str | None:
        """The dataset of an expectation, by the rule "Which data"; None where it is over points."""
        bound = context.local if context.data is None else context.local - self._columns(context)
        local = bound | frozenset(n for binder in expr.binders for n in binder.names)
        if expr.dataset is not None:
            self.measured += 1
            name = self.dataset(expr.dataset, expr.dataset_span)
            if context.on is not None and name != context.on:
                self._two_datasets(expr, context)
            return name
        parts = (expr.body,) if expr.condition is None else (expr.body, expr.condition)
        touches = any(self.reach.touches(part, local, inside=True) for part in parts)
        if expr.binders and not touches:
            return None
        return self._default(expr.span, context, expr)

    def _columns(self, context: Context) -> frozenset[str]:
        columns = self.symbols.datasets().get(context.data or "", ())
        return frozenset(column.name for column in columns)

    def _default(self, span: Span, context: Context, expr: Expr | None) -> str | None:
        self.measured += 1
        if context.on is not None:
            return context.on
        default = self.symbols.default_dataset
        if default is None:
            self._ask_data(span, context, expr)
        return default

    def _ask_data(self, span: Span, context: Context, expr: Expr | None) -> None:
        if span in self._asked or (context.let and self.symbols.datasets()):
            return
        self._asked.add(span)
        text = quoted(self.source, span)
        names = tuple(self.symbols.datasets())
        if not names:
            self.found.append(
                Diagnostic(
                    code="CS306",
                    message=f"{text} is a mean over data, and this spec has none",
                    span=span,
                    label="a mean over what?",
                    helps=(
                        "add a line `data train(x, y)` for data bound from outside",
                        "or say which points: `E[... for t in uniform(0, 1).sample(100)]`",
                    ),
                )
            )
            return
        end = Span(span.end - 1, span.end - 1)
        fixes: tuple[Fix, ...] = ()
        if isinstance(expr, Expectation):
            fixes = tuple(
                Fix(span=end, replacement=f" on {name}", title=f"measure on `{name}`")
                for name in names
            )
        elif expr is None:
            written = self.source.slice(span)
            fixes = tuple(
                Fix(span=span, replacement=f"E[{written} on {name}]", title=f"measure on `{name}`")
                for name in names
            )
        self.found.append(
            Diagnostic(
                code="CS306",
                message=f"{text} does not say which data it is measured on",
                span=span,
                label=f"over {listing(names)}?",
                notes=("with several datasets, and none called `train`, both are possible",),
                helps=tuple(f"write {_named(self.source, span, expr, name)}" for name in names),
                fixes=fixes,
            )
        )

    def _two_datasets(self, expr: Expectation, context: Context) -> None:
        self.found.append(
            Diagnostic(
                code="CS318",
                message=f"{quoted(self.source, expr.span)} names `{expr.dataset}`, the constraint "
                f"says `on {context.on}`",
                span=expr.dataset_span if expr.dataset_span != NOWHERE else expr.span,
                label=f"measured on `{expr.dataset}`",
                related=(Label(span=context.on_span, text=f"measured on `{context.on}`"),),
                notes=("`on` behind a constraint is the same as `on` in each of its expectations",),
                helps=("keep one of the two",),
            )
        )

    def nothing_measured(self, on: On, constraint: Constraint) -> None:
        """`on D` behind a constraint that measures nothing on data."""
        self.found.append(
            Diagnostic(
                code="CS319",
                message=f"`on {on.dataset}` has nothing to act on",
                span=on.span,
                label="no mean and no rate in this constraint",
                related=(Label(span=constraint.relation.span, text="does not depend on data"),),
                notes=("`on` says where `E[...]` and `P[...]` are measured",),
                helps=(f"remove `on {on.dataset}`",),
                fixes=(Fix(span=on.span, replacement="", title="remove it", safe=True),),
            )
        )

    # --- models ---

    def _only_model(self, name: Name, what: str) -> str | None:
        models = self.symbols.named_models
        if len(models) == 1:
            return models[0]
        if name.span in self._asked:
            return None
        self._asked.add(name.span)
        if not models:
            self.found.append(
                Diagnostic(
                    code="CS308",
                    message=f"`{name.id}` needs a model, and this spec has none",
                    span=name.span,
                    label=f"{what} of which model?",
                    helps=("add a line `model f` for a model bound from outside",),
                )
            )
            return None
        forms = tuple(_model_form(name.id, model) for model in models)
        self.found.append(
            Diagnostic(
                code="CS308",
                message=f"`{name.id}` does not say which model it is about",
                span=name.span,
                label=f"{what} of {listing(models)}?",
                notes=(f"a bare `{name.id}` is clear only with exactly one model",),
                helps=tuple(f"write `{form}`" for form in forms),
                fixes=tuple(
                    Fix(span=name.span, replacement=form, title=f"use `{model}`")
                    for form, model in zip(forms, models, strict=True)
                ),
            )
        )
        return None

    def _inputs(self, model: str, data: str | None, span: Span) -> Expr:
        item = self.symbols.models()[model]
        columns = tuple(c.name for c in self.symbols.datasets().get(data or "", ()))
        names = item.arguments or (("x",) if "x" in columns or not columns else columns[:1])
        arguments = tuple(Name(id=argument, span=span) for argument in names)
        return Call(function=Name(id=model, span=span), arguments=arguments, span=span)

    def _loss(self, name: Name, context: Context) -> Expr:
        model = self._only_model(name, "the loss")
        if model is None:
            return name
        data = context.data
        inside = data is not None
        if not inside:
            data = self._default(name.span, context, name)
        columns = tuple(c.name for c in self.symbols.datasets().get(data or "", ()))
        second = columns[1] if len(columns) > 1 else "y"
        target = "y" if "y" in columns or not columns else second
        outputs = self._inputs(model, data, name.span)
        loss = Call(
            function=name,
            arguments=(outputs, Name(id=target, span=name.span)),
            span=name.span,
        )
        if inside:
            return loss
        meaning = f"E[{name.id}({_plain(outputs)}, {target}) on {data}]"
        self.notes.append((name.span, name.id, meaning))
        return Expectation(kind="E", body=loss, dataset=data, span=name.span)

    def _classifier(self, name: Name, context: Context) -> Expr:
        model = self._only_model(name, "the prediction")
        if model is None:
            return name
        data = context.data or self.symbols.default_dataset
        outputs = self._inputs(model, data, name.span)
        return Call(function=name, arguments=(outputs,), span=name.span)

    def _applied(self, name: Name, context: Context) -> Expr:
        """`u` for `u(t, x)` where the declared arguments are bound."""
        arguments = self.symbols.models()[name.id].arguments
        reached = context.local | self._columns(context)
        if not arguments or not reached.issuperset(arguments):
            return name
        return Call(
            function=name,
            arguments=tuple(Name(id=argument, span=name.span) for argument in arguments),
            span=name.span,
        )

    # --- the rest ---

    def _inlined(self, word: str, context: Context) -> bool:
        """Whether a let must be inlined here: its use decides its data, or mean or each."""
        if not self.reach.undecided(word):
            return False
        if context.data is not None and self.reach.bare(word):
            return True
        return context.on is not None or self.symbols.default_dataset is None

    def _risk(self, call: Call, context: Context) -> Expr:
        """`cvar(ce, 0.9)`: the examples of the data in force, as a setting `on=D`."""
        if context.data is not None or any(k.name == "on" for k in call.keywords):
            data = context.data
        else:
            data = self._default(call.span, context, call)
        inner = context._replace(data=data)
        arguments = tuple(self.expression(argument, inner) for argument in call.arguments)
        keywords = call.keywords
        if data is not None and not any(k.name == "on" for k in keywords):
            on = Keyword(name="on", value=Name(id=data, span=call.span), span=call.span)
            keywords = (*keywords, on)
        return call.model_copy(update={"arguments": arguments, "keywords": keywords})

    def _averaged(self, expr: Expr) -> Expr:
        """Wrap what has one value an example into its mean over the training data."""
        if not self.reach.touches(expr, frozenset()):
            return expr
        if isinstance(expr, Sum):
            touched = [self.reach.touches(o, frozenset()) for o in expr.operands]
            if not all(touched):
                operands = tuple(self._averaged(operand) for operand in expr.operands)
                return expr.model_copy(update={"operands": operands})
        data = self._default(expr.span, Context(), None)
        written = " ".join(self.source.slice(expr.span).split())
        self.notes.append((expr.span, written, f"E[{written} on {data}]"))
        return Expectation(kind="E", body=expr, dataset=data, span=expr.span)


def _model_form(word: str, model: str) -> str:
    if word in LOSSES:
        return f"E[{word}({model}(x), y)]"
    return f"{word}({model}(x))"


def _plain(call: Expr) -> str:
    if isinstance(call, Call) and isinstance(call.function, Name):
        inside = ", ".join(a.id for a in call.arguments if isinstance(a, Name))
        return f"{call.function.id}({inside})"
    return ""


def _named(source: Source, span: Span, expr: Expr | None, name: str) -> str:
    """The text of an expression with its data named."""
    text = " ".join(source.slice(span).split())
    match expr:
        case Expectation():
            return f"`{text[:-1]} on {name}]`"
        case None:
            return f"`E[{text} on {name}]`"
        case _:
            return f"`{text} on {name}` behind the constraint"
