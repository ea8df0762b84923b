"""State, the loss of objective and constraints, their units, and multiplier updates, as Python."""

import ast
from collections.abc import Container, Iterator, Sequence, Set
from itertools import groupby

from cspec.compiler.emit.each_example import write_state
from cspec.compiler.emit.expressions import Translator
from cspec.compiler.emit.expressions.means import remembered
from cspec.compiler.emit.pieces import called, constant, exact, method, parsed, subscript
from cspec.compiler.emit.writer import Writer
from cspec.compiler.methods.units import CAP, LEAST
from cspec.compiler.records.graph import (
    FORMULA_FUNCTIONS,
    Kind,
    Operation,
    StateFacts,
    names_in,
    parse_formula,
)
from cspec.compiler.records.lowered import FunctionalRule, Lowered

MULTIPLIERS = "multipliers"


class RuleNames:
    """Where a rule's quantities are in the module: state keys, and its slice of the vectors."""

    def __init__(self, rule: FunctionalRule, alone: bool) -> None:
        self.rule = rule
        self.alone = alone
        self.states = {state.name: state for state in rule.fragment.state}

    def key(self, state: str) -> str:
        """The state entry: all rules share one `multipliers` vector, the rest is their own."""
        return state if self.alone or state == MULTIPLIERS else f"{self.rule.rule.name}.{state}"

    def part(self, vector: ast.expr) -> ast.expr:
        """The rule's entries of a vector over all constraints."""
        if self.alone:
            return vector
        bounds = ast.Slice(lower=constant(self.rule.start), upper=constant(self.rule.stop))
        return subscript(vector, bounds)

    def read(self, state: str) -> ast.expr:
        """The rule's entries of a state vector."""
        value = subscript(ast.Name(id="state"), ast.Constant(self.key(state)))
        return self.part(value) if state == MULTIPLIERS else value


def names_of(rules: Sequence[FunctionalRule]) -> list[RuleNames]:
    """Each rule with its names."""
    return [RuleNames(rule, len(rules) == 1) for rule in rules]


def write_initial_state(lowered: Lowered, writer: Writer) -> None:
    """`initial_state()`, where the updates remember anything."""
    rules, size = lowered.rules, lowered.size
    if not lowered.examples and not any(rule.fragment.state for rule in rules):
        return
    doc = ["Multipliers and what else the updates remember, at the start."]
    with writer.function("initial_state", (), doc), writer.block("return {", "}"):
        shared = [s for r in rules for s in r.fragment.state if s.name == MULTIPLIERS]
        if shared:
            start = parsed(_multipliers(rules, size))
            writer.entry(MULTIPLIERS, start)
        for names in names_of(rules):
            for state in names.rule.fragment.state:
                if state.name != MULTIPLIERS:
                    writer.entry(names.key(state.name), _start(state), state.meaning)
        write_state(lowered.examples, writer)


def _multipliers(rules: Sequence[FunctionalRule], size: int) -> str:
    starts = {
        rule.rule.name: state.start
        for rule in rules
        for state in rule.fragment.state
        if state.name == MULTIPLIERS
    }
    if not any(starts.values()):
        return f"torch.zeros({size})"
    values = [
        float(starts.get(rule.rule.name) or 0.0)  # type: ignore[arg-type]
        for rule in rules
        for _ in range(rule.rule.size)
    ]
    return f"torch.tensor({values})"


def _start(state: StateFacts) -> ast.expr:
    if isinstance(state.start, tuple):
        numbers: list[ast.expr] = [exact(value) for value in state.start]
        return method("torch", "tensor", ast.List(elts=numbers))
    size = ast.Constant(state.size)
    if state.start == 0:
        return method("torch", "zeros", size)
    return method("torch", "full", ast.Tuple(elts=[size]), exact(state.start))


def write_combine(
    rules: Sequence[FunctionalRule], translator: Translator, by_value: bool, averaged: Set[str]
) -> bool:
    """`combine(f, g, true, state)`: the loss with the Lagrangian's gradient, of rules.

    With `by_value` the loss is the Lagrangian itself (line searches look at values), else
    f + <weights, g> with constant weights, which has the same gradient for less. `averaged`: labels
    of requirements on means over late steps. What has a kink in these takes its weight from the
    `batch`, which remembers it: whether that is an argument, too, is given back.
    """
    if not rules:
        return False  # the loss is what is minimized
    writer = translator.writer
    doc = [rule.combine.meaning for rule in rules]
    named = names_of(rules)
    late = {names.rule.rule.name: _kinked(names, translator, averaged) for names in named}
    on_batch = any(late.values())
    more = ("batch",) if on_batch else ()
    with writer.function("combine", ("f", "g", "true", "state", *more), doc):
        shares = [
            f"{_combined(names, 'objective')}[0]"
            for names in named
            if names.rule.fragment.scales_objective
        ]
        terms = [" * ".join([*shares, "f"])]
        for names in named:
            if late[names.rule.rule.name]:
                terms += late[names.rule.rule.name]
            elif by_value:
                terms.append(f"total({_combined(names, 'value')})")
            else:
                g = ast.unparse(names.part(ast.Name(id="g")))
                terms.append(f"weigh({_combined(names, 'weight')}, {g})")
        writer.give(parsed(" + ".join(terms)))
    return on_batch


