"""Diagnostics: records, how they are shown, and words of other libraries."""
