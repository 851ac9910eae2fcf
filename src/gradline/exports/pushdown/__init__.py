"""Sums over a table that stays in its database: two SELECTs, how they are run, and what their answers say."""