def _kinked(names: RuleNames, translator: Translator, averaged: Set[str]) -> list[str]:
    """The terms of a rule with a kink in means over late steps; none of any other rule."""
    rule = names.rule
    if not any(u.target == "kinked" for u in rule.combine.updates):
        return []
    if not any(part.constraint.full_label in averaged for part in rule.parts):
        return []
    entries = [(part, place) for part in rule.parts for place in range(part.start, part.stop)]
    terms = []
    for (late, equal), group in groupby(
        entries,
        lambda e: (e[0].constraint.full_label in averaged, rule.rule.equalities[e[1] - rule.start]),
    ):
        (first, start), *others = group
        stop = start + 1 + len(others)
        g, true = (f"{vector}[{start}:{stop}]" for vector in ("g", "true"))
        if not late:
            within = f"[{start - rule.start}:{stop - rule.start}]"
            terms.append(f"weigh(({_combined(names, 'weight')}){within}, {g})")
            continue
        label = first.constraint.full_label
        where = ", ".join(map(ast.unparse, remembered(translator, label)))
        sign = ", equal=True" if equal else ""
        amount = f"late_violation(stands_in({true}, {g}), {where}{sign})"
        terms.append(f"{_combined(names, 'kinked')} * {amount}")
    return terms


def _combined(names: RuleNames, target: str) -> str:
    """What a rule's COMBINE gives a target: the factor of f, a weight of g, a value."""
    operation = names.rule.combine
    formula = next(u.formula for u in operation.updates if u.target == target)
    return ast.unparse(inline(formula, operation, names, vectors=("g", "true")))


def dual_operations(rule: FunctionalRule) -> list[Operation]:
    """A rule's dual and penalty steps that are functions of the module."""
    kinds = (Kind.DUAL_STEP, Kind.PENALTY_STEP, Kind.RESET, Kind.SETTLE)
    return [op for op in rule.fragment.operations if op.kind in kinds and op.updates]


def write_dual_step(names: RuleNames, operation: Operation, writer: Writer) -> None:
    """One dual step: locals in, formulas in order, state out. NaN entries keep what they had.

    What settles multipliers at the end looks at the state alone.
    """
    rule, seen = names.rule, seen_by(operation)
    settles = operation.kind is Kind.SETTLE
    arguments = ("state",) if settles else ("state", seen)
    with writer.function(operation.name, arguments, [operation.meaning]):
        if not names.alone and not settles:
            writer.assign(seen, names.part(ast.Name(id=seen)))
        used = {u.target for u in operation.updates}.union(
            *(names_in(u.formula) for u in operation.updates)
        )
        for state in (state for state in names.states if state in used):
            writer.assign(state, names.read(state))
        for index, update in enumerate(operation.updates):
            value = inline(update.formula, operation, names, vectors=())
            if update.target not in names.states:
                writer.assign(update.target, value)
                continue
            if names.states[update.target].size == rule.rule.size and not settles:
                value = called("keep", ast.Name(id=seen), value, ast.Name(id=update.target))
            later = operation.updates[index + 1 :]
            read_later = any(update.target in names_in(u.formula) for u in later)
            set_later = any(update.target == u.target for u in later)
            if read_later or set_later:
                writer.assign(update.target, value)
            if not set_later:
                final = ast.Name(id=update.target) if read_later else value
                writer.assign(ast.unparse(names.read(update.target)), final)


def seen_by(operation: Operation) -> str:
    """What a dual step moves by: the true constraints, or `g`, what the model's step sees."""
    return "g" if operation.sees == "surrogate" else "true"


def inline(
    formula: str, operation: Operation, names: RuleNames, vectors: tuple[str, ...]
) -> ast.expr:
    """A formula with constants as numbers and torch functions by their full name.

    `vectors` are the function arguments that hold all rules' entries; with them, state is read
    in place too (in a dual step it is in locals already).
    """

    class Inline(ast.NodeTransformer):
        def visit_Call(self, node: ast.Call) -> ast.AST:
            assert isinstance(node.func, ast.Name)
            if node.func.id in FORMULA_FUNCTIONS:
                node.func = ast.Attribute(value=ast.Name(id="torch"), attr=node.func.id)
            node.args = [self.visit(argument) for argument in node.args]
            return node

        def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
            left, right = self.visit(node.left), self.visit(node.right)
            if isinstance(node.op, ast.Mult) and isinstance(left, ast.Constant) and left.value == 1:
                return right  # type: ignore[no-any-return]
            return ast.BinOp(left, node.op, right)

        def visit_Name(self, node: ast.Name) -> ast.AST:
            if node.id in operation.constants:
                return constant(operation.constants[node.id])
            if node.id in vectors:
                return names.part(node)
            if vectors and node.id in names.states:
                return names.read(node.id)
            if not vectors and node.id == "true":
                return ast.Name(id=seen_by(operation))
            return node

    result = Inline().visit(parse_formula(formula))
    assert isinstance(result, ast.expr)
    return result


