"""Linear algebra that numpy lacks: double-double, exact products, triangular factors, refinement."""
