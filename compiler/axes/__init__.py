"""What every expression over data is, once data and models are bound.

One number an example, or one an example and class, feature or token; an event, a category, text:
`Inference` reads it from the tree and the facts, says what does not fit, and tells emission how
values are brought together, so that two of them never meet by chance of their shapes.
"""
