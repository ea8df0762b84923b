"""Problem to problem: each pass rewrites one thing, and the history keeps the steps."""
