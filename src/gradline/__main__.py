"""`python -m gradline` is the `gradline` command."""

from gradline.cli import main

main()
