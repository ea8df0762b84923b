"""Text before it is a tree: source and places in it, terminals, tokens, clauses."""
