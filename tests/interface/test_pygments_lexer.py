"""Highlighting: nothing is lost, words get their kind."""

import pytest
from pygments.lexers import get_lexer_by_name
from pygments.token import Comment, Error, Keyword, Name, Number, String

from cspec.pygments_lexer import CspecLexer

SPEC = """# a comment
data train(x, y) = csv("adult.csv", split=[0.6, 0.4])
minimize ce(net(x), y)
s.t. kl: density(net) <= 10% by admm(rho=1e-3)
     all in: forall W in net.weights: W in stiefel
fit(optimizer=adam(lr=1e-3), epochs=10_000, batch_size=64KiB)
"""


def test_text_survives_and_nothing_is_an_error() -> None:
    tokens = list(CspecLexer().get_tokens(SPEC))
    assert "".join(text for _, text in tokens) == SPEC
    assert not [text for kind, text in tokens if kind is Error]


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("# a comment", Comment.Single), ("minimize", Keyword), ("s.t.", Keyword),
        ("kl", Name.Label), ("density", Name.Builtin), ("10%", Number), ("admm", Name.Class),
        ("1e-3", Number), ("64KiB", Number), ("10_000", Number), ('"adult.csv"', String),
        ("forall", Keyword.Reserved), ("stiefel", Name.Builtin), ("net", Name),
    ],
)  # fmt: skip
def test_words_have_their_kind(word: str, kind: object) -> None:
    assert (kind, word) in list(CspecLexer().get_tokens(SPEC))


def test_it_is_installed_under_its_name() -> None:
    assert get_lexer_by_name("cspec").name == "cspec"
