"""Why a clause does not parse: one file a kind of mistake, most specific first."""
