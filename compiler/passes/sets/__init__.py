"""The sets in what people write, of one tensor or several."""
