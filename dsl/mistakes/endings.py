"""Clauses that stop too early, and what each word needs behind it."""

from cspec.dsl.mistakes.failure import OPERATORS, Failure, Repair, open_brackets, rewritten, told

FORMS = {
    "FROM": ("from", 'from "nets.py" import Net'),
    "PARAM": ("param", "param eps = 0.5 in [0, 1]"),
    "LET": ("let", "let pos = sigmoid(f(x))"),
    "VAR": ("var", "var x = 1.0 in [0, 2]"),
    "DATA": ("data", "data train(x, y)"),
    "MODEL": ("model", "model net = mlp(hidden=[64])"),
    "DOMAIN": ("domain", "domain q(t, x) = box([0, 1], [-1, 1])"),
    "GIVEN": ("given", "given loss, kl"),
    "MINIMIZE": ("minimize", "minimize ce"),
    "MAXIMIZE": ("maximize", "maximize reward"),
    "SATISFY": ("satisfy", "satisfy"),
    "USING": ("using", "using augmented_lagrangian(penalty=1)"),
    "FIT": ("fit", "fit(optimizer=adam(lr=1e-3), epochs=30)"),
    "VERIFY": ("verify", "verify all on val every epoch"),
    "METRIC": ("metric", "metric acc = P[pred == y on test]"),
    "STOP": ("stop", "stop when stalled(epochs=5)"),
}


AFTER_WORD = {
    "ON": ("on", "a dataset: `on test`"),
    "BY": ("by", "a method: `by projection`, or `by construction`"),
    "WITH": ("with", "`surrogate` and an expression: `with surrogate sigmoid(temperature=0.1)`"),
    "SURROGATE": ("with surrogate", "an expression, or `sigmoid`, `hinge`, `product`"),
    "WITHIN": ("within", "a tolerance: `within 1e-3`"),
    "EVERY": ("every", "`epoch`, `5 epochs` or `500 steps`"),
    "WHERE": ("where", "a condition: `where count >= 50`"),
    "FOR": ("for", "names and a set: `for i in range(3)`"),
    "FORALL": ("forall", "names and a set: `forall g in values(sex):`"),
    "CONFIDENCE": ("with confidence", "a level: `with confidence 95%`"),
    "AS": ("as", "a name"),
    "IMPORT": ("import", "the names to bring in"),
    "WHEN": ("stop when", "a condition: `stalled(epochs=5)`"),
}


def ends_early(f: Failure) -> Repair | None:
    """The clause stops where something has to follow."""
    if f.token.kind != "$END" or open_brackets(f.tokens):
        return None
    before = f.before
    if before.kind == "DOT" and f.index > 1:
        return rewritten(f, f.index - 1, f.index, (), "CS102", "a line ends without a `.`")
    message = f"nothing stands after `{before.text}`"
    if before.kind in OPERATORS:
        help_ = f"write what is on the right of `{before.text}`"
    elif before.kind in AFTER_WORD:
        word, needs = AFTER_WORD[before.kind]
        message, help_ = f"nothing stands after `{word}`", f"it needs {needs}"
    elif before.kind in {"EQUAL", "COMMA", "DOT"}:
        help_ = f"write what follows, or remove the `{before.text}`"
    elif before.kind == "COLON":
        message = "the constraint after `:` is missing"
        help_ = "write a relation, for example `density(model) <= 10%`"
    else:
        return _incomplete(f)
    return told(f, before.span, "CS102", message, help_)


def _incomplete(f: Failure) -> Repair | None:
    word, form = FORMS.get(f.first.kind, ("", ""))
    span = f.span(0, f.index)
    if f.kind == "item" and word:
        return told(f, span, "CS102", f"this `{word}` is not complete", f"for example `{form}`")
    if f.has("FORALL"):
        message = "this quantifier has no constraint"
        help_ = f"write `{f.source.slice(span)}: lhs <= rhs`"
        return told(f, span, "CS121", message, help_, label="for all of these, what?")
    return None
