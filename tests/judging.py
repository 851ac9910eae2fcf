"""How often `diagnose` is right: loops of `learners` really run, and the verdicts on what they print are counted.

`python tests/judging.py [SEEDS [FIRST [NAME,…]]]` runs every loop, or those named, on five problems with so many seeds
from the first one on (1 and 0 unless given), each time with and without its start. It prints a line for each loop, one
for each verdict that is false, and the shares of the table's causes and of those outside it.
"""

import collections
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from learners import FIVE, MISTAKES, OUTSIDE, Learner, problems

from gradline.pytorch import diagnose
from gradline.pytorch.diagnosis.printed import read_printed
from gradline.pytorch.diagnosis.verdict import CANNOT_TELL, NONE_FITS, Diagnosis

# What a verdict is worth, from best to worst. Of a cause outside the table only the last four can be.
KINDS = {
    "sure": "the cause, for sure",
    "lead": "the cause, called the likeliest",
    "unseen": "a right loop would print the same losses",
    "said": "the cause, among others and not first",
    "unsure": "no cause is called the likeliest, and this one is not said",
    "misled": "another cause is called the likeliest",
    "false": "another cause, for sure",
}
RIGHT = ("sure", "lead")


@dataclass(frozen=True)
class Outcome:
    """A run and what diagnose said of it; `kind` is a key of `KINDS`."""

    mistake: str
    problem: str
    seed: int
    kind: str
    verdict: str
    likely: str

    def __str__(self) -> str:
        said = self.verdict if self.kind == "false" else f"most likely {self.likely}"
        return f"{self.kind}: {self.mistake} on {self.problem}, seed {self.seed}: {said}"


def is_unseen(learner: Learner, text: str, X: np.ndarray, Y: np.ndarray) -> bool:
    """Whether a right full-batch loop from the start given would print the same."""
    printed, limit = read_printed(text), 3e-4 if isinstance(learner.init[0], list) else 1e-5
    A = np.column_stack([np.ones(len(X)), X])
    theta = np.vstack([np.asarray(learner.init[1]), np.asarray(learner.init[0]).T]).astype(float)
    losses = []
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(printed.epochs.max() + 2):
            residual = A @ theta - Y
            losses.append((residual**2).mean())
            theta = theta - learner.lr * 2 * A.T @ residual / residual.size
        meant = [np.array(losses)[np.maximum(printed.epochs + shift, 0)] for shift in (-1, 0, 1)]
        return any((np.abs(printed.losses - right) <= 1e-4 + limit * right).all() for right in meant)


def _kind(diagnosis: Diagnosis, deserved: str) -> str:
    """Of what was said where the losses are not those of a right loop, or the loop is right."""
    is_open = diagnosis.verdict in (CANNOT_TELL, NONE_FITS)
    if not is_open:
        return "sure" if diagnosis.verdict == deserved else "false"
    if diagnosis.likely:
        return "lead" if diagnosis.likely == deserved else "misled"
    return "said" if any(c.fits and c.name == deserved for c in diagnosis.candidates) else "unsure"


def outcome(name: str, problem: str, X: np.ndarray, Y: np.ndarray, seed: int, start: bool = True) -> Outcome:
    """Run a loop of `MISTAKES` or `OUTSIDE`, and have its losses judged."""
    mistake, learner = MISTAKES.get(name), Learner(X, Y, seed)
    (mistake.run if mistake else OUTSIDE[name])(learner)
    text = learner.printed()
    init = learner.init if start else None
    diagnosis = diagnose(text, X, Y, lr=learner.lr, init=init, batch_size=learner.said)
    kind = _kind(diagnosis, mistake.verdict if mistake else "")
    may_be_unseen = name != "right" and learner.said is None
    if kind != "sure" and may_be_unseen and is_unseen(learner, text, X, Y):
        kind = "unseen"
    return Outcome(name, problem, seed, kind, diagnosis.verdict, diagnosis.likely)


def study(
    which: list[tuple[str, np.ndarray, np.ndarray]],
    names: Iterable[str],
    seeds: Iterable[int],
    start: bool = True,
) -> Iterator[Outcome]:
    """The outcome of every loop on every problem for which it can be, with every seed."""
    for name in names:
        for i, (problem, X, Y) in enumerate(which):
            if name in OUTSIDE or MISTAKES[name].targets(Y.shape[1]):
                for seed in seeds:
                    yield outcome(name, problem, X, Y, 1000 * seed + i, start)


def counted(names: list[str], seeds: range, start: bool) -> collections.Counter[str]:
    """A line for each loop, and for each verdict that names another cause; the counts of all together."""
    which, total = [problem for problem in problems() if problem[0] in FIVE], collections.Counter()
    for name in names:
        found = list(study(which, [name], seeds, start))
        kinds = collections.Counter(run.kind for run in found)
        total += kinds
        print(f"{name:26s}", *(f"{kinds[kind]:7d}" for kind in KINDS), flush=True)
        for run in found:
            if run.kind in ("false", "misled"):
                print(f"    {run}", flush=True)
    return total


def groups(names: list[str]) -> dict[str, list[str]]:
    """The causes of the table, those of them that chance may hide (`Mistake.is_hard`), and those outside it."""
    table = [name for name in names if name in MISTAKES]
    return {
        "in the table": [name for name in table if not MISTAKES[name].is_hard],
        "hard ones": [name for name in table if MISTAKES[name].is_hard],
        "outside it": [name for name in names if name in OUTSIDE],
    }


def main(seeds: range, names: list[str]) -> None:
    torch.set_num_threads(1)
    totals = {}
    for start in (True, False):
        for group, chosen in groups(names).items():
            what = f"{group}, {'with' if start else 'no'} start"
            if chosen:
                print("", what.ljust(26) + "  ".join(f"{kind:>6s}" for kind in KINDS), sep="\n")
                totals[what] = counted(chosen, seeds, start)
    print("\nAll together")
    for what, total in totals.items():
        count, seen = total.total(), total.total() - total["unseen"]
        right = sum(total[kind] for kind in RIGHT)
        share = (
            "" if what.startswith("outside") else f", right {right / seen:.1%} of the {seen} that can be seen"
        )
        print(f"{what:26s}", *(f"{kind} {total[kind]}," for kind in KINDS), f"of {count}{share}")
    everything = sum(totals.values(), collections.Counter())
    print(f"sure and false: {everything['false']} of {everything.total():,} verdicts")


if __name__ == "__main__":
    count, first, chosen = (*sys.argv[1:], *("1", "0", "")[len(sys.argv) - 1 :])
    main(range(int(first), int(first) + int(count)), chosen.split(",") if chosen else [*MISTAKES, *OUTSIDE])
