"""Text to tree: every form of the language, layout, soft keywords."""

import pytest

from cspec.dsl.format.spec import format_text
from cspec.dsl.parsing.parse import parse, parse_text
from cspec.dsl.text.source import Source
from cspec.dsl.text.terminals import keywords
from cspec.dsl.tree.nodes import (
    And,
    Attribute,
    By,
    Call,
    Comment,
    Compare,
    Comprehension,
    Constraint,
    Data,
    Expectation,
    Fit,
    From,
    Group,
    Implies,
    Index,
    Interval,
    Let,
    Membership,
    Model,
    Negate,
    Number,
    Objective,
    Param,
    Power,
    Product,
    Soft,
    SubjectTo,
    Sum,
    Using,
    Verify,
    Within,
    WithSurrogate,
    shape,
    walk,
)

EXAMPLES = {
    "program": """\
param eps = 0.5 in [0, 0.85]
var x = 0.5 in [0, pi/2]
minimize cos(x)
s.t. level: sin(x) <= eps
using lagrangian(dual=nupi(lr=0.3, kp=40))
fit(optimizer=sgd(lr=0.01), steps=10_000)
""",
    "rate": """\
data train(x, y) = two_gaussians(n=100, seed=0)
model f = linear
minimize bce(f(x), y)
s.t. quota: P[pred == 0] >= 70%
using lagrangian(dual=sgd(lr=0.01))
fit(optimizer=sgd(lr=0.02), steps=10_000, batch_size=full)
""",
    "weights": """\
from "nets.py" import geneonet
data train(x, y), test(x, y) = mnist()
model net = geneonet()

minimize ce(net(x), y)
s.t. ortho: forall W in net.weights("conv*"): W in stiefel by augmented_lagrangian within 1e-2
     signs: forall W in net.params("geneo*"): W >= 0 by construction
     small: sum(sumsq(W) for W in net.weights) <= 400
     prune: density(net) <= ramp(100%, 10%, epochs=5) by admm(rho=1e-3)
using sal(penalty=1e-3, growth=1.1, max_penalty=1e3, decrease=0.9)
fit(optimizer=adam(lr=1e-3), schedule=cosine, epochs=10, batch_size=128, seed=0)
verify all on test
metric acc = P[pred == y on test]
""",
    "fairness": """\
data train(x, y, sex), val(x, y, sex), test(x, y, sex) = csv("adult.csv", split=[0.6, 0.2, 0.2])
model f = mlp(hidden=[64, 64])

minimize bce(f(x), y)
s.t. dp: gap(P[pred == 1 | sex]) <= 5%
     eo: forall a in values(sex): {
       tpr: P[pred == 1 | y == 1 and sex == a] >= 55%
       fpr: P[pred == 1 | y == 0 and sex == a] <= 10%
     }
verify all on val every epoch
verify dp on test with confidence 95%
""",
    "pde": """\
param nu = 0.01/pi
domain q(t, x) = box([0, 1], [-1, 1])
model u(t, x) = mlp(hidden=[20, 20, 20, 20], act=tanh)

minimize E[(diff(u, t) + u*diff(u, x) - nu*diff(u, x, x))^2 for (t, x) in q.sample(2000)]
s.t. start: forall x in uniform(-1, 1).sample(100): u(0, x) == -sin(pi*x) within 1e-2
     left:  forall t in uniform(0, 1).sample(50): u(t, -1) == 0 within 1e-2
     right: forall t in uniform(0, 1).sample(50): u(t, 1) == 0 within 1e-2
using augmented_lagrangian(penalty=1, growth=1.5, max_penalty=100)
fit(optimizer=adam(lr=1e-3), steps=5000)
""",
    "unlearning": """\
data forget(x, y), retain(x, y)
model net
model ref = frozen(net)
minimize E[ce(net(x), y) on retain]
s.t. forgets: E[ce(net(x), y) on forget] >= 3
     retains: E[ce(net(x), y) on retain] <= E[ce(ref(x), y) on retain] + 0.02
     each:    forall (x, y) in retain: ce(net(x), y) <= 2
     robust:  E[max(ce(net(z), y) for z in ball(x, 8/255, norm=inf)) on retain] <= 0.8
     rule:    forall (x, y) in retain: net(x).rain > 0.5 => net(x).umbrella > 0.5
""",
    "loop": """\
given loss, kl, cost, cost_adv
minimize loss
s.t. trust:  kl <= 4
     safety: cost <= 0 with surrogate cost_adv
using lagrangian(dual=pid(kp=0.1, ki=0.01))
""",
    "shortest": "minimize ce s.t. density(model) <= 0.5\n",
}
KEYWORDS = sorted(keywords())


