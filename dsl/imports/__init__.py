"""Python that a spec brings in: read as text, and run only from those who are trusted."""
