"""Runs the works and writes one JSON file for each: `make bench`, `make bench-quick`.

Every figure comes from rounds in which all contestants of a case ran in turn, in a new order each time.
"""

import argparse
import datetime
import json
import os
import subprocess
import sys
from typing import Any

from alternating import alternate
from contest import Case, correct_digits, excess_loss
from machine import machine, versions
from memory import peak
from table import RESULTS, ROOT, details
from works import WORKS

TRIED = ROOT / "build" / "benchmarks"  # quick figures are for looking at only
ROUNDS, OF_CURVES, QUICK = 5, 3, 2


def measured(work: str, quick: bool) -> dict[str, Any]:
    """The whole account of one work, as it is written."""
    began = {
        "name": work,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "versions": versions(),
        "load_at_start": os.getloadavg(),
    }
    cases = [
        fought(case, QUICK if quick else OF_CURVES if case.axis else ROUNDS) for case in WORKS[work](quick)
    ]
    return {**began, "load_at_end": os.getloadavg(), "cases": cases}


def fought(case: Case, rounds: int) -> dict[str, Any]:
    """One case: seconds of every round, digits and excess loss of the last answer, peak memory.

    The points of a growth curve, which are many, have fewer rounds, and are about time alone.
    """
    print(case.title, file=sys.stderr)
    bout = case.prepare()
    outcomes = alternate(bout.contestants, rounds)
    reference, X = bout.reference(), bout.inputs and bout.inputs()
    found = {}
    for name, runs in outcomes.items():
        last = runs[-1]
        told = last.memory is not None or last.stopped or case.axis
        memory = last.memory if told else peak(bout.contestants[name])
        found[name] = {
            "seconds": [run.seconds for run in runs],
            "digits": correct_digits(last.answer, reference),
            "excess_loss": excess_loss(last.answer, reference, X),
            "memory": memory,
            "stopped": last.stopped,
        }
    return {"title": case.title, "axis": case.axis, "size": case.size, "contestants": found}


def main() -> None:
    """Measure one work here, or each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller tables, two rounds, results in build/")
    parser.add_argument("--only", choices=list(WORKS), help="one work")
    words = parser.parse_args()
    if words.only is None:
        for work in WORKS:
            subprocess.run([sys.executable, *sys.argv, "--only", work], check=True)
        return
    result = measured(words.only, words.quick)
    folder = TRIED if words.quick else RESULTS
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{words.only}.json").write_text(json.dumps(result, indent=1) + "\n")
    print(details(result))


if __name__ == "__main__":
    main()
