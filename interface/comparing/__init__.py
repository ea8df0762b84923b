"""One spec by several methods and seeds, in one table."""
