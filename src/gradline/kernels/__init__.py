"""Compiled loops (numba), each with a NumPy twin that it is tested against; `compiled` decides when they load."""

from gradline.kernels.steps import sgd_epoch
from gradline.kernels.sums import cross_products, hashed, mixed_sum, shifted

__all__ = ["cross_products", "hashed", "mixed_sum", "sgd_epoch", "shifted"]
