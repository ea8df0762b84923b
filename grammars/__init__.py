"""The grammar of the language, and the parser tables that are generated from it."""
