"""Classes that no row has: whole numbers are classes from 0 on, as losses of torch count them."""

from collections.abc import Iterator

from cspec.compiler.records.facts import Facts
from cspec.dsl.check import Checked
from cspec.dsl.messages.wording import some
from cspec.dsl.tree.nodes import Call, Name, Node, walk
from cspec.dsl.words.losses import LOSS_WORDS


def class_notes(checked: Checked, facts: Facts) -> tuple[str, ...]:
    """Labels such as 1, 2, 3 or 10, 20: how many outputs they ask for, and how to have fewer."""
    labels = dict.fromkeys(name for node in walk(checked.elaborated) for name in _labels(node))
    return tuple(note for name in labels for note in _missing(name, facts))


def _labels(node: Node) -> Iterator[str]:
    match node:
        case Call(function=Name(id=loss), arguments=(_, Name(id=name))) if (
            loss in LOSS_WORDS and LOSS_WORDS[loss].per_class(several=True)
        ):
            yield name


def _missing(name: str, facts: Facts) -> Iterator[str]:
    columns = [d.columns[name] for d in facts.data.values() if name in d.columns and not d.stream]
    outputs = max((column.outputs or 0 for column in columns), default=0)
    held = sorted({code for column in columns for code in column.present})
    if outputs > 2 and len(held) < outputs and not any(column.classes for column in columns):
        yield (
            f"`{name}` holds {some([str(code) for code in held], 5)}: classes are 0 to "
            f"{outputs - 1}, and {outputs - len(held)} of them in no row. For one output a label "
            f"number them from 0 on, `torch.unique({name}, return_inverse=True)[1]`, or give text"
        )
