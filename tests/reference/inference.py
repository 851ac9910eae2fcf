# ruff: noqa: E501 - a case is a line
"""Eleven models of ten data sets, and what R's lm, car, sandwich and lmtest say of them: writes `inference.json` anew.

python tests/reference/inference.py
"""

import json
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import formulas  # beside this file

ANSWERS = Path(__file__).with_suffix(".json")
EXAMPLES = Path(__file__).parents[2] / "src" / "gradline" / "examples"


class Case(NamedTuple):
    """A model of a data set, with row weights and clusters where it has them, and equations to be tested.

    `r` is the formula where R writes it otherwise, `tested` and `r_tested` are the same equations.
    """

    data: str
    formula: str
    tested: str
    r_tested: tuple[str, ...]
    cluster: str | None = None
    weights: str | None = None
    weights_are: str | None = None
    r: str | None = None


CASES = [
    Case("mtcars", "mpg ~ wt * hp", "wt = 100*hp, wt:hp = 0", ("wt - 100*hp = 0", "wt:hp = 0"), "gear"),
    Case("mtcars", "mpg ~ wt + hp + C(cyl)", "wt = -3", ("wt = -3",), weights="carb", weights_are="counts", r="mpg ~ wt + hp + factor(cyl)"),
    Case("mtcars", "mpg ~ wt + hp", "wt = 0, hp = 0", ("wt = 0", "hp = 0"), "carb", "qsec", "precision"),
    Case("warpbreaks", "breaks ~ wool * tension", "wool=B = tension=L", ("woolB - tensionL = 0",)),
    Case("airquality", "Ozone ~ Solar.R + Wind + Temp", "Wind = -2*Temp", ("Wind + 2*Temp = 0",), "Month"),
    Case("iris", "Petal.Width ~ Petal.Length * Species + Sepal.Width", "Species=versicolor = Species=virginica", ("Speciesversicolor - Speciesvirginica = 0",)),
    Case("teeth", "len ~ supp * dose", "supp=VC:dose = 0", ("suppVC:dose = 0",)),
    Case("prestige", "prestige ~ education + log(income) + type", "type=prof = type=wc, education = 3", ("typeprof - typewc = 0", "education = 3"), "type"),
    Case("npk", "yield ~ C(block) + N * P + K", "N + P = 0", ("N + P = 0",), "block", r="yield ~ factor(block) + N * P + K"),
    Case("economics", "unemploy ~ psavert + uempmed", "psavert = 0", ("psavert = 0",)),
    Case("longley", "employed ~ deflator + gnp + unemployed + military + population + year", "gnp = 0, population = 0", ("gnp = 0", "population = 0")),
]  # fmt: skip


def table(name: str) -> bytes:
    """A data set as CSV."""
    return (EXAMPLES / "longley.csv").read_bytes() if name == "longley" else formulas.table(name)


