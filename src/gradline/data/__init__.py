"""Anything tabular as restartable streams of numeric blocks, by one recorded design."""
