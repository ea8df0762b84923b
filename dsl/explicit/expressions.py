"""Make expressions explicit: losses, predictions, model arguments, the data of expectations."""

from operator import is_
from typing import NamedTuple

from cspec.dsl.explicit.measured_on import Reach
from cspec.dsl.explicit.point_forms import around_inputs, joint_points
from cspec.dsl.explicit.points import noise_of
from cspec.dsl.explicit.questions import (
    examples_as_columns,
    no_data,
    nothing_measured,
    two_datasets,
    which_data,
    which_model,
)
from cspec.dsl.explicit.worst_example import joint
from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.dsl.names.symbols import Symbols
from cspec.dsl.text.source import NOWHERE, Source, Span
from cspec.dsl.tree import nodes
from cspec.dsl.tree.rebuild import N, bound_names, column_of, names, rebuild, substitute
from cspec.dsl.values.shapes import ONE_NUMBER, OVER_ENTRIES
from cspec.dsl.words.functions import SIGNATURES
from cspec.dsl.words.losses import LOSSES

_TAKES_MODEL = frozenset({s.name for s in SIGNATURES.values() if s.family == "model"})
_UNTOUCHED = _TAKES_MODEL | {"violation"}
"""Words whose argument is no expression: a model, the label of a constraint."""
_RISK = frozenset({"cvar", "quantile"})
_OF_GROUPS = OVER_ENTRIES | ONE_NUMBER | {"max", "min"}
"""Functions of the entries of a vector: where that is no tensor, of one number a group."""


