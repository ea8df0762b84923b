"""Requirements on each example, as emitted: gather, weigh, scatter, and what an epoch ends with."""

import ast
from collections.abc import Sequence

from cspec.compiler.emit.expressions import Translator
from cspec.compiler.emit.writer import Writer
from cspec.compiler.methods.each_example import (
    BALANCE_STEPS,
    LATE,
    cap_of,
    climb_of,
    first_step,
    given_of,
    growth_of,
    is_damped,
    layers_of,
    state_of,
    unit_steps,
)
from cspec.compiler.records.lowered import EachRule, Lowered
from cspec.compiler.records.problem import Constraint, PerExample
from cspec.dsl.settings.methods import network_of


def each_value(each: PerExample, translator: Translator) -> ast.expr:
    """One number an example of the batch, NaN where nothing is asked of it."""
    with translator.over(each.dataset):
        arguments = [translator.translate(each.body), translator.any_column()]
        if each.condition is not None:
            arguments.append(translator.translate(each.condition))
    return translator.call("one_each", *arguments)


def each_followed(c: Constraint, translator: Translator) -> ast.expr:
    """The value of each example, with the gradient of its surrogate where it has one."""
    assert c.each is not None
    value = each_value(c.each, translator)
    if c.gradient_parts is None:
        return value
    (followed,) = c.gradient_parts
    assert isinstance(followed, PerExample)
    word = "broken_or_room" if c.true_or_false and c.soft is None else "stands_in"
    return translator.call(word, value, each_value(followed, translator))


def write_values(rules: Sequence[EachRule], translator: Translator) -> None:
    """The values of every rule, one an example of the batch, and the return of `measure_each`."""
    names = []
    for rule in rules:
        called = each_followed(rule.constraint, translator)
        comment = f"{rule.constraint.full_label}: {rule.constraint.text}"
        label = rule.constraint.full_label
        local = translator.local(("each", rule.name), rule.name, called, comment, label)
        names.append(f"{rule.name!r}: {local.id}")  # type: ignore[attr-defined]
    translator.writer.line(f"each = {{{', '.join(names)}}}")


def write_functions(lowered: Lowered, writer: Writer) -> None:
    """`weights_of_...` and what else each rule needs."""
    for rule in lowered.examples:
        if layers_of(rule):
            _by_network(rule, writer)
            continue
        _weights(rule, writer)
        if not rule.balanced:
            _growth(rule, writer)


def _by_network(rule: EachRule, writer: Writer) -> None:
    """The weights that a network gives; where they move, it climbs first."""
    label = rule.constraint.full_label
    lr, betas = climb_of(rule)
    doc = ["multipliers <- the network's of the batch's rows; it climbs mean g_i m_i first."]
    arguments = ("state", "columns", "rows", "values", "moves")
    cap = cap_of(rule)
    bound = "" if cap is None else f".clamp(-{cap!r}, {cap!r})"
    with writer.function(f"weights_of_{rule.name}", arguments, doc):
        layers = list(layers_of(rule))
        writer.text_line(
            f'weights = climb_network(state, "{label}", {layers}, columns, values, moves, '
            f"lr={lr!r}, betas={betas!r}, {_of_network(rule)}){bound}"
        )
        writer.line(f'state["{rule.multipliers}"][rows] = weights  # scatter')
        writer.line("return weights")


def _of_network(rule: EachRule) -> str:
    """What a network of multipliers is called with, whether it climbs or tells."""
    network = network_of(rule.constraint.method)
    assert network is not None
    share = f", rows={rule.rows}" if given_of(rule) is None else ""
    return f"act={network.act!r}{share}{_equal(rule)}"


def _equal(rule: EachRule) -> str:
    return ", equal=True" if rule.equality else ""


def _columns(rule: EachRule, batch: str) -> str:
    return f"[{', '.join(f'{batch}[{name!r}]' for name in rule.features)}]".replace("'", '"')


def _weights(rule: EachRule, writer: Writer) -> None:
    label = rule.constraint.full_label
    weight = f'multipliers + state["{label}.penalty"] * values.detach()'
    weight = weight if rule.equality else f"torch.relu({weight})"
    cap = cap_of(rule)
    if cap is not None:
        weight = f"({weight}).clamp(-{cap!r}, {cap!r})"
    bracket = "multipliers + c h" if rule.equality else "[multipliers + c g]+"
    size = "values.detach().abs()" if rule.equality else "torch.relu(values.detach())"
    doc = [f"weights <- {bracket} of the batch's rows; where they move, so do the multipliers."]
    if not is_damped(rule):
        doc = [f"multipliers <- {bracket} of the batch's rows: weights are the multipliers."]
    arguments = ("state", "rows", "values", "moves", "late")
    with writer.function(f"weights_of_{rule.name}", arguments, doc):
        writer.line(f'multipliers = state["{rule.multipliers}"][rows]  # gather')
        plain = "" if is_damped(rule) else " if moves else multipliers"
        writer.text_line(f"weights = keep(values, {weight}, multipliers){plain}")
        writer.line(f"worst = torch.nan_to_num({size}).max()")
        writer.line(f'state["{label}.worst"] = torch.maximum(state["{label}.worst"], worst)')
        with writer.block("if moves:"):
            writer.line(f'state["{rule.multipliers}"][rows] = weights  # scatter')
        with writer.block("if moves and late:"):
            writer.line(f'state["{label}.late"][rows] += weights')
        writer.line("return weights")


