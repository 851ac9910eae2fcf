"""Inference in words and tables: standard errors, tests, contrasts and terms, and what each figure means."""

from collections.abc import Sequence

from gradline.core.text import aligned, listed, wrapped
from gradline.model.coefficient_table import MEANINGS, beside, figure
from gradline.model.inference.anova import Anova
from gradline.model.inference.inference import Inference
from gradline.model.inference.joint import Contrast, Wald

BESIDE = {
    "I": "beside those before it",
    "II": "beside all others, those that contain it left out",
    "III": "beside all others, as categories are coded here",
}


def inflation(inference: Inference) -> str:
    """How far the columns inflate each other's errors, the worst first; it says nothing of the targets."""
    factors = dict(zip(inference.moments.features, inference.vif.tolist(), strict=True))
    worst = sorted(factors, key=lambda name: -factors[name] if factors[name] == factors[name] else 0.0)
    said = listed(f"{name} {figure(factors[name], '.4g')}" for name in worst)
    meaning = f"VIF: {MEANINGS['VIF']}."
    return f"{wrapped(f'VIF by column: {said}.')}\n{wrapped(meaning)}"


def anova_table(anova: Anova) -> str:
    """The terms of each target, what they explain, and what is left."""
    blocks = []
    for j, target in enumerate(anova.targets):
        columns = [
            [target, *(term.label for term in anova.terms), "residual"],
            ["degrees", *(f"{term.degrees:,}" for term in anova.terms), f"{anova.freedom:,.6g}"],
            ["squares", *(f"{term.squares[j]:.6g}" for term in anova.terms), f"{anova.residual[j]:.6g}"],
            ["F", *(figure(term.F[j], ".5g") for term in anova.terms), ""],
            ["p", *(figure(term.p_value[j], ".3g") for term in anova.terms), ""],
            ["GVIF", *(figure(term.gvif, ".4g") for term in anova.terms), ""],
        ]
        blocks.append(aligned(columns))
    meanings = [
        f"squares: by how much the sum of squared residuals grows without the term ({anova.kind}: "
        f"{BESIDE[anova.kind]}).",
        "F: that for each of its degrees, in units of what is left; p: how often chance would make it so large if the "
        "term had no part in the target.",
        "GVIF: how many times the other terms enlarge the square of what its coefficients may vary by.",
    ]
    return "\n\n".join([*blocks, "\n".join(map(wrapped, meanings))])


def wald_lines(found: Wald, targets: Sequence[str]) -> str:
    """What a test of equations together came to, a line for each target."""
    lines = [f"together: {', '.join(found.equations)}"]
    for target, F, p in zip(targets, found.F.tolist(), found.p_value.tolist(), strict=True):
        lines.append(f"{target}: F {F:.6g} on {found.equal} and {found.freedom:,.6g}, p {p:.3g}")
    return "\n".join(map(wrapped, lines))


def contrast_table(found: Contrast, targets: Sequence[str], level: float) -> str:
    """Sums of coefficients with their errors, by target."""
    blocks = []
    interval = found.interval(level)
    for j, target in enumerate(targets):
        columns = [
            ["", *(figure(v, ".7g") for v in found.estimate[j])],
            ["std. error", *(figure(v, ".4g") for v in found.stderr[j])],
            ["t", *(figure(v, ".4g") for v in found.t[j])],
            ["p", *(figure(v, ".3g") for v in found.p_value[j])],
            [f"{100 * level:g} % from", *(figure(v, ".5g") for v in interval[j, :, 0])],
            ["to", *(figure(v, ".5g") for v in interval[j, :, 1])],
        ]
        blocks.append(beside([target, *found.sums], columns))
    return "\n\n".join(blocks)