def good(text: str):
    spec, found = parse_text(text)
    assert found == (), [d.message for d in found]
    return spec


def constraint(text: str) -> Constraint:
    (item,) = good(f"s.t. {text}").constraints()
    return item


def expression(text: str):
    (item,) = good(f"let v = {text}").items
    return item.value


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_parse_and_are_their_own_layout(name: str) -> None:
    text = EXAMPLES[name]
    assert good(text).items
    assert format_text(text) == text


def test_kinds_of_items() -> None:
    kinds = [type(item) for item in good(EXAMPLES["weights"]).items]
    assert kinds[:5] == [From, Data, Model, Objective, SubjectTo]
    assert kinds[5] is Using and kinds[6] is Fit and kinds[7] is Verify


def test_spans_are_the_text_that_was_typed() -> None:
    for text in EXAMPLES.values():
        source = Source(text=text)
        spec, _ = parse(source)
        for node in walk(spec):
            if isinstance(node, Number):
                assert source.slice(node.span).strip("()") == node.text
            if isinstance(node, Call):
                assert source.slice(node.span).rstrip().endswith((")", "]"))
        for item in spec.constraints():
            assert item.label is None or source.slice(item.label_span) == item.label


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("10%", 0.1),
        ("10_000", 10000.0),
        ("1.5k", 1500.0),
        ("2M", 2e6),
        ("3G", 3e9),
        ("64KiB", 65536.0),
        ("1MiB", 1048576.0),
        ("1GiB", 2.0**30),
        ("1e-3", 0.001),
        (".5", 0.5),
        ("0.07k", 70.0),
        ("100%", 1.0),
        ("0e999", 0.0),
    ],
)
def test_numbers(text: str, value: float) -> None:
    node = expression(text)
    assert isinstance(node, Number)
    assert (node.text, node.value) == (text, value)


def test_precedence() -> None:
    assert shape(expression("-x^2")) == shape(expression("-(x^2)"))
    assert shape(expression("2^3^2")) == shape(expression("2^(3^2)"))
    assert shape(expression("a => b => c")) == shape(expression("a => (b => c)"))
    assert shape(expression("a or b and not c <= d + e*f")) == shape(
        expression("a or (b and (not (c <= (d + (e*f)))))")
    )
    assert shape(expression("a ** 2")) == shape(expression("a^2"))
    assert isinstance(expression("2*-3"), Product)
    assert isinstance(expression("-2*3"), Product)
    assert shape(expression("+x")) == shape(expression("x"))


def test_sums_are_flat_and_parentheses_stay() -> None:
    flat = expression("a + b - c + d")
    assert isinstance(flat, Sum)
    assert flat.operators == ("+", "-", "+")
    assert shape(expression("(a + b) + c")) != shape(expression("a + b + c"))
    assert isinstance(expression("a and b and c"), And)


def test_unicode_is_read_as_ascii() -> None:
    spelled = "s.t. c: ∀ a ∈ S: a ≥ 0 ⇒ a ≤ 1"
    assert shape(good(spelled).items) == shape(
        good("s.t. c: forall a in S: a >= 0 => a <= 1").items
    )
    assert expression("P[x ≠ y]").body.operators == ("!=",)


