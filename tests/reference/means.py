"""Means by level of seven models, and what R's emmeans says of them: writes `means.json` anew.

python tests/reference/means.py
"""

from pathlib import Path
from typing import NamedTuple

import inference  # beside this file

ANSWERS = Path(__file__).with_suffix(".json")


class Case(NamedTuple):
    """A model of a data set, the category whose means are asked for, and values of other columns.

    `r` is the formula where R writes it otherwise.
    """

    data: str
    formula: str
    column: str
    at: dict[str, float] | None = None
    r: str | None = None


CASES = [
    Case("warpbreaks", "breaks ~ wool * tension", "tension"),
    Case("warpbreaks", "breaks ~ wool * tension", "wool"),
    Case("iris", "Petal.Width ~ Petal.Length * Species + Sepal.Width", "Species"),
    Case("iris", "Petal.Width ~ Petal.Length * Species + Sepal.Width", "Species", {"Petal.Length": 5.0}),
    Case("teeth", "len ~ supp * dose", "supp"),
    Case("prestige", "prestige ~ education + log(income) + type", "type", {"income": 5000.0}),
    Case("mtcars", "mpg ~ wt * hp + C(cyl)", "cyl", r="mpg ~ wt * hp + factor(cyl)"),
]  # fmt: skip

_R = """
suppressMessages({library(emmeans); library(jsonlite)})
cases <- fromJSON("cases.json", simplifyVector=FALSE)
told <- list()
for (case in cases) {
  data <- read.csv(paste0(case$data, ".csv"), stringsAsFactors=TRUE)
  formula <- as.formula(case$formula)
  data <- data[complete.cases(data[intersect(all.vars(formula), names(data))]), ]
  found <- lm(formula, data)
  means <- suppressMessages(emmeans(found, case$column, at=case$at))
  one <- as.data.frame(means); pairs <- as.data.frame(pairs(means, reverse=TRUE, adjust="tukey"))
  level <- as.character(one[[1]]); n <- length(level)
  # emmeans has B - A, C - A, C - B for each B after each A; ours run by A first.
  order <- order(unlist(lapply(2:n, function(j) 1:(j - 1))), unlist(lapply(2:n, function(j) rep(j, j - 1))))
  holm <- as.data.frame(pairs(means, reverse=TRUE, adjust="holm"))$p.value
  told[[length(told) + 1]] <- list(levels=level, mean=one$emmean, stderr=one$SE, df=one$df[1],
    lower=one$lower.CL, upper=one$upper.CL, difference=pairs$estimate[order], apart=pairs$SE[order],
    tukey=pairs$p.value[order], holm=holm[order])
}
write_json(told, "answers.json", digits=NA)
"""


def main() -> None:
    """Ask R, and write what it says."""
    answers = inference.told(_R, CASES, [{"formula": case.r or case.formula} for case in CASES])
    inference.kept(ANSWERS, [called(case) for case in CASES], answers)


def called(case: Case) -> str:
    """What a case is called."""
    return f"{case.data}: {case.formula} by {case.column}, {case.at or 'at means'}"


if __name__ == "__main__":
    main()
