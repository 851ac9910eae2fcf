"""What follows from a fit beyond its coefficients: standard errors, intervals, residuals."""
