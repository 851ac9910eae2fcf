"""What everything else stands on: refusals, words, files, and how the process runs."""
