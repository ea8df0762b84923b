"""What the machine decided, as a page of text, Markdown, LaTeX, JSON or a graph."""
