"""What sympy and interval arithmetic tell of expressions: shape, curvature, derivatives."""