def has_units(lowered: Lowered) -> bool:
    """Whether a method works in the units of the problem."""
    return bool(lowered.operations(Kind.UNITS))


def write_units(lowered: Lowered, translator: Translator) -> None:
    """`units_of_lagrangian(state, f, g, true, session.parameters)`, on the first steps."""
    writer = translator.writer
    for operation, rule in lowered.operations(Kind.UNITS):
        own = {state.name for state in rule.fragment.state}
        condition = f"session.step <= {int(operation.options['steps'])}"
        if operation.options["every"] > 1:
            condition += f" and session.step % {int(operation.options['every'])} == 1"
        with writer.block(f"if {condition}:"):
            more = ", session.step" if _dilutes(operation, own) else ""
            writer.call(
                f"{operation.name}(state, f, g, true, session.parameters, "
                f"gradient_rate(optimizer){more})"
            )


def write_unit_functions(lowered: Lowered, translator: Translator) -> None:
    """The first penalty, or dual step, in the units of the problem."""
    writer = translator.writer
    for operation, rule in lowered.operations(Kind.UNITS):
        names = RuleNames(rule, len(lowered.rules) == 1)
        own = {name: ast.unparse(names.read(name)) for name in names.states}
        part = {name: ast.unparse(names.part(ast.Name(id=name))) for name in ("g", "true")}
        dilutes = _dilutes(operation, own)
        arguments = ("state", "f", "g", "true", "parameters", "rate", *(["step"] * dilutes))
        with writer.function(operation.name, arguments, [operation.meaning]):
            writer.line(f"steep = torch.maximum({own['slope']}, slopes({part['g']}, parameters))")
            writer.line(f"pull = torch.maximum({own['pull']}, slopes(f, parameters))")
            amount = f"torch.nan_to_num({part['true']})"
            over = _violated(rule, amount, own)
            writer.line(f"far = torch.maximum({own['far']}, {over}.to(steep))")
            writer.line(f"large = torch.maximum({own['large']}, {amount}.abs().to(steep))")
            factor = operation.options["factor"]
            times = "" if factor == 1 else f"{factor:.6g} * "
            if "share" in own:
                times += f"{own['share']} * "
            if "price" in operation.options:
                writer.line(f"first = {times}torch.where(pull > 0, pull, 1.0) / steep")
            else:
                writer.line("size = size_of(parameters)")
                writer.line(f"slope = torch.maximum(steep, {LEAST:g} * large / size.clamp(1))")
                writer.line("drive = torch.where(pull > 0, pull, 1.0)")
                writer.line(
                    f"stable = {operation.options['stable']:g} / (rate * len(steep) * steep**2)"
                )
                ours = f"{times}drive / (size * slope + far) / slope"
                if "full" in operation.options:
                    least = f"{operation.options['full']:g} / torch.clamp(large, 1e-12)**2"
                    ours = f"torch.maximum({ours}, {least})"
                if dilutes:
                    # What no batch measures does not pull: seldom, with so much less of its weight.
                    writer.line(f"seen = {own['measured']} + (~torch.isnan({part['true']}))")
                    writer.line(f"first = {ours}")
                    ours = "step / torch.clamp(seen, 1) * first"
                writer.line(f"first = torch.minimum({ours}, stable)")
            for line in _assigned(operation, own):
                writer.line(line)


def _dilutes(operation: Operation, own: Container[str]) -> bool:
    """Whether a first penalty is divided by the share of the batches that measure its g."""
    return "measured" in own and "price" not in operation.options


def _violated(rule: FunctionalRule, amount: str, own: dict[str, str]) -> str:
    match rule.rule.relation:
        case "==":
            return f"{amount}.abs()"
        case "<=":
            return f"torch.relu({amount})"
        case _:
            return f"torch.where({own['floor']} < 0, {amount}.abs(), torch.relu({amount}))"


def _assigned(operation: Operation, own: dict[str, str]) -> Iterator[str]:
    yield f"{own['slope']}, {own['pull']} = steep, pull"
    yield f"{own['far']}, {own['large']} = far, large"
    target, *copies = operation.targets
    yield f"{own[target]} = torch.where(steep > 0, first, 0.0)"
    if "most" in operation.options:
        yield f"{own['most']} = torch.full_like(steep, {operation.options['most']:g})"
        yield f"{own[target]} = torch.minimum({own[target]}, {own['most']})"
    elif "most" in own:
        yield f"{own['most']} = torch.minimum({CAP:g} * {own[target]}, stable)"
    for name in copies:
        yield f"{own[name]} = {own[target]}"


def write_settled(lowered: Lowered, translator: Translator) -> None:
    """After the loop: the multipliers that are told."""
    for operation, _ in lowered.operations(Kind.SETTLE):
        translator.writer.line(f"{operation.name}(state)")
    translator.writer.line("session.tell()")
