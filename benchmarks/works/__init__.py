"""The kinds of work that are measured; each gives its cases, smaller ones when it has to be quick."""

from works import epochs, exact, extended, files, growth, small, start, steps, wide

WORKS = {
    "exact": exact.cases,
    "epochs": epochs.cases,
    "steps": steps.cases,
    "files": files.cases,
    "start": start.cases,
    "small": small.cases,
    "wide": wide.cases,
    "extended": extended.cases,
    "growth": growth.cases,
}