_R = """
suppressMessages({library(car); library(sandwich); library(lmtest); library(jsonlite)})
cases <- fromJSON("cases.json", simplifyVector=FALSE)
told <- list()
plain <- function(m) { m <- unname(as.matrix(m)); m }
for (case in cases) {
  data <- read.csv(paste0(case$data, ".csv"), stringsAsFactors=TRUE)
  formula <- as.formula(case$formula)
  kept <- intersect(c(all.vars(formula), case$weights, case$cluster), names(data))
  data <- data[complete.cases(data[kept]), ]
  if (!is.null(case$weights)) data$w <- data[[case$weights]]
  if (identical(case$weights_are, "counts")) data <- data[rep(seq_len(nrow(data)), data$w), ]
  weighted <- identical(case$weights_are, "precision")
  found <- if (weighted) lm(formula, data, weights=w) else lm(formula, data)
  one <- summary(found)
  by <- function(test) list(squares=unname(test[["Sum Sq"]]), degrees=unname(test[["Df"]]),
                            F=unname(test[["F value"]]), p=unname(test[["Pr(>F)"]]))
  tested <- unlist(case$tested)
  wald <- linearHypothesis(found, tested)
  robust <- linearHypothesis(found, tested, vcov.=vcovHC(found, "HC3"))
  inflation <- suppressMessages(vif(found))
  inflation <- if (is.matrix(inflation)) inflation[, 1] else inflation
  answer <- list(
    coefficients=unname(coef(found)), covariance=plain(vcov(found)), sigma=one$sigma, r2=one$r.squared,
    adjusted=one$adj.r.squared, F=unname(one$fstatistic), likelihood=as.numeric(logLik(found)), AIC=AIC(found),
    BIC=BIC(found), interval=plain(confint(found, level=0.9)), I=by(anova(found)), II=by(Anova(found, type=2)),
    III=by(Anova(found, type=3)), gvif=unname(inflation), wald=c(wald$F[2], wald$Df[2], wald[["Pr(>F)"]][2]),
    wald_HC3=c(robust$F[2], robust$Df[2], robust[["Pr(>F)"]][2]))
  for (kind in c("HC0", "HC1", "HC2", "HC3")) answer[[kind]] <- plain(vcovHC(found, kind))
  answer$HAC <- plain(NeweyWest(found, lag=3, prewhite=FALSE, adjust=TRUE))
  if (!weighted) {
    e <- residuals(found); z <- fitted(found); centred <- e - mean(e); second <- mean(centred^2)
    skewness <- mean(centred^3) / second^1.5; excess <- mean(centred^4) / second^2 - 3
    jb <- length(e) / 6 * (skewness^2 + excess^2 / 4)
    off <- outlierTest(found, cutoff=Inf, n.max=1)
    pair <- function(test) unname(c(test$statistic, test$p.value))
    answer$assumptions <- list(
      bp=pair(bptest(found)), white=pair(bptest(found, ~ z + I(z^2), data=data.frame(z=z))), reset=pair(resettest(found, power=2:3)),
      bg=pair(bgtest(found, order=1)), dw=unname(dwtest(found)$statistic), jb=c(jb, pchisq(jb, 2, lower.tail=FALSE)),
      skewness=skewness, excess=excess, outlier=c(abs(unname(off$rstudent)), min(1, unname(off$p) * length(e))),
      row=which.max(abs(rstudent(found))), cook=max(cooks.distance(found)))
  }
  if (!is.null(case$cluster))
    answer$cluster <- plain(vcovCL(found, cluster=data[[case$cluster]], type="HC1", cadjust=TRUE))
  told[[length(told) + 1]] <- answer
}
write_json(told, "answers.json", digits=NA, auto_unbox=TRUE)
"""


def main() -> None:
    """Ask R, and write what it says."""
    asked = [{"formula": case.r or case.formula, "tested": list(case.r_tested)} for case in CASES]
    kept(ANSWERS, [called(case) for case in CASES], told(_R, CASES, asked))


def told(script: str, cases: Sequence[Any], asked: Sequence[dict[str, Any]]) -> list[Any]:
    """What a script of R says of cases, whose fields `asked` has as R writes them; what is None is not told."""
    with tempfile.TemporaryDirectory() as folder:
        for name in {case.data for case in cases}:
            (Path(folder) / f"{name}.csv").write_bytes(table(name))
        whole = [{**case._asdict(), **own} for case, own in zip(cases, asked, strict=True)]
        known = [{key: value for key, value in case.items() if value is not None} for case in whole]
        (Path(folder) / "cases.json").write_text(json.dumps(known))
        (Path(folder) / "script.R").write_text(script)
        environment = {"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"}
        subprocess.run(["Rscript", "script.R"], cwd=folder, env=environment, check=True)
        return json.loads((Path(folder) / "answers.json").read_text())


def kept(path: Path, names: Sequence[str], answers: Sequence[Any]) -> None:
    """Write the answers by the names of their cases, a line each."""
    rows = ",\n".join(
        f"{json.dumps(name)}: {json.dumps(answer)}" for name, answer in zip(names, answers, strict=True)
    )
    path.write_text(f"{{\n{rows}\n}}\n")


def called(case: Case) -> str:
    """What a case is called."""
    weights = f", {case.weights} as {case.weights_are}" if case.weights else ""
    return f"{case.data}: {case.formula}{weights}"


if __name__ == "__main__":
    main()
