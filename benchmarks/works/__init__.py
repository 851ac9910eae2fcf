"""The kinds of work that are measured; each gives its cases, smaller ones when it has to be quick."""

from works import epochs, exact, files, growth, start, steps

WORKS = {
    "exact": exact.cases,
    "epochs": epochs.cases,
    "steps": steps.cases,
    "files": files.cases,
    "start": start.cases,
    "growth": growth.cases,
}
