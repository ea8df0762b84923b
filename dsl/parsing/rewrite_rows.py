"""Rows of lines whose whole form says what was meant, the most specific first."""

import re

from cspec.dsl.parsing import rewrite_forms as forms
from cspec.dsl.parsing.rewrite_bound import regular
from cspec.dsl.parsing.rewrite_forms import row, where_known
from cspec.dsl.settings.duals import DUALS
from cspec.dsl.text.defined_names import model_names

ROWS = (
    row(
        r"\b(?:gap|abs|diff|difference|distance|gap_between)\((RATE) , (RATE)\)",
        r"abs(\1 - \2)",
        "`gap` compares the groups of one rate; two rates are compared by their difference",
    ),
    row(
        r"\b(?:roc_auc_score|average_precision|roc_auc|auroc|auc|AUROC|AUC)\b(?:\((?:IN)*\))?",
        forms.area,
        "an area under a curve is the share of pairs that are in order",
    ),
    row(
        r"\bgrid\((?:n_levels|levels|n_values|values|bins|n) = (\d+)\)",
        lambda m: f"grid(bits={max(1, (int(m[1]) - 1).bit_length())})",
        "a grid is said in bits: of 4 bits it has 16 levels",
    ),
    row(
        r"(?P<head>\b(?:forall|for))~(?P<name>WORD)~in~(?P<set>values\(WORD\)) "
        r"(?:-|\\|minus|except|without|excluding|but not) "
        r"(?:[{\[](?P<gone>[^{}\[\]\n]+)[}\]]"
        r"|(?P<bare>(?:\"[^\"\n]*\"|NUM)(?: , (?:\"[^\"\n]*\"|NUM))*))",
        forms.without,
        "what a quantifier leaves out stands behind `where`",
    ),
    row(
        r"\b(?P<name>WORD)~in~(?:\w+\.)?(?P<kind>linspace|grid|arange)\( (?P<low>NUM) , "
        r"(?P<high>NUM) , (?:n = |num = |size = |steps = |step = )?(?P<n>NUM) \)",
        regular,
        "regular points of a domain are its `grid`",
    ),
    row(
        r"\b(?:np\.|torch\.)?(?:linspace|uniform|grid|arange)\( ([^(),\n]+), "
        r"([^(),\n]+), (?:n = |num = |size = )?(\d+)\)",
        r"uniform(\1, \2).sample(\3)",
        "points of an interval are drawn: how many stands behind it",
    ),
    row(
        r"\b([EP])\[((?:[^\[\]|\n]|\[[^\[\]\n]*\])*?)~(for[ \t](?:IN)*?) \| "
        r"((?:[^\[\]\n]|\[[^\[\]\n]*\])*)\]",
        r"\1[\2 | \4 \3]",
        "a condition stands before the `for`",
    ),
    row(
        r"\b(param|var|let)(~WORD (?:\[[^\]\n]*\])?) = [({]?"
        r"((?:NUM)(?: , NUM)+)[)}]? $",
        r"\1\2 = [\3]",
        "several values are a list in brackets",
    ),
    row(r"(\bparam~WORD = )(\d+(?:\.\d+)?)(?=~in~\[ 0 , 1)", r"\1\2%", codes="CS304"),
    row(
        r"(\bvar~(WORD) \[[^\]\n]*\](?: =[^\n]*?)?)~in~[\[(] "
        r"(\[[^\]\n]*\]|NUM) , (\[[^\]\n]*\]|NUM) [\])]((?:.|\n)*\S)",
        r"\1\5" + "\n" + r"s.t. \3 <= \2 <= \4",
        "ends that differ from entry to entry are a constraint",
    ),
    row(
        forms.HEAD + rf"((?:{forms.BOUNDED}|max|sum)\((?:IN)*\)|E\[(?:IN)*\])~(NUM) $",
        r"\1\2 <= \3",
        "a relation is missing before `{3}`",
    ),
    row(
        forms.HEAD + r"(ratio\((?:IN)*\)|P\[(?:IN)*\])~(NUM) $",
        r"\1\2 >= \3",
        "a relation is missing before `{3}`",
    ),
    row(
        r"\b(WORD)~in~(?:u?int(\d+)\b|grid\( u?int(\d+) \)|quantized\((?:bits = )?(\d+)\))",
        r"\1 in grid(bits=\2\3\4)",
        "quantized weights lie on a grid",
    ),
    row(
        rf"\b(WORD)~in~({forms.SIZED}) (?:<=|==|=|<|of|at most) (NUM)",
        r"\1 in \2(\3)",
        "the size of a set stands in `( )`",
    ),
    row(
        rf"\b({forms.SIZED})\((WORD)\) (?:<=|==|=|<|at most) (NUM)",
        r"\2 in \1(\3)",
        "`{1}` is a set: what lies in it stands before `in`",
    ),
    row(
        rf"\b(WORD) (?:==|=|:|\b(?:is|by|are|to|as)\b) ({forms.SETS})\b",
        r"\1 in \2",
        "`{2}` is a set: what lies in it stands before `in`",
    ),
    row(
        r"^( fit\(.*?) \b(?:early_stopping|early_stop|patience) = (\d+)"
        r" ,? (.*?)\) $",
        forms.stops,
        "when to stop is a line of its own",
    ),
    row(
        r"^ (?=[^\n#]*(?:improv|stall|patien|progress|plateau|stagnat|unchanged|converge))"
        r"(?:(?:using~)?(?i:stop|halt|end|finish|terminate|quit|abort|early|patience)\w*)\b"
        r"(?!~when~stalled)(?:[^\n#]*?\bpatience (?:=|:|of|is)? (?P<n>\d+)\b[^\n#]*"
        r"|(?:[^\n#\d]|(?<=\w)\d|[EP]\[(?:IN)*\])*?\b(?P<m>\d+)[^\n#\d]*) $",
        forms.stalled,
        "no progress for a number of epochs is `stalled`",
        "CS1 CS2 CS136 CS120 CS5",
    ),
    row(
        r"(\bdata[ \t].*?\)) (?:and|&|;|\+|\|)? (?=WORD\([^()\n]*\) (?:=|$|,))",
        r"\1, ",
        "datasets are separated by `,`",
    ),
    row(
        r"\bin~(?:box|interval|Interval|range)\( (NUM) , (NUM) \)",
        r"in [\1, \2]",
        "an interval is written in square brackets",
    ),
    row(
        r"\bbox\( (?P<ends>(?:NUM)(?: , NUM)+) \)",
        forms.boxed,
        "each interval stands in brackets of its own",
    ),
    row(
        r"(\bdomain[ \t][^=\n]*= )[\[(]? (\[[^\]\n]*\]) (?:x|×|\*|,|;|by|and)? "
        r"(\[[^\]\n]*\]) [\])]? $",
        r"\1box(\2, \3)",
        "a product of intervals is a `box`",
    ),
    row(
        r"\bfor(?:all)? (?:\{(?P<sets>[^{}\n]*\bin\b[^{}\n]*)\}|\((?P<more>WORD~in\b(?:IN)*"
        r")\))(?P<rest> [:,]? )(?=[^\s:])",
        lambda m: f"forall {(m['sets'] or m['more']).strip()}: ",
        "what a quantifier goes over stands before a `:`, without brackets",
    ),
    row(
        r"([<>=]= )(?:np\.|torch\.|jnp\.)?(zeros|ones|zeros_like|ones_like)\((?:IN)*\)",
        lambda m: f"{m[1]}{'0' if m[2].startswith('zeros') else '1'}",
        "one number stands for as many as there are entries",
    ),
    row(
        r"(?:(?P<by>\d[\d.]*)[ \t]+)?\b(?P<of>exp|log|sqrt|sin|cos|tanh)~(?P<in>-?[\w.]+"
        r"(?:(?: \* |~)-?[A-Za-z_]\w*)*)(?= (?:[-+)\],;#]|[<>=]=|$))",
        forms.implied_product,
        "what `{of}` takes stands in `( )`, and products have their sign",
        "CS1",
    ),
    row(
        rf"^ (?P<word>var|param|model)~(?P<names>{forms.SHAPED}(?: , {forms.SHAPED})+)"
        r"(?P<rest>~?(?:= |in~)[^#\n]+?)? $",
        forms.shared,
        "each `{word}` stands on a line of its own",
        "CS1",
    ),
    row(
        rf"(^ model~WORD (?:\([^()\n]*\) )?= ){forms.COPY} $",
        forms.copy_of,
        "a copy of a model that never moves is `frozen(...)`",
        "CS5",
    ),
    row(
        r"\be (?:\^|\*\*) (?:\((?P<in>(?:IN)*)\)|(?P<word>[\w.]+(?:\((?:IN)*\))?))",
        lambda m: f"exp({m['in'] or m['word']})",
        "Euler's number has powers `exp(x)`",
        "CS201",
    ),
    row(
        r"\b(exp|log|sqrt|sin|cos|tanh) \^ (?:(WORD)|\(((?:IN)*)\))",
        r"\1(\2\3)",
        "`{1}` is a function: what it takes stands in `( )`",
    ),
    row(
        (
            r"(?<![\w.,])(\d{1,3}(?:\.\d{3})+),(\d+)(?![\w,])",
            r"(?<![\w.,\[(])(\d+),(\d+)(?![\w,\])])",
        ),
        lambda m: f"{m[1].replace('.', '')}.{m[2]}",
        "`{0}`: numbers have a point, no comma",
    ),
    row(
        r"^( (?:s\.t\. )?)(?!forall|verify|metric|let|data)(WORD)[ \t-]+(\w+) :(?!=)",
        r"\1\2_\3:",
        "a label is one word",
    ),
    row(
        rf"\b({forms.CALLED})~(RATE)",
        r"\1(\2)",
        "what `{1}` takes stands in `( )`",
    ),
    row(r" \b(?:and|or|,) \|", " |", "nothing stands between `{0}` and the condition"),
    row(r"\| (?:and|or|\||,) ", "| ", "a condition begins behind one `|`"),
    row(
        (
            r"HEAD(?P<left>.+?)~(?:is~)?within~(?P<by>NUM)~of~(?P<right>.+?) $",
            (
                r"HEAD(?P<left>(?:IN)+?) (?:[<>]=|==|=|\~=|≈|\~) (?P<right>.+?) (?:\+/?-|±) "
                r"(?P<by>NUM) $"
            ),
        ),
        forms.near,
        "how far two numbers are apart is bounded by `abs(a - b)`",
    ),
    row(
        r"\bforall~(WORD) :([^\n]*\|[^\n]*?)\b\1\b(?! ==)",
        r"forall g in values(\1):\2\1 == g",
        "a quantifier has a name, and a set behind `in`",
    ),
    row(
        r"((?:<=|>=|==) NUM)~(?:with~)?(?:weight|penalty|weighted) [=:]? "
        r"(?:by~)?(NUM)",
        r"\1 soft(weight=\2)",
        "a requirement with a weight is a preference: `soft`",
    ),
    row(
        r"\b(by|using)~(WORD)(?: ,|~with|~where)~(WORD =.*?) $",
        r"\1 \2(\3)",
        "settings of `{2}` stand behind it in `( )`",
    ),
    row(r"^( )model (?:=|:=?|<-) (?=WORD)", forms.named, "a model has a name", "CS101 CS136"),
    row(
        r"^ data(?:set)? = (?=WORD\()",
        forms.named_data,
        "a dataset has a name, and columns",
    ),
    row(
        r"(?<=[(,])( )(nesterov|amsgrad)\b(?! =)",
        r"\1\2=true",
        "a setting is written with its value",
    ),
    row(
        r"(?P<head>^ verify[ \t].*?\bon~WORD) ,? [(\[{]? (?:with\b|at\b)? "
        r"(?P<word>confidence(?:_level)?|conf|significance|significance level|alpha|delta|level)? "
        r"[=:]? (?P<value>\d+(?:\.\d+)?%?) (?:confidence|sure)? [)\]}]? $",
        forms.sure,
        "how sure a verdict is stands behind `with confidence`",
        "CS1",
    ),
    row(
        r"^ verify \( (?P<what>WORD(?: , WORD)*?) (?:,|on) "
        r"(?:on = |data = )?(?P<data>WORD) "
        r"(?:, (?:confidence = )?(?P<sure>\d+%))? \)",
        forms.verified,
        "what is verified is a line of words",
    ),
    row(
        r"(^ data~WORD) :?~(WORD(?: , WORD)+) (?==|$)",
        r"\1(\2) ",
        "columns stand in `( )` behind their dataset",
    ),
    row(
        r"\bsplit = \"?(\d+%?(?: [/:-] \d+%?)+)\"?",
        forms.shares,
        "shares are a list in brackets",
    ),
    row(
        r"(?<=\.)(sample|grid)\( WORD = (\w+) \)",
        r"\1(\2)",
        "the number of points has no name",
    ),
    row(
        r"\bfor(all)?~(WORD(?: , WORD)+)~in~(?=WORD\.|pairs\(|WORD\])",
        lambda m: f"for{m[1] or ''} ({m[2]}) in ",
        "several names stand in `( )`",
    ),
    row(
        r"\bdiff\((WORD), ([a-z])(\2+)\)",
        lambda m: f"diff({m[1]}, {', '.join(m[2] + m[3])})",
        "a variable is named as often as it is differentiated by",
    ),
    row(
        rf"{forms.HEAD}(?P<all>[^\n]*?\b(?P<word>[A-Z]\d?)\b[^\n]*?) $".replace("?P<all>", ""),
        forms.each_weight,
        codes="CS201",
    ),
    row(
        r"\bforall \( (WORD) , (WORD) \)~in~pairs\((WORD)\)",
        r"forall \1 in values(\3), \2 in values(\3) where \1 != \2",
        "`pairs` are of examples; pairs of groups are two names",
        "CS302",
    ),
    row(
        r"\b(?P<of>schedule) = (?P<word>WORD)(?:\((?P<in>[^()\n]*)\))?(?P<between>[^()\n]*?) ,"
        r" (?P<name>(?:warmup|final|hold|follow) = [^,()\n]+)",
        forms.scheduled,
        "a setting of the schedule stands behind its word",
    ),
    row(
        r"(\bvar~WORD (?:\[[^\]\n]*\])?)~(?:on~|of~|: )?"
        rf"({forms.SETS})\b",
        r"\1 in \2",
        "a set stands behind `in`",
    ),
    row(
        rf"^ using~({'|'.join(DUALS)})(\((?:IN)*\))? $",
        r"using lagrangian(dual=\1\2)",
        "`{1}` is a dual step: a setting of `lagrangian`",
        "CS501",
    ),
    row(
        rf"^ using~({forms.OPTIMIZER_WORDS})(\((?:IN)*\))? $",
        r"fit(optimizer=\1\2)",
        "`{1}` is an optimizer: `fit` takes it",
        "CS501",
    ),
    row(
        r"\b(?P<of>WORD)\.(?:layers|weight|kernels|modules|modules_list)\b(?![\w.\[(])",
        where_known(model_names, "of", r"\g<of>.weights"),
        "all weights of `{of}` are `{of}.weights`",
        "CS210",
    ),
    row(r"\[ ([^\[\],\n]+?) , ([^\[\],\n]+?) \]", r"[\2, \1]", codes="CS402 CS303"),
    row(r"(NUM)( [<>]=[^<>\n]+?[<>]= )(NUM)", r"\3\2\1", codes="CS402"),
    row(
        r"^( (?:s\.t\. )?)[(\[\"]?(WORD)\b[)\]\"]? (?:->|=>|-|\|)? (?=WORD[\[(])",
        forms.labelled,
        "a label ends with `:`",
    ),
    row(
        r" (?://|--|(?<!\d)%|;) ([A-Za-z][\w ,]*)$",
        r"  # \1",
        "a remark begins with `#`",
        "CS1",
    ),
    row(
        r"\bin~(WORD)\.(?:values|unique|categories|levels|groups)\b(?:\(\))?",
        r"in values(\1)",
        "the values of a column are `values({1})`",
    ),
    row(
        r"\b([EP]\[)((?:IN)*)\]~(?:over|in|of|using|for|from|@)~(WORD) $",
        r"\1\2 on \3]",
        "the data that are measured stand behind `on`",
    ),
    row(
        r"\b(?P<of>optimizer) = (?P<word>WORD)(?:\((?P<in>[^()\n]*)\))?(?P<between>[^()\n]*?)"
        r" , (?P<name>(?:lr|momentum|weight_decay|betas) = (?:NUM|\[[^\]\n]*\]))",
        forms.scheduled,
        "a setting of the optimizer stands behind its word",
    ),
    row(
        r"\b(using|by)~(WORD)_(?:method|solver|algorithm|optimizer)\b",
        r"\1 \2",
        "the method is called `{2}`",
    ),
    row(
        r"\b(?:multiplier_lr|lambda_lr|lr_lambda|lr_dual|dual_step|dual_step_size|dual_rate"
        r"|dual_learning_rate|multiplier_learning_rate) = (NUM)",
        r"dual=sgd(lr=\1)",
        "how fast multipliers move is a setting of the dual step",
    ),
    row(
        r"HEAD((?!forall\b|.*[EP]\[)[^\n]*?[<>=]=[^\n]*?)~(?:for|when|whenever|if)~"
        r"(\w[^\n]*?[<>=]=[^\n]*)$",
        r"\1\3 => \2",
        "what holds under a condition is written `=>`",
    ),
    row(
        r" (?:∀|\bforall\b|\bfor (?:all|each|every)) \w+ $",
        "",
        "a relation of vectors holds for all entries",
    ),
    row(
        r"\bin~range\( (NUM) , (NUM) \)",
        lambda m: (
            f"in uniform({m[1]}, {m[2]}).sample(100)"
            if re.search(r"^ domain\b", m.string, re.MULTILINE)
            else ""
        ),
        "`range` counts whole numbers; points of an interval are drawn",
    ),
    row(
        r"\b(?:let|def)~(WORD) = lambda~([\w, \t]*): ",
        r"let \1(\2) = ",
        "`lambda` is Python: what a function takes stands behind its name",
    ),
)
