"""Terms of formulas: products of columns, functions of them, and what such functions learn from training rows."""
