"""The doctor: what training on some data would meet, found before any training."""
