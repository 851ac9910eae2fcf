"""The kinds of work that are measured; each gives its cases, smaller ones when it has to be quick."""

from gradline import compiled
from works import epochs, exact, files, growth

compiled.load()  # a part of starting, as imports are for the others
WORKS = {"exact": exact.cases, "epochs": epochs.cases, "files": files.cases, "growth": growth.cases}