def _growth(rule: EachRule, writer: Writer) -> None:
    label = rule.constraint.full_label
    growth, share = growth_of(rule)
    doc = [
        f"penalty <- {growth:g} penalty where the largest violation is above {share:g} of the last;"
        " not late."
    ]
    with writer.function(f"grow_{rule.name}", ("state", "late"), doc):
        worst, before = f'state["{label}.worst"]', f'state["{label}.before"]'
        penalty = f'state["{label}.penalty"]'
        writer.line(f'far = state["{label}.units"][2]')
        writer.line(f"small = {worst} <= 1e-4 * far")
        writer.line(f"stays = late | small | ({worst} <= {share} * {before})")
        writer.line(f'larger = torch.minimum({growth} * {penalty}, state["{label}.most"])')
        writer.line(f"{penalty} = torch.where(stays, {penalty}, larger)")
        writer.line(f"{before}, {worst} = {worst}, torch.zeros_like({worst})")
        writer.line(f'state["{label}.moves"] = state["{label}.moves"] + late')


def write_state(rules: Sequence[EachRule], writer: Writer) -> None:
    """Entries of `initial_state`."""
    for rule in rules:
        for state in state_of(rule):
            if state.name.endswith(".network"):
                made = f"multiplier_network({list(layers_of(rule))})"
            elif state.start == 0:
                made = f"torch.zeros({state.size})"
            else:
                value = "torch.inf" if state.start == float("inf") else repr(state.start)
                made = f"torch.full(({state.size},), {value})"
            writer.line(f'"{state.name}": {made},  # {state.meaning}')


def write_moves(rules: Sequence[EachRule], translator: Translator) -> None:
    """In the loop, once a batch is measured: units in the first steps, whether multipliers move."""
    writer = translator.writer
    for rule in rules:
        if given_of(rule) is not None:
            continue
        with writer.when(f"session.step <= {unit_steps(rule.total_steps)}"):
            label = f'"{rule.constraint.full_label}"'
            values = f'each["{rule.name}"]'
            more = f"{rule.rows}{_equal(rule)}"
            writer.line(f"units_of_each(session, {label}, f, {values}, {more})")
    for rule in rules:
        if rule.balanced:
            _write_balance(rule, translator)
            continue
        network = bool(layers_of(rule))
        if not network:
            writer.line(f"late = session.progress > {LATE}")
        writer.line(f"moves = {_moves(rule)}")
        writer.line(f'rows = batch.rows("{rule.dataset}")')
        arguments = f'state, rows, each["{rule.name}"], moves, late'
        if network:
            columns = _columns(rule, f"batch[{rule.dataset!r}]")
            arguments = f'state, {columns}, rows, each["{rule.name}"], moves'
        writer.line(f"{rule.name} = weights_of_{rule.name}({arguments})")
        if rule.points:
            with writer.block("if moves:"):
                writer.line(f"grow_{rule.name}(state, late)")


def _write_balance(rule: EachRule, translator: Translator) -> None:
    """The penalty of points, looked at every few steps; their multipliers stay."""
    writer, label, values = translator.writer, rule.constraint.full_label, f'each["{rule.name}"]'
    first = unit_steps(rule.total_steps)
    with writer.block(f"if session.step > {first} and session.step % {BALANCE_STEPS} == 0:"):
        writer.line(f'balance_each(session, "{label}", f, {values}, {rule.rows})')
    writer.line(f'rows = batch.rows("{rule.dataset}")')
    writer.line(f"{rule.name} = weights_of_{rule.name}(state, rows, {values}, False, False)")


def _moves(rule: EachRule) -> str:
    first = f"session.step > {first_step(rule)}"
    if rule.every == 1 or layers_of(rule):
        return first
    return f"{first} and session.{rule.round} % {rule.every} == 0"


def write_loss(rules: Sequence[EachRule], loss: str, translator: Translator) -> None:
    """What the requirements on each example add to what the loss is so far."""
    for rule in rules:
        values = f'each["{rule.name}"]'
        share = f"{rule.rows} / len({rule.name})"
        translator.writer.text_line(f"loss = {loss} + {share} * weigh({rule.name}, {values})")
        loss = "loss"


def write_epoch_end(rules: Sequence[EachRule], translator: Translator) -> None:
    """Penalties grow where an epoch in which multipliers moved ends."""
    for rule in (rule for rule in rules if not rule.points and not layers_of(rule)):
        with translator.writer.block(f"if {_moves(rule)}:"):
            late = f"session.progress > {LATE}"
            translator.writer.line(f"grow_{rule.name}(state, {late})")


def write_told(rules: Sequence[EachRule], translator: Translator) -> None:
    """After the loop: the multipliers that are told."""
    for rule in rules:
        label = rule.constraint.full_label
        if not layers_of(rule):
            translator.writer.line(f'tell_each(session, "{label}")')
            continue
        data = f'session.data["{rule.dataset}"].columns'
        translator.writer.text_line(
            f'tell_network(session, "{label}", {list(layers_of(rule))}, {_columns(rule, data)}, '
            f"{_of_network(rule)})"
        )
