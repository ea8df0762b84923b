"""Text before it is a tree: source and places in it, tokens, clauses, the parser's automaton."""
