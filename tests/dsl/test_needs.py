"""What a spec needs and gives."""

from __future__ import annotations

from cspec.dsl.check import check
from cspec.dsl.needs import needs
from cspec.dsl.text.source import Source

SPEC = """param eps
data train(x, y, sex), val(x, y, sex)
model net
model ref = frozen(net)
minimize E[ce(net(x), y)]
s.t. small: density(net) <= eps
     near: E[ce(net(x), y)] <= E[ce(ref(x), y)] + 2%
     kind: P[pred(net(x)) == 1] <= 30% soft(weight=0.1)
metric acc = P[pred(net(x)) == y on val]
"""


def test_unbound_names_come_with_the_lines_that_need_them() -> None:
    found = needs(check(Source(text=SPEC)))
    unbound = {u.name: (u.kind, u.lines) for u in found.unbound}
    assert unbound == {
        "eps": ("param", (6,)),
        "train": ("data", ()),
        "val": ("data", (9,)),
        "net": ("model", (4, 5, 6, 7, 8, 9)),
    }


def test_a_param_that_is_set_is_bound() -> None:
    found = needs(check(Source(text=SPEC), params={"eps": 0.5}))
    assert "eps" not in {u.name for u in found.unbound}
    assert found.params[0].value == 0.5


def test_implied_names_need_the_line_that_implies_them() -> None:
    found = needs(check(Source(text="\nminimize ce s.t. density(model) <= 0.5")))
    assert {u.name: u.lines for u in found.unbound} == {"model": (2,), "data": (2,)}
    assert all(model.implied for model in found.models)


def test_what_a_spec_holds_and_gives() -> None:
    found = needs(check(Source(text=SPEC)))
    assert [c.label for c in found.constraints] == ["small", "near", "kind"]
    assert [c.soft for c in found.constraints] == [False, False, True]
    assert found.metrics == ("acc",)
    assert [m.name for m in found.models if m.frozen] == ["ref"]
    assert found.gives[0] == "a verdict for 2 requirements"
    assert needs(check(Source(text=SPEC))).model_dump_json() == found.model_dump_json()
