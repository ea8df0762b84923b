"""The pages of the syntax errors, `CS101` to `CS199`."""

from cspec.dsl.messages.pages.page import pages

_OK = "minimize ce\ns.t. cap: density(model) <= 50%\n"


_PAGES: dict[int, tuple[str, ...]] = {
    101: (
        "something can't stand here",
        "A word or mark has no meaning at this place. Mostly an operator, a bracket or a new line"
        " is missing before it.",
        "minimize a b\n",
        "minimize a * b\n",
    ),
    102: (
        "something is missing",
        "An operator, a comma, a keyword or a label stands at the end, or beside another, with"
        " nothing where its operand belongs.",
        "minimize a +\n",
        "minimize a + b\n",
    ),
    103: (
        "a bracket is never closed",
        "The message points at the bracket that opens. Inside `( )` and `[ ]` a newline is a blank,"
        " so the mistake may stand lines above where it shows.",
        "minimize f(a\n",
        "minimize f(a)\n",
    ),
    104: (
        "a bracket closes nothing, or another one",
        "Brackets come in pairs of one kind.",
        "minimize f(a]\n",
        "minimize f(a)\n",
    ),
    105: (
        "a string is never closed, or stands between other quotes",
        'Strings stand between plain double quotes on one line: `"adult.csv"`.',
        "data t = csv('a.csv')\nminimize ce\n",
        'data t = csv("a.csv")\nminimize ce\n',
    ),
    106: (
        "a character that is not part of the language",
        "Specs are written in ASCII; `≤ ≥ ≠ ∀ ∈ ⇒` are read too, and letters of any script may"
        " stand in names. Other signs have a plain form, which the message shows.",
        "minimize a·b\n",
        "minimize a*b\n",
    ),
    107: (
        "`=` where a relation or a label belongs",
        "`=` gives a name to something; two things are compared by `==`; a label ends with `:`.",
        "minimize ce s.t. density(model) = 50%\n",
        "minimize ce s.t. density(model) == 50%\n",
    ),
    108: (
        "a strict relation in a constraint",
        "Points that satisfy `x < 1` come arbitrarily close to 1, so an optimizer can't tell it"
        " from `x <= 1`. Inside events (`P[x < 1]`) `<` and `>` are strict.",
        "minimize ce s.t. density(model) < 50%\n",
        "minimize ce s.t. density(model) <= 50%\n",
    ),
    109: (
        "`!=` as a constraint",
        "Almost every point satisfies it and no gradient leads to it. Say on which side, or how"
        " far away. So does the condition of a rule that asks whether a number that moves is"
        " exactly another: say how near counts, `abs(x - 2) <= 0.01 => ...`.",
        "minimize x s.t. y != 2\n",
        "minimize x s.t. abs(y - 2) >= 0.1\n",
    ),
    110: (
        "a relation in another spelling",
        "Relations are `<=`, `>=`, `==`; `!=`, `<`, `>` inside events; `=>` is implies.",
        "minimize x s.t. y =< 2\n",
        "minimize x s.t. y <= 2\n",
    ),
    111: (
        "a chain in two directions",
        "A chain is read as `lo <= x <= hi`: one direction, two constraints with one evaluation.",
        "minimize x s.t. 0 <= y >= 2\n",
        "minimize x s.t. 0 <= y <= 2\n",
    ),
    112: (
        "logic in the spelling of C",
        "Conditions are joined by `and`, `or`, `not`.",
        "metric m = P[a && b]\n",
        "metric m = P[a and b]\n",
    ),
    113: (
        "`and` between constraints",
        "Each constraint has a multiplier and a verdict of its own, so each is written alone.",
        "minimize x s.t. y <= 1 and z <= 1\n",
        "minimize x s.t. y <= 1; z <= 1\n",
    ),
    114: (
        "a line begins with `+` or `-`",
        "It could go on with the line before or begin a new constraint. End the line before with"
        " the sign to go on; give the constraint a label to begin a new one.",
        "minimize x\ns.t. y <= 1\n     - z <= 2\n",
        "minimize x\ns.t. y <= 1\n     c: -z <= 2\n",
    ),
    115: (
        "`,` and `;`",
        "`,` separates arguments, columns and names; `;` or a new line separates constraints; every"
        " item has a line of its own.",
        "minimize x s.t. a: y <= 1, b: z <= 1\n",
        "minimize x s.t. a: y <= 1; b: z <= 1\n",
    ),
    116: (
        "`s.t.` in another spelling",
        "Constraints follow `s.t.` or `subject to`, without a colon.",
        "minimize x such that y <= 1\n",
        "minimize x s.t. y <= 1\n",
    ),
    117: (
        "`s.t.` without constraints",
        "Write at least one constraint behind it, or remove it.",
        "minimize x\ns.t.\n",
        "minimize x\n",
    ),
    118: (
        "a constraint above `s.t.`",
        "Constraints stand below `s.t.`; after another item a new `s.t.` is needed.",
        "minimize x\ny <= 1\n",
        "minimize x\ns.t. y <= 1\n",
    ),
    119: (
        "an objective in another spelling",
        "An objective is `minimize expr`, `maximize expr` or `satisfy`.",
        "min x\n",
        "minimize x\n",
    ),
    120: (
        "a misspelt keyword",
        "The word is close to a keyword, or another language's word for one.",
        "minimize x\nusng lagrangian\n",
        "minimize x\nusing lagrangian\n",
    ),
    121: (
        "a quantifier without `:` or without constraint",
        "`forall v in set:` is followed by what holds for each of them.",
        "minimize x s.t. forall i in range(3) y[i] <= 1\n",
        "minimize x s.t. forall i in range(3): y[i] <= 1\n",
    ),
    122: (
        "a quantifier in another spelling or place",
        "A quantifier is written `forall v in set:` and stands before the relation.",
        "minimize x s.t. c: for all i in range(3): y[i] <= 1\n",
        "minimize x s.t. c: forall i in range(3): y[i] <= 1\n",
    ),
    123: (
        "an interval of another notation",
        "After `in`, `[lo, hi]` is a closed interval and `{a, b}` a set of values; `(0, 1)` could"
        " mean either. Open ends do not exist: no step can keep them.",
        "var y in [0, 1)\nminimize y\n",
        "var y in [0, 1]\nminimize y\n",
    ),
    124: (
        "formulas as on paper",
        "A product needs `*`, an absolute value is `abs(x)`, a norm `norm(x, 2)`, a transpose"
        " `W.T`, a derivative `diff(u, x)`.",
        "minimize 2y\n",
        "minimize 2*y\n",
    ),
    125: (
        "LaTeX",
        "A spec is plain text: `<=`, `^(i+1)`, `x[i]`. Reports typeset it.",
        "minimize x s.t. y \\leq 1\n",
        "minimize x s.t. y <= 1\n",
    ),
    126: (
        "labels and keywords",
        "A label is one name followed by `:`; `all` can't be one. An unlabelled constraint may not"
        " begin with a keyword, and no `:` follows the keyword of an item.",
        "minimize x s.t. all: y <= 1\n",
        "minimize x s.t. each: y <= 1\n",
    ),
    127: (
        "not a constraint",
        "A constraint relates two things (`<=`, `>=`, `==`), or says where one lies (`W in SET`),"
        " what follows from what (`A => B`), or which of several holds (`A or B`, `not A`).",
        "var x = 0\nminimize x^2 s.t. x + 1\n",
        "var x = 0\nminimize x^2 s.t. x + 1 <= 2\n",
    ),
    128: (
        "Python",
        "Specs look a little like a program and are not: no lambda, no `if`, no slices with a step,"
        " no imports without `from`, no lines that solve or print.",
        "minimize x s.t. c: y <= 1 if z <= 2\n",
        "minimize x s.t. c: z <= 2 => y <= 1\n",
    ),
    129: (
        "percent and units",
        "`10%` is 0.1, written without a blank; `k M G` are powers of 1000, `KiB MiB GiB` of 1024."
        " There is no remainder operator and there are no other units.",
        "minimize x s.t. y <= 64 MB\n",
        "minimize x s.t. y <= 64MiB\n",
    ),
    130: (
        "braces",
        "`{ }` hold the values of a set after `in`, or the constraints behind a quantifier.",
        "minimize x s.t. g: { a: y <= 1 }\n",
        "minimize x s.t. g: forall i in range(2): { a: y[i] <= 1 }\n",
    ),
    131: (
        "settings",
        "Settings are `name=value` inside `( )`, once each, after the arguments.",
        "minimize x s.t. y <= 1 soft(0.1)\n",
        "minimize x s.t. y <= 1 soft(weight=0.1)\n",
    ),
    132: (
        "how often to verify",
        "`every epoch`, `every 5 epochs`, `every 500 steps`: a whole number of one of the two.",
        "minimize x\nverify all every 2 hours\n",
        "minimize x\nverify all every 2 epochs\n",
    ),
    133: (
        "a number out of range",
        "Numbers are doubles: up to 1.8e308, written with at most 400 characters.",
        "minimize x s.t. y <= 1e400\n",
        "minimize x s.t. y <= 1e300\n",
    ),
    134: (
        "nesting too deep",
        "At most 200 levels. Name inner parts by `let`.",
        "minimize " + "(" * 201 + "x" + ")" * 201 + "\n",
        "minimize x\n",
    ),
    135: (
        "too many constraints",
        "At most 10,000 named constraints; members of a quantifier do not count.",
        "minimize x s.t. " + ";".join(["x<=1"] * 10_001) + "\n",
        "minimize x s.t. forall i in range(10_000): y[i] <= 1\n",
    ),
    136: (
        "a definition in another spelling",
        "Definitions and settings are `name = value`, with a single `=`, behind the word that says"
        " what is defined. Lines of other modeling languages are told what they are here.",
        "param eps := 0.5\nminimize x\n",
        "param eps = 0.5\nminimize x\n",
    ),
    137: (
        "the names of a quantifier",
        "`forall v in set`, or `forall (a, b) in set` where each element is a tuple.",
        "minimize x s.t. forall a, b in pairs(d): a <= b\n",
        "minimize x s.t. forall (a, b) in pairs(d): a <= b\n",
    ),
    140: (
        "a file that can't be read",
        "The path does not exist, is a folder, or may not be read.",
        "",
    ),
    141: ("a file that is not UTF-8", "Specs are UTF-8 text. Save the file as UTF-8.", ""),
    142: (
        "an invisible character",
        "Control and direction characters could hide what a spec says, even in a comment or a"
        " string, so they are refused.",
        "minimize x # \u202e\n",
        "minimize x # plain\n",
    ),
    143: ("an empty file", "The smallest spec is `minimize ce`.", ""),
    144: ("a file that is too large", "At most 1 MiB is read. Data belong in files.", ""),
    145: (
        "a remark in another notation",
        "A remark begins with `#` and goes to the end of its line. `//`, `--`, `%`, `/* */`, three"
        " quotes and the fences of Markdown are other languages'.",
        "// the loss\nminimize ce\n",
        "# the loss\nminimize ce\n",
    ),
}

SYNTAX_CODES = pages(_PAGES, _OK)
"""Every syntax error by its code. Codes without a wrong spec are about files."""
