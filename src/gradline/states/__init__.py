"""Ledgers of partial states: what was read of which file, so that only what is new or has changed is read again."""
