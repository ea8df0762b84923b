"""Rows of words that other tools and plain English have, where a line of its kind has another."""

import re

from cspec.dsl.messages.synonyms import STAND_INS
from cspec.dsl.parsing import rewrite_forms as forms
from cspec.dsl.parsing.rewrite_forms import row
from cspec.dsl.words.functions import SURROGATES

_SET = r"(?:\[[^\[\]\n]*\]|\{[^{}\n]*\}|WORD(?:\([^()\n]*\))?)"
_EVENT = r"(?:[^()\[\]\n]|\([^()\n]*\))*?[<>=](?:[^()\[\]\n]|\([^()\n]*\))*"
_NAMES = (
    "eps|epsilon|radius|r|from|from_|to|start|stop|end|low|high|lo|hi|lower|upper|center|centre|x"
    "|level|q|alpha|p|ord|n|num|count|size|a|b|min|max|first|last|mean|std|mu|sigma|loc|scale|wrt"
)
"""What other tools call arguments that have no names here."""

WORD_ROWS = (
    row(
        r"HEAD(?:constraint|cons?|require|requirement|rule|limit|subject~to|subto)~(WORD :)(?!=)",
        r"\1\2",
        "what stands below `s.t.` is a constraint: its label begins it",
    ),
    row(r"([<>!])~=(?!=)", r"\1=", "a relation is one mark: `{1}=`"),
    row(
        r"(NUM) %? (?:pp|ppt|pps|p\.p\.|pct|percentage points?|percent|points?)(?![\w(])",
        r"\1%",
        "a share is written with `%`",
    ),
    row(
        r"(?<![\w.])(\d{1,3}(?:\.\d{3}){2,})(?![\d.])",
        lambda m: m[1].replace(".", "_"),
        "`{1}`: thousands are parted by `_`",
    ),
    row(
        r"(?<![\w.])(\d+(?:\.\d+)?) (?:degrees?|degs?)(?!\w)",
        forms.radians,
        "numbers have no units: angles are in radians",
    ),
    row(r"(?<![\w.])(NUM) \*? (?:rad|radians?)(?!\w)", r"\1", "angles are in radians"),
    row(
        r"\b(WORD)~in~values\((WORD)\)([^\n]*\b\2 == )(?!\1\b)(WORD)\b",
        forms.bound,
        "`{4}` is no name: `{1}` goes over the values of `{2}`",
        "CS201",
    ),
    row(
        r"(\bdata[ \t][^=\n]*= WORD\((?:IN)*\)) , (?:data~)?(?=WORD\([^()\n]*\) =)",
        r"\1" + "\n" + "data ",
        "a source ends its line",
    ),
    row(
        r"^( from~\S+)~(?!import\b)(?:(?:use|load|get|take|include)~)?(WORD(?: , WORD)*) $",
        r"\1 import \2",
        "what comes from a file stands behind `import`",
    ),
    row(
        r"^( (?:minimize|maximize))~(.+?)~for~(?:\( WORD(?: , WORD)* \)|WORD)~in~(WORD) $",
        r"\1 E[\2 on \3]",
        "a mean over examples is `E[...]`",
    ),
    row(
        r"^( (?:minimize|maximize))~(.+?)~(for~[^\n]+?) $",
        r"\1 E[\2 \3]",
        "a mean over examples, or points, is `E[...]`",
    ),
    row(
        rf"(?<![\w.])(?:1|I|𝟙|indicator|Indicator|ind|iverson) "
        rf"(?:\{{({_EVENT})\}}|\[({_EVENT})\]|\(({_EVENT})\))",
        lambda m: f"({(m[1] or m[2] or m[3]).strip()})",
        "an event counts 0 or 1 by itself",
    ),
    row(
        r"[<⟨] ([^<>=\n,⟩]+) , ((?:\[[^\[\]\n]*\]|[^<>=\n,⟩])+?) [>⟩](?!=)",
        r"dot(\1, \2)",
        "an inner product is `dot(a, b)`",
    ),
    row(
        r"\bby~(?:design|definition|construct|constructive|architecture|structure|necessity)\b",
        "by construction",
        "what holds at every step holds `by construction`",
    ),
    row(
        r"(NUM|\])~surrogate~(?=WORD)",
        r"\1 with surrogate ",
        "a stand-in stands behind `with surrogate`",
    ),
    row(
        r"\bwith~surrogate~(WORD)(?!\w|\()",
        lambda m: (word := STAND_INS.get(m[1].lower(), "")) and f"with surrogate {word}",
        f"a stand-in is one of {', '.join(SURROGATES)}, or an expression",
    ),
    row(
        r"\b(?:range|spread|ptp|max_min|difference|disparity|max_difference|max_diff|width)"
        r"\((RATE)\)",
        r"gap(\1)",
        "the largest less the smallest is `gap`",
    ),
    row(
        r"\b(WORD)~in~simplex\( (?:sum|total|scale|mass|radius|z|s|to) = (NUM) \)",
        r"sum(\1) == \2; \1 >= 0",
        "entries of `simplex` sum to 1; to another number it is said by a sum",
    ),
    row(
        r"\bfor~(WORD(?: , WORD)+)~in~(range\([^()\n]*\))",
        lambda m: "for " + " for ".join(f"{n.strip()} in {m[2]}" for n in m[1].split(",")),
        "each name goes over a set of its own",
    ),
    row(
        rf"(\bforall~[^\n:]*?~in~{_SET})~"
        r"(?:having|such~that|so~that|with|if|when|filter|filtered~by|provided|for~which)"
        r" ([^\n:]+?)(?= :)",
        r"\1 where \2",
        "which of a set are meant stands behind `where`",
    ),
    row(
        r"(\bforall~[^\n:]+?) : ([^\n]+?)~(?:where|if|when|whenever|for~which|having)~([^\n]+?) $",
        r"\1 where \3: \2",
        "which of a set are meant stands behind the set",
    ),
    row(
        r"^( fit\( )(?:(?:(?:model|data|x|y) = )?(?!full\b|auto\b)WORD , )+(?=WORD =)",
        r"\1",
        "model and data are those of the spec: `fit` has settings alone",
        "CS131 CS502",
    ),
    row(r"^ WORD\.(fit)\((.*)\) $", r"\1(\2)", "`fit` is a line of its own"),
    row(
        r"\b(?:every|each|per|once~(?:an|a|every|each|per))~(?:(\w+)~)?(epoch|step)s?\b",
        forms.every,
        "how often is a number: `every 2 epochs`",
    ),
    row(
        r"^ (?:until|stop~(?:if|once|as~soon~as|at|on|after|until|:)|stop"
        r"|stop_when|stop_if|halt~when|terminate~(?:when|if)|break~(?:if|when)|end~when"
        r"|finish~when|early_stop(?:ping)?(?:~when)?)"
        r"~(?!when\b)(.+?) $",
        r"stop when \1",
        "when to stop is a line `stop when`",
    ),
    row(
        r"^ stop~when~(?:converged|convergence|no_improvement|plateau|patience|stalled(?!\( WORD)"
        r"|no_progress|early_stopping|stagnation|unchanged)"
        r"(?:\( (?:WORD =)? (\d+)? (?:epochs?)? \))? $",
        lambda m: (
            "" if "stalled" in m[0] and not m[1] else f"stop when stalled(epochs={m[1] or 5})"
        ),
        "no progress for a number of epochs is `stalled`",
    ),
    row(
        r"^ stop~when~(?:stalled|no~improvement|no~progress|converged|plateau\w*|unchanged)"
        r"~(?:for|in|over|after|during)~(\d+)~(epoch|step)s?(?:~in~a~row)? $",
        r"stop when stalled(\2s=\1)",
        "no progress for a number of epochs is `stalled`",
    ),
    row(
        r"^( (?:param|var)~WORD[^=\n]*= NUM) ,? (?:within|between|range =?|bounds =?|from|on|∈|:)? "
        r"[\[(] (NUM) , (NUM) [\])] $",
        r"\1 in [\2, \3]",
        "an interval stands behind `in`",
    ),
    row(
        r"^( (?:param|var)~WORD[^=\n]*?(?:= NUM)?) ,? (?:min|lb|lower|low|lo|ge|minimum) = (NUM) "
        r",? (?:max|ub|upper|high|hi|le|maximum) = (NUM) $",
        r"\1 in [\2, \3]",
        "an interval stands behind `in`",
    ),
    row(
        r"^( (?:param|var)~(WORD)[^=\n]*= NUM) ,? (NUM) <=? \2 <=? (NUM) $",
        r"\1 in [\3, \4]",
        "an interval stands behind `in`",
    ),
    row(
        r"^( (?:param|let|var)~WORD (?:\[[^\]\n]*\])?) (?:<-|←|:|==|<<)(?!=) ",
        r"\1 = ",
        "a value stands behind `=`",
    ),
    row(
        r"^( var~WORD (?:\[[^\]\n]*\])?) = [\w.]*(?:randn|rand|random|normal|uniform|gaussian"
        r"|glorot\w*|xavier\w*|kaiming\w*)\((?:IN)*\)",
        r"\1",
        "a start is a number; without one cspec chooses",
    ),
    row(
        r"(\bvar~WORD[^\n]*?~in~\[[^\[\]\n]*\]) (?:\^|\*\*) (?:\d+|WORD) ",
        r"\1",
        "an interval holds for each entry",
    ),
    row(
        r"^( domain~WORD)\(((?: WORD (?:in|∈|:|=) \[[^\[\]\n]*\] ,?)+) \) $",
        forms.axes_in_place,
        "intervals stand in a `box`, one an axis",
    ),
    row(
        r"\bramp\( (NUM) (?:->|=>|to|→|\.\.|,|:) (NUM) (?:,|over|in|for|within)? "
        r"(?:(?:epochs =)? (\d+)(?: (epoch|step)s?)?)? \)",
        lambda m: f"ramp({m[1]}, {m[2]}" + (f", {m[4] or 'epoch'}s={m[3]}" if m[3] else "") + ")",
        "a ramp goes from its first number to its second",
    ),
    row(
        r"\bbatch_size = (?:-1|0|None|null|none|inf|auto|\"?all\"?|\"full\"|len\(WORD\)|whole|max)"
        r"(?=[ \t,)])",
        "batch_size=full",
        "all examples a step are `full`",
    ),
    row(
        r"^( verify~[^\n]*?)~(?:by|using|via|with|method =|through)~(?:WORD\b)(?<!confidence)"
        r"(?:\([^()\n]*\))? $",
        r"\1",
        "the better bound is taken by itself",
    ),
    row(
        r"^( verify~[^\n]*?)~every~(?:\d+~)?WORD(?=~with~confidence)",
        r"\1",
        "a certificate is made once, at the end",
    ),
    row(
        r"^ verify~all~(?:except(?:~for)?|but(?:~not)?|without|minus|excluding|-)~(WORD)(.*)$",
        forms.verified_but,
        "what is verified is named",
    ),
    row(
        r"^ metric~WORD = (WORD)\.(?:multiplier|dual|shadow_price|price|lambda|lambda_|mu|nu)\b.*$",
        "",
        'multipliers stand in the report, and in `result["{1}"].multiplier`',
    ),
    row(
        r"^( metric~WORD = [^\n]+?)~(?:every~(?:\d+~)?WORD|each~WORD|per~WORD|at~end|always) $",
        r"\1",
        "a metric is recorded whenever the run is",
    ),
    row(
        r"HEAD(?:forall~)?\( WORD(?: , WORD)* \)~in~WORD\.(?:boundary|border|edges?|walls?|faces)"
        r"\( (\d+) \) : ([^\n]+)$",
        forms.boundary,
        "a boundary is its faces: each has points of its own",
    ),
    row(
        r"\b(WORD)\.(?:points|point|draw|random|rand|samples|uniform|sample_points|collocation"
        r"|generate|get|take|rvs|sampling|interior|random_points)\(",
        r"\1.sample(",
        "points of a domain are drawn by `sample`",
    ),
    row(
        r"\b(WORD)\.(?:lattice|mesh|meshgrid|linspace|grid_points|regular)\(",
        r"\1.grid(",
        "regular points of a domain are its `grid`",
    ),
    row(
        r"^[^\n]*\bdiff\( WORD , WORD[^\n]*$",
        forms.turned_round,
        "what is derived stands first, what by behind it",
        "CS302",
    ),
    row(
        r"\b(laplacian|diff|grad)\( (WORD) , [\[(] (WORD(?: , WORD)*) [\])] \)",
        r"\1(\2, \3)",
        "variables stand behind one another, without brackets",
    ),
    row(r"\bsolver = (?:fgsm|fgm|FGSM|single_step)\b", "solver=pgd(steps=1)", "one step of `pgd`"),
    row(
        r"\bin~(WORD) (?:(?:x|×|\*|@)~? \1\b|(?:\^|\*\*) 2)",
        r"in pairs(\1)",
        "pairs of examples are `pairs({1})`",
    ),
    row(
        r"\b(?:ball|ramp|uniform|normal|quantile|cvar|clip|norm|range|diff)\((?:IN)*\)",
        lambda m: re.sub(rf"([(,][ \t]*)(?:{_NAMES})[ \t]*=(?!=)[ \t]*", r"\1", m[0]),
        "what goes by its place has no name",
        "CS502 CS301",
    ),
    row(
        r"\b(?:df|data|dataset|frame|table|batch|row|sample|example|ds)(?:\.(WORD)\b(?!\()"
        r"|\[ [\"'](WORD)[\"'] \])",
        lambda m: m[1] or m[2],
        "columns stand alone",
    ),
    row(
        r"\b([EP]\[[^\[\]|\n]*?)\]?~(?:groupby|group_by|group~by|grouped~by|grouped|GROUP~BY|across"
        r"|foreach|split~by)~(WORD) \]?",
        r"\1 | \2]",
        "rates by group have the column behind `|`",
    ),
    row(
        r"\bforall~(WORD) (?:=|from|:=|:|in) (\d+)() (?:to|\.\.\.?|:|until|through) (\d+)(?! \})",
        lambda m: f"forall {m[1]} {forms.from_to(int(m[2]), int(m[4]), 1)}",
        "numbers from 0 on are `range(n)`, without `..`",
    ),
    row(r"^( (?:param|let)~WORD) , (NUM) $", r"\1 = \2", "a value stands behind `=`"),
    row(
        r"\b(?:cross|product|combinations|permutations|all_pairs|couples|zip|pair)"
        r"\( (WORD) (?:, (?:\1|2|r = 2))? \)",
        r"pairs(\1)",
        "pairs of examples are `pairs({1})`",
    ),
    row(
        r"^[^\n]*\( \( WORD , WORD[^()\n]*\) , \( WORD , WORD[^()\n]*\) \)~in~pairs\([^\n]*$",
        forms.untupled,
        "an example of a pair has one name: its columns are its parts",
    ),
    row(
        r"^(?=[^\n]*\b(?:WORD)\[ \d \])[^\n]*~in~pairs\([^\n]*$",
        forms.by_place,
        "an example of a pair has columns, and no places",
        "CS302",
    ),
    row(
        r"((?:<=|>=|==) NUM|~in~\S+?)"
        r"~(?:(?:via|using|through|method =?|@|with~method|enforced~by)~?)?"
        rf"({forms.METHOD_WORDS})\b"
        r"(\((?:IN)*\))? $",
        r"\1 by \2\3",
        "a method stands behind `by`",
    ),
    row(
        r"^ (using|by)~([A-Za-z]+(?:[-. ][A-Za-z]+)+)(\((?:IN)*\))? $",
        forms.dashed,
        "the method is one word",
    ),
    row(
        r"^ using~(?:default|defaults|automatic|any|best|none|None|whatever) $",
        "using auto",
        "cspec chooses the method where none is named",
    ),
    row(
        r"\( (?!split\b)WORD = (?:auto|default|None|none|null|\"auto\") \)"
        r"| , (?!split\b)WORD = (?:auto|default|None|none|null|\"auto\")(?= [,)])",
        "",
        "what is left out is found from the problem",
        "CS503",
    ),
    row(
        r"(~in~WORD)\.(WORD(?:\.\w+)*)\.(weight|kernel|param)s?\b(?!\()",
        lambda m: f'{m[1]}.{"params" if m[3] == "param" else "weights"}("{m[2]}*")',
        "weights of a layer are chosen by their names",
        "CS210",
    ),
    row(
        r"\b(?:train|train_size|train_share|train_frac) = (NUM) ,"
        r"(?: (?:val|valid|dev|validation) = (NUM) ,)? (?:test|val|test_size) = (NUM)",
        lambda m: f"split=[{', '.join(part for part in m.groups() if part)}]",
        "shares are a list, `split`",
    ),
    row(
        r"\blinear\((?=[^()\n]*\b(?:hidden|act|depth|width|layers)\b)",
        "mlp(",
        "a model with hidden layers is an `mlp`",
    ),
    row(
        rf"^( (?:minimize|maximize)~.+?)~(?:by|using|with|via)~({forms.OPTIMIZER_WORDS})"
        r"(\((?:IN)*\))? $",
        r"\1" + "\n" + r"fit(optimizer=\2\3)",
        "`{2}` is an optimizer: `fit` takes it",
    ),
    row(
        r"((?:minimize|maximize) )?\b(ce|bce|mse|mae|hinge|nll|huber)\(((?:IN)*?) , "
        r"(?:sample_weights?|weights?|w|case_weights?) = (WORD) \)",
        lambda m: f"{m[1]}E[{m[4]}*{m[2]}({m[3]})]" if m[1] else f"{m[4]}*{m[2]}({m[3]})",
        "examples are weighed by a factor",
    ),
    row(r"\bwithin~(?:\+/?-|±|plus~or~minus|\+ -) (NUM)", r"within \1", "a tolerance has no sign"),
    row(
        r"HEAD([^\n]+?)~on~(WORD) (?:and|,|&|\+) (?:on~)?(WORD) $",
        r"\1\2 on \3; \2 on \4",
        "a constraint is measured on one dataset: one for each",
    ),
    row(
        r"\b(WORD)~in~(\[[^\[\]\n]*\])~(or|and)~(?=\[)",
        r"\1 in \2 \3 \1 in ",
        "each set has an `in` of its own",
    ),
    row(
        rf"\b(?:rate|fraction|share|prob|probability|Pr|freq|frequency|proportion|percentage|percent"
        rf"|portion|mean_of|prevalence)\(({_EVENT})\)",
        r"P[\1]",
        "a fraction of the data is `P[...]`",
    ),
    row(
        r"HEAD([A-Z]\w+)\( (?:WORD =)? (NUM) \) $",
        forms.parity,
        "parity is a bound on the gap of rates",
    ),
    row(
        r"\b([EP])\[([^\[\]|\n]*?)~on~(WORD)\[((?:[^\[\]\n])*)\] \]",
        r"\1[\2 | \4 on \3]",
        "which examples count stands behind `|`",
    ),
    row(
        rf"\b(WORD)~in~(WORD(?:\([^()\n]*\))?) (?:and|&|,|∩) (?:in~)?({forms.SETS})\b",
        r"\1 in \2; \1 in \3",
        "each set is a constraint of its own",
    ),
    row(
        r"\b(?:eig|eigs|eigvals|eigvalsh|eigenvalues|lambda_min|min_eig|eigmin|min_eigenvalue)"
        r"\( (WORD) \) >= 0(?:\.0)? $",
        r"\1 in psd",
        "a matrix without eigenvalues below 0 is in `psd`",
    ),
    row(
        r"\bin [{\[] (\d+)(?: , (\d+))? ,? (?:\.\.\.?|…) ,? (\d+) [}\]]",
        lambda m: forms.from_to(int(m[1]), int(m[3]), int(m[2]) - int(m[1]) if m[2] else 1),
        "numbers from 0 on are `range(n)`, without `..`",
    ),
    row(
        r"HEAD(?:exists|some|any|∃)~(WORD)~in~([^:\n]+?) : ([^<>=\n]+?) (<=|>=) ([^<>=\n]+?) $",
        lambda m: (
            f"{m[1]}{'max' if m[5] == '>=' else 'min'}({m[4]} for {m[2]} in {m[3]}) {m[5]} {m[6]}"
        ),
        "that one of them holds is a bound on the largest, or the smallest",
        "CS126 CS101",
    ),
    row(
        r"\bin~(?:groups|levels|unique|categories|distinct|classes|set|support|domain)\( (WORD) \)",
        r"in values(\1)",
        "the values of a column are `values({1})`",
    ),
    row(
        r"^( fit\([^\n]*?) ,? (?:validation_data|val_data|eval_set|eval_data|validation|val|valid"
        r"|eval) = (WORD) (,[^\n]*)?\) $",
        lambda m: f"{m[1]}{m[3] or ''})\nverify all on {m[2]} every epoch".replace("(, ", "("),
        "what is measured while it trains is a line `verify`",
    ),
    row(
        r"\bbox\( ((?:WORD (?:=|:|in) \[[^\[\]\n]*\] ,? )+)\)",
        forms.by_axis,
        "intervals of a `box` stand in the order of the axes",
    ),
    row(
        r"HEAD((?!forall\b|metric\b|minimize\b|maximize\b)[^\n]*[<>=]=[^\n]+)$",
        forms.everywhere,
        "a relation of points holds at some: `forall` says at which",
        "CS201 CS302",
    ),
    row(
        r"\b(?:sup|supremum|worst|worst_case|maximum|adversarial)\((?=(?:IN)*\bfor\b)",
        "max(",
        "the largest over a set is `max`",
    ),
    row(r"\b(?:inf|infimum|minimum|best)\((?=(?:IN)*\bfor\b)", "min(", "the smallest is `min`"),
    row(
        r"^[^\n]*\b(?P<name>[A-Za-z]\w*)['′][^\n]*$",
        forms.primed,
        "a name has no prime",
        "CS124 CS105",
    ),
    row(r"\bseed = [\[(] (\d+) ,[^\[\]()\n]*[\])]", r"seed=\1", "a run has one seed"),
    row(
        r"^ (?i:(max|min)(?:imi[sz]e|imum)?) :? ;? \n(?:[ \t]|\n)*(?=[^\s])(?!s\.t\.)",
        lambda m: f"{m[1].lower()}imize ",
        "an objective stands behind its word",
        "CS1 CS2",
    ),
    row(r"^ (?:End|END|end|EndModel|endmodel) ;? $", "", "a spec has no end mark", "CS2"),
)
