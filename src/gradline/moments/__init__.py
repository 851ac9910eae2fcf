"""The state that adds and subtracts: all that rows say to least squares; its rank, its collinearity."""
