"""Whether what standard errors assume holds: tested from one pass over the rows, each with its size, in words."""

from gradline.model.assumptions.assumptions import Assumptions, Finding, assumptions

__all__ = ["Assumptions", "Finding", "assumptions"]
