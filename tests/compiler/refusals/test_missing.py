"""What the language has and the compiler does not yet is refused by its name."""

import pytest

import cspec

DOMAIN = "model u = mlp(hidden=[4])\ndomain q(t, x) = box([0, 1], [-1, 1])\n"


def refused(text: str) -> list[str]:
    with pytest.raises(cspec.SpecError) as caught:
        cspec.compile(text)
    assert {d.code for d in caught.value.diagnostics} == {"CS520"}
    return [d.message.split(" is checked by")[0] for d in caught.value.diagnostics]


def test_points_of_a_domain_are_named_before_data_are_missed() -> None:
    text = (
        "minimize E[u(t, x)^2 for (t, x) in q.sample(20)]\n"
        "s.t. a: forall (t, x) in q.sample(5): u(t, x) <= 1\n"
        "     b: forall (t, x) in q: u(t, x) >= -1\n"
        "     c: forall s in uniform(0, 1).sample(5): u(s, 1) == 0\n"
    )
    assert refused(DOMAIN + text) == [
        "at which points of `q` is not said: a domain has infinitely many",
    ]


def test_a_domain_in_a_problem_of_variables_is_no_data() -> None:
    text = "var z = 1\ndomain q(t, x) = box([0, 1], [-1, 1])\nminimize z\n"
    assert refused(text + "s.t. a: forall (t, x) in q: z >= t + x\n") == [
        "at which points of `q` is not said: a domain has infinitely many"
    ]


def test_explain_describes_what_is_not_compiled() -> None:
    text = DOMAIN + "minimize E[u(t, x)^2 for (t, x) in q.sample(20)]\n"
    assert "q.sample(20)" in cspec.explain(text)