def test_expectation_has_all_its_parts() -> None:
    node = expression("E[f(x) | y == 1 on val for a in S where a > 0 for b in T]")
    assert isinstance(node, Expectation)
    assert (node.kind, node.dataset) == ("E", "val")
    assert isinstance(node.conditions[0], Compare)
    assert [b.names for b in node.binders] == [("a",), ("b",)]
    assert node.binders[0].condition is not None


def test_comprehension_with_several_for() -> None:
    node = expression("sum(w[i, j] for i in range(3) for j in range(i) where j > 0)")
    assert isinstance(node, Comprehension)
    assert node.function == "sum"
    assert len(node.binders) == 2
    assert isinstance(node.body, Index) and len(node.body.indices) == 2


def test_attributes_and_columns() -> None:
    assert isinstance(expression("W.T @ W"), Product)
    assert isinstance(expression("prob.rain"), Attribute)
    assert isinstance(expression('x["capital-gain"]'), Index)
    (data,) = good('data train(x, "marital-status" as marital, sex as gender)').items
    assert [(c.name, c.original) for c in data.targets[0].columns] == [
        ("x", "x"),
        ("marital", "marital-status"),
        ("gender", "sex"),
    ]


def test_quantifiers() -> None:
    one = constraint("c: forall (a, b) in cross(sex, race) where count >= 50: a <= b")
    assert one.binders[0].names == ("a", "b")
    two = constraint("forall a in S: forall b in T: a <= b")
    assert [b.names for b in two.binders] == [("a",), ("b",)]
    assert shape(two) == shape(constraint("forall a in S, b in T: a <= b"))


def test_modifiers() -> None:
    item = constraint(
        "c: f <= 1 by admm(rho=1e-2) within 1e-3 with surrogate sigmoid(temperature=0.1)"
        " soft(weight=0.1, power=2) on val"
    )
    kinds = [type(m) for m in item.modifiers]
    assert kinds[:4] == [By, Within, WithSurrogate, Soft]
    assert item.modifiers[4].dataset == "val"


def test_relations() -> None:
    assert isinstance(constraint("W in stiefel").relation, Membership)
    assert isinstance(constraint("x in [0, 1]").relation.set, Interval)
    assert constraint("0.2 <= P[pred] <= 0.4").relation.operators == ("<=", "<=")
    rule = constraint("f(x).rain > 0.5 and g => h(x) > 1 with surrogate product")
    assert isinstance(rule.relation, Implies)


def test_groups_nest_and_carry_modifiers() -> None:
    item = constraint("g: forall a in S: { t: a <= 1; h: forall b in T: { u: a <= b } } within 1")
    assert isinstance(item, Group)
    assert [m.label for m in item.constraints] == ["t", "h"]
    assert isinstance(item.modifiers[0], Within)


def test_verify_forms() -> None:
    def verify(text: str) -> Verify:
        return good(f"verify {text}").items[0]

    assert verify("all").labels == ()
    assert verify("all on val every epoch").every == (1, "epoch")
    assert verify("all on val every 5 epochs").every == (5, "epoch")
    assert verify("all on val every 500 steps").every == (500, "step")
    assert verify("all on val every 1k steps").every == (1000, "step")
    item = verify("dp, eo.tpr on test with confidence 95%")
    assert (item.labels, item.dataset) == (("dp", "eo.tpr"), "test")
    assert item.confidence.value == 0.95


@pytest.mark.parametrize("word", KEYWORDS)
def test_keywords_are_soft(word: str) -> None:
    labels = f"minimize ce\ns.t. {word}: a <= 1\n     {word}: b <= 1\n"
    if word != "all":
        assert [c.label for c in good(labels).constraints()] == [word, word]
    spec = good(f"data train(x, {word})\ngiven {word}\n")
    assert spec.items[0].targets[0].columns[1].name == word
    assert good(f"let {word} = 1").items[0].name == word
    if word not in {"not", "forall"}:
        assert good(f"s.t. c: x + {word} <= 1").items
        assert good(f"metric m = P[{word} == 1 | {word} on {word}]").items
        assert good(f"verify {word} on {word}").items
    assert good(f"fit({word}=3)\nlet y = x.{word}").items


