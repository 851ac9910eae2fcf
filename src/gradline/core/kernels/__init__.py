"""Loops in C, built with the package for several kinds of processor, each with a NumPy twin that it is tested against.

`gradline.core.kernels.library` finds the build for this processor; `build` compiles them all.
"""