class Surroundings(NamedTuple):
    """Where an expression stands.

    `local` are names bound by quantifiers; `data` the dataset whose examples are in reach; `on`
    the dataset that a modifier asks for; `let` is true in the body of a `let`.
    """

    local: frozenset[str] = frozenset()
    data: str | None = None
    on: str | None = None
    on_span: Span = NOWHERE
    let: bool = False


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

    def binders(
        self, binders: tuple[nodes.Binder, ...], context: Surroundings
    ) -> tuple[tuple[nodes.Binder, ...], Surroundings]:
        """Quantifiers made explicit, and the context of what they hold over."""
        explicit = []
        for binder in binders:
            binder = self._by_name(binder)
            domain = self.expression(binder.domain, context)
            data = self._is_dataset(domain)
            if data is not None and isinstance(domain, nodes.Name):
                domain = domain.changed(id=data)
                context = context._replace(data=data)
            local = context.local | frozenset(binder.names)
            context = context._replace(local=local)
            condition = binder.condition
            if condition is not None:
                condition = self.expression(condition, context)
            explicit.append(binder.changed(domain=domain, condition=condition))
        found = tuple(explicit)
        if context.data is None:  # beside examples points are noise, a set for each name
            found = joint_points(found, self.symbols.domains())
        return found, context

    # --- expressions ---

    def expression(self, expr: nodes.Expr, context: Surroundings) -> nodes.Expr:
        """An expression made explicit."""
        match expr:
            case nodes.Name():
                return self._name(expr, context)
            case nodes.Call():
                return self._call(expr, context)
            case nodes.Attribute(value=nodes.Name(id=name)) if self.symbols.role(name) == "model":
                return expr
            case nodes.Expectation():
                return self._expectation(expr, context)
            case nodes.Comprehension():
                expr = around_inputs(expr, self.symbols.column_names)
                binders, inner = self.binders(expr.binders, context)
                body = self.expression(expr.body, inner)
                return joint(expr.changed(binders=binders, body=body))
        return rebuild(expr, lambda node: self._node(node, context))

    def _node(self, node: nodes.Node, context: Surroundings) -> nodes.Node:
        if isinstance(node, nodes.Expr):
            return self.expression(node, context)
        return rebuild(node, lambda inner: self._node(inner, context))

    def _name(self, name: nodes.Name, context: Surroundings) -> nodes.Expr:
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
                return self.loss(name, context)
            if word in ("pred", "prob"):
                return self._classifier(name, context)
        return name

    def _call(self, call: nodes.Call, context: Surroundings) -> nodes.Expr:
        function = call.function
        if isinstance(function, nodes.Name):
            word = function.id
            role = self.symbols.role(word)
            if role == "let" and self._inlined(word, context):
                item = self.symbols.lets()[word]
                parameters = item.parameters or ()
                if len(parameters) == len(call.arguments) and not call.keywords:
                    values = dict(zip(parameters, call.arguments, strict=True))
                    return self.expression(substitute(item.value, values), context)
            if word in _UNTOUCHED and role is None:
                return call
            if word in _RISK and role is None:
                return self._risk(call, context)
        elif isinstance(function, nodes.Attribute) and not isinstance(function.value, nodes.Name):
            function = function.changed(value=self.expression(function.value, context))
        arguments = tuple(self.expression(argument, context) for argument in call.arguments)
        word = function.id if isinstance(function, nodes.Name) else ""
        of_two = word in ("max", "min") and len(arguments) > 1
        if word in _OF_GROUPS and arguments and not of_two:  # its first argument is a vector
            arguments = (_in_groups(arguments[0]), *arguments[1:])
        keywords = tuple(self._keyword(keyword, context) for keyword in call.keywords)
        same = function is call.function and all(map(is_, arguments, call.arguments))
        if same and all(map(is_, keywords, call.keywords)):
            return call
        return call.changed(function=function, arguments=arguments, keywords=keywords)

    def _keyword(self, keyword: nodes.Keyword, context: Surroundings) -> nodes.Keyword:
        if isinstance(keyword.value, nodes.Name | nodes.Call):
            return keyword
        return keyword.changed(value=self.expression(keyword.value, context))

    def _expectation(self, expr: nodes.Expectation, context: Surroundings) -> nodes.Expr:
        binders, over = self._over_data(expr)
        if over is not None:
            expr = expr.model_copy(update=over)
        elif binders and (of_each := self._of_each(expr, context)) is not None:
            return of_each
        data = self._data_of(expr, context)
        inner = context._replace(data=data)
        if data is not None:
            inner = inner._replace(local=context.local.difference(self._listed(data)))
        explicit, inner = self.binders(binders, inner)
        return expr.changed(
            binders=explicit,
            dataset=data,
            dataset_span=self._written(expr, data, context),
            body=self.expression(expr.body, inner),
            conditions=tuple(self.expression(c, inner) for c in expr.conditions),
        )

    def _of_each(self, expr: nodes.Expectation, context: Surroundings) -> nodes.Expr | None:
        """A mean over a set that is one number an example; None of a mean over points alone.

        Where examples are in reach it is that of each, `mean(e for a in S)`; outside, the mean of
        noise beside data is the mean over the examples of that of each.
        """
        bound = bound_names(expr.binders)
        if any(names(c) & bound for c in expr.conditions):
            return None
        drawn = [noise_of(b, self.symbols.domains()) for b in expr.binders]
        nested = context.data is not None and expr.dataset is None and not expr.conditions
        if not nested and not any(drawn):
            return None
        reached = (context.local | self._columns(context)) - bound if nested else frozenset()
        touches = bool(names(expr.body) & reached)
        if not touches and not self.reach.touches(self._opened(expr.body), bound, inside=True):
            return None
        binders = tuple(
            one
            for binder, found in zip(expr.binders, drawn, strict=True)
            for one in (found or (binder,))
        )
        each = nodes.Comprehension(function="mean", body=expr.body, binders=binders, span=expr.span)
        if nested:
            return self.expression(each, context)
        outer = expr.changed(kind="E", body=each, binders=())
        return self._expectation(outer, context)

    def _opened(self, node: N) -> N | nodes.Comprehension:
        """What is averaged, with means over noise that stand in it as those of each example."""
        changed = rebuild(node, self._opened)
        if isinstance(changed, nodes.Expectation) and changed.dataset is None and changed.binders:
            return nodes.Comprehension(function="mean", body=changed.body, binders=changed.binders)
        return changed

    @staticmethod
    def _written(expr: nodes.Expectation, data: str | None, context: Surroundings) -> Span:
        """Where the data of an expectation are named: in it, or by `on D` behind the constraint."""
        named = expr.dataset is not None or data is None
        return expr.dataset_span if named else context.on_span

    def _over_data(
        self, expr: nodes.Expectation
    ) -> tuple[tuple[nodes.Binder, ...], dict[str, object] | None]:
        """`E[.. for (a, b) in train where c]` is `E[.. | c on train]` with the columns renamed."""
        if len(expr.binders) != 1 or expr.dataset is not None:
            return expr.binders, None
        binder = self._by_name(expr.binders[0])
        data = self._is_dataset(binder.domain)
        columns = self.symbols.datasets().get(data or "", ())
        if data is None or len(binder.names) > len(columns):
            return expr.binders, None
        where = () if binder.condition is None else (binder.condition,)
        values: dict[str, nodes.Expr] = {
            name: nodes.Name(id=column.name, span=binder.span)
            for name, column in zip(binder.names, columns, strict=False)
            if name != column.name
        }
        update: dict[str, object] = {
            "body": substitute(expr.body, values),
            "binders": (),
            "dataset": data,
            "dataset_span": binder.domain.span,
            "conditions": tuple(substitute(c, values) for c in (*expr.conditions, *where)),
        }
        return (), update

    def _by_name(self, binder: nodes.Binder) -> nodes.Binder:
        """`(y, x) in train`, `(x, t) in q.sample(9)`: columns and axes are bound by their names."""
        places = self.symbols.places(binder.domain)
        if self._is_dataset(binder.domain) is not None:
            self.found += examples_as_columns(self.source, binder, places)
        last = max((places.index(n) + 1 if n in places else 0 for n in binder.names), default=0)
        known = set(binder.names) <= set(places) and len(set(binder.names)) == len(binder.names)
        if not known or (last > len(binder.names) and self._is_dataset(binder.domain) is None):
            return binder
        return binder.changed(names=places[:last])

    # --- data ---

    def dataset(self, name: str) -> str:
        """The dataset a name means; `train` is the implied data. Unknown names are findings."""
        if name == "train" and "data" in self.symbols.implied:
            return "data"
        return name

    def _is_dataset(self, expr: nodes.Expr) -> str | None:
        if not isinstance(expr, nodes.Name):
            return None
        name = self.dataset(expr.id)
        return name if name in self.symbols.datasets() else None

    def _data_of(self, expr: nodes.Expectation, context: Surroundings) -> str | None:
        """The dataset of an expectation, by the rule "Which data"; None where it is over points."""
        bound = context.local if context.data is None else context.local - self._columns(context)
        local = bound | bound_names(expr.binders)
        if expr.dataset is not None:
            self.measured += 1
            name = self.dataset(expr.dataset)
            if context.on is not None and name != context.on:
                found = two_datasets(self.source, expr, context.on, context.on_span)
                self.found.append(found)
            return name
        parts = (expr.body, *expr.conditions)
        touches = any(self.reach.touches(part, local, inside=True) for part in parts)
        if expr.binders and not touches:
            return None
        if context.on is None and context.data not in (None, self.symbols.default_dataset):
            # Inside a mean over other data: over those, or over the usual ones?
            self._ask_data(expr.span, context, expr)
        return self.default(expr.span, context, expr)

    def _columns(self, context: Surroundings) -> frozenset[str]:
        return frozenset(self._listed(context.data))

    def _listed(self, data: str | None) -> tuple[str, ...]:
        """The columns of a dataset in their order."""
        return tuple(column.name for column in self.symbols.datasets().get(data or "", ()))

    def default(self, span: Span, context: Surroundings, expr: nodes.Expr | None) -> str | None:
        """The dataset of what names none; asks where there are several."""
        self.measured += 1
        if context.on is not None:
            return context.on
        default = self.symbols.default_dataset
        if default is None:
            self._ask_data(span, context, expr)
        return default

    def _ask_data(self, span: Span, context: Surroundings, expr: nodes.Expr | None) -> None:
        names = tuple(self.symbols.datasets())
        if span in self._asked or (context.let and names):
            return
        self._asked.add(span)
        if names:
            self.found.append(which_data(self.source, span, expr, names))
            return
        given = frozenset(n for n, s in self.symbols.table.items() if s.role == "given")
        domains = self.symbols.domains().values()
        self.found.append(no_data(self.source, span, expr, given, domains))

    def ask(self, found: Diagnostic) -> None:
        """A question of its own, once at its place."""
        if found.span not in self._asked:
            self._asked.add(found.span)
            self.found.append(found)

    def nothing_measured(self, on: nodes.On, constraint: nodes.Constraint) -> None:
        """`on D` behind a constraint that measures nothing on data."""
        self.found.append(nothing_measured(on, constraint))

    # --- models ---

    def _only_model(self, name: nodes.Name, what: str) -> str | None:
        models = self.symbols.named_models
        if len(models) == 1:
            return models[0]
        if name.span not in self._asked:
            self._asked.add(name.span)
            self.found.append(which_model(self.source, name, what, models))
        return None

    def _inputs(self, model: str, data: str | None, span: Span) -> nodes.Call:
        item = self.symbols.models()[model]
        columns = self._listed(data)
        names = item.arguments or (("x",) if "x" in columns or not columns else columns[:1])
        arguments = tuple(nodes.Name(id=argument, span=span) for argument in names)
        return nodes.Call(function=nodes.Name(id=model, span=span), arguments=arguments, span=span)

    def loss(self, name: nodes.Name, context: Surroundings) -> nodes.Expr:
        """A bare loss: one number an example where examples are in reach, else its mean."""
        model = self._only_model(name, "the loss")
        if model is None:
            return name
        data = context.data
        inside = data is not None
        if not inside:
            data = self.default(name.span, context, name)
        columns = self._listed(data)
        second = columns[1] if len(columns) > 1 else "y"
        target = "y" if "y" in columns or not columns else second
        outputs = self._inputs(model, data, name.span)
        arguments = (outputs, nodes.Name(id=target, span=name.span))
        loss = nodes.Call(function=name, arguments=arguments, span=name.span)
        if inside:
            return loss
        seen = ", ".join(a.id for a in outputs.arguments if isinstance(a, nodes.Name))
        meaning = f"E[{name.id}({model}({seen}), {target}) on {data}]"
        self.notes.append((name.span, name.id, meaning))
        place = context.on_span
        return nodes.Expectation(
            kind="E", body=loss, dataset=data, dataset_span=place, span=name.span
        )

    def _classifier(self, name: nodes.Name, context: Surroundings) -> nodes.Expr:
        model = self._only_model(name, "the prediction")
        if model is None:
            return name
        data = context.data or self.symbols.default_dataset
        outputs = self._inputs(model, data, name.span)
        return nodes.Call(function=name, arguments=(outputs,), span=name.span)

    def _applied(self, name: nodes.Name, context: Surroundings) -> nodes.Expr:
        """`u` for `u(t, x)` where the declared arguments are bound."""
        arguments = self.symbols.models()[name.id].arguments
        reached = context.local | self._columns(context)
        if not arguments or not reached.issuperset(arguments):
            return name
        inputs = tuple(nodes.Name(id=argument, span=name.span) for argument in arguments)
        return nodes.Call(function=name, arguments=inputs, span=name.span)

    # --- the rest ---

    def _inlined(self, word: str, context: Surroundings) -> bool:
        """Whether a let must be inlined here: its use decides its data, or mean or each."""
        if not self.reach.undecided(word):
            return False
        if context.data is not None and self.reach.let_holds_loss(word):
            return True
        return context.on is not None or self.symbols.default_dataset is None

    def _risk(self, call: nodes.Call, context: Surroundings) -> nodes.Expr:
        """`cvar(ce, 0.9)`: the examples of the data in force, as a setting `on=D`."""
        if context.data is not None or any(k.name == "on" for k in call.keywords):
            data = context.data
        else:
            data = self.default(call.span, context, call)
        inner = context._replace(data=data)
        arguments = tuple(self.expression(argument, inner) for argument in call.arguments)
        keywords = tuple(
            k.changed(value=self.expression(k.value, inner)) if k.name == "where" else k
            for k in call.keywords
        )
        if data is not None and not any(k.name == "on" for k in keywords):
            # The span of the call itself says that nobody wrote it.
            span = call.span if context.on is None else context.on_span
            on = nodes.Keyword(name="on", value=nodes.Name(id=data, span=span), span=span)
            keywords = (*keywords, on)
        return call.changed(arguments=arguments, keywords=keywords)


def _in_groups(expr: nodes.Expr) -> nodes.Expr:
    """What a function of groups is given: a column of true and false makes groups there, too."""
    if isinstance(expr, nodes.Expectation):
        lone = any(map(column_of, expr.conditions))
        return expr.changed(grouped=True) if lone else expr
    return rebuild(expr, _parts_in_groups)


def _parts_in_groups(node: nodes.Node) -> nodes.Node:
    return _in_groups(node) if isinstance(node, nodes.Expr) else rebuild(node, _parts_in_groups)