def test_lines_continue() -> None:
    joined = good("minimize a + b\ns.t. c: f(x, y) <= 1 by admm(rho=1) within 1\n")
    broken = good(
        "minimize a + # why\n  b\ns.t.\n\n c: f(x,\n\n y)  # here\n <= \n 1\n by admm(\nrho=1)\n"
        "# between\n within 1\n"
    )
    assert shape(joined.items) == shape(broken.items)
    for mark in ("* b", "/ b", "@ b", "^ b", "<= b", "=> b", "and b", "or b", "in b", "on b"):
        text = f"s.t. c: a {mark}\n     d: x <= 1"
        folded = f"s.t. c: a\n   {mark}\n     d: x <= 1"
        assert shape(parse_text(text)[0].items) == shape(parse_text(folded)[0].items)


def test_signs_may_begin_where_a_constraint_does() -> None:
    spec = good("s.t.\n  -x <= 3; +y <= 2;\n  c: forall i in S: {\n  -x <= i\n }\n")
    first = next(iter(spec.constraints()))
    assert isinstance(first.relation.operands[0], Negate)
    assert isinstance(expression("-x^2"), Negate) and isinstance(expression("(-x)^2"), Power)


def test_a_continuation_word_with_a_colon_is_a_label() -> None:
    spec = good("s.t. a: x <= 1\n     within: y <= 1\n     on : z <= 1\n")
    assert [c.label for c in spec.constraints()] == ["a", "within", "on"]


def test_line_ends_of_other_systems() -> None:
    text = EXAMPLES["fairness"]
    assert shape(good(text.replace("\n", "\r\n")).items) == shape(good(text).items)


def test_comments_are_kept() -> None:
    spec = good("# one\nminimize ce # two\n")
    assert [(c.text, c.own_line) for c in spec.comments] == [("# one", True), ("# two", False)]
    assert isinstance(spec.comments[0], Comment)


def test_a_let_may_be_a_set_or_a_function() -> None:
    spec = good("let s = {1, 2}\nlet f(a, b) = a*b\nlet z = [1, 2]\n")
    assert isinstance(spec.items[1], Let) and spec.items[1].parameters == ("a", "b")


def test_param_forms() -> None:
    spec = good("param mu[64]\nparam level[hospital]\nparam k = 2 in {1, 2}\nparam e\n")
    assert all(isinstance(item, Param) for item in spec.items)
    assert [len(item.dimensions) for item in spec.items] == [1, 1, 0, 0]


def test_cost_grows_linearly(calls) -> None:
    def text(count: int) -> str:
        lines = (f"c{i}: x[{i}] + 2*y <= P[pred | y == {i}] - 0.5" for i in range(count))
        return "minimize x\ns.t. " + "\n".join(lines)

    small, large = text(200), text(800)
    assert len(good(large).items[1].constraints) == 800
    # Four times the constraints: 4 for linear growth, 16 for quadratic.
    assert calls(lambda: parse_text(large)) < 4.4 * calls(lambda: parse_text(small))


def test_bullets_of_a_list_are_no_signs() -> None:
    text = "minimize x\ns.t.\n  - x <= 1\n  - y >= 2\n  - z == 3\n"
    _, found = parse_text(text)
    assert [(d.code, d.span.start) for d in found] == [("CS114", 29), ("CS114", 40)]
    assert all("without bullets" in d.message for d in found)
    fixes = sorted((f for d in found for f in d.fixes), key=lambda f: f.span.start, reverse=True)
    for fix in fixes:
        text = text[: fix.span.start] + fix.replacement + text[fix.span.end :]
    assert text == "minimize x\ns.t.\n  x <= 1\n  y >= 2\n  z == 3\n"


def test_a_sum_that_goes_on_is_no_list() -> None:
    _, found = parse_text("minimize x\n  - y\n  - z\n")
    assert all("two readings" in d.message for d in found) and len(found) == 2
