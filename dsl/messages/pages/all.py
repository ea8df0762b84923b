"""Every code and its page: what `cspec explain CS401` prints."""

from cspec.dsl.messages.pages.kinds import KIND_CODES
from cspec.dsl.messages.pages.later_examples import EXAMPLES
from cspec.dsl.messages.pages.limits import LIMIT_CODES
from cspec.dsl.messages.pages.names import NAME_CODES
from cspec.dsl.messages.pages.page import Code
from cspec.dsl.messages.pages.problem import FORM_CODES
from cspec.dsl.messages.pages.running import RUN_CODES
from cspec.dsl.messages.pages.settings import SETTING_CODES
from cspec.dsl.messages.pages.syntax import SYNTAX_CODES

_PAGES: dict[str, Code] = {
    **SYNTAX_CODES,
    **NAME_CODES,
    **KIND_CODES,
    **LIMIT_CODES,
    **FORM_CODES,
    **SETTING_CODES,
    **RUN_CODES,
}
CODES: dict[str, Code] = {
    code: page.model_copy(update=EXAMPLES[code]._asdict()) if code in EXAMPLES else page
    for code, page in _PAGES.items()
}

LATER: frozenset[str] = frozenset(
    {
        *("CS211", "CS212", "CS213", "CS214", "CS217", "CS219"),
        *("CS220", "CS221", "CS222", "CS223", "CS312", "CS330", "CS331", "CS332", "CS334"),
        *("CS510", "CS511", "CS513", "CS516", "CS522", "CS523"),
        *("CS525", "CS526", "CS527", "CS528", "CS529", "CS541"),
        *RUN_CODES,
    }
)
"""Codes of what is found when names are bound, when a spec is compiled or while it runs: their
example specs check clean."""
