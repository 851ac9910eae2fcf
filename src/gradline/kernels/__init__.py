"""Compiled loops (numba), each with a NumPy twin that it is tested against; `compiled` decides when they load."""

from gradline.kernels.gram import gram
from gradline.kernels.hashes import hashed
from gradline.kernels.lines import read_numbers
from gradline.kernels.registers import LANES
from gradline.kernels.steps import sgd_epoch

__all__ = ["LANES", "gram", "hashed", "read_numbers", "sgd_epoch"]
