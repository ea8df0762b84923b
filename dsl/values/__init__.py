"""What the text alone tells of values: ranges, linear forms, shapes, sums."""
