"""What the commands print can be read: short sentences, every term explained where it first stands, plurals, digits."""

import re

import pytest
from packaged import package_file

from gradline.core.text import WIDTH, big, epochs, grown, rate

CROPS = ["example:crops", "-t", "apples", "-t", "oranges"]
NEAR = "inches,cm,y\n" + "".join(f"{x / 10},{round(x * 0.254)},{(x * x) % 97}\n" for x in range(400, 800, 7))
DEPENDENT = "a,b,c,y\n1,2,3,2\n2,3,5,6\n3,1,4,3\n4,4,8,16\n5,2,7,10\n6,7,13,42\n"

SHOWN = {
    "exact": ["fit", *CROPS],
    "stopped": ["fit", *CROPS, "--lr", "1e-5"],
    "diverged": ["fit", *CROPS, "--lr", "1e-3", "--force"],
    "mini-batches": ["fit", *CROPS, "--batch-size", "5", "--lr", "1e-5"],
    "standardised mini-batches": ["fit", *CROPS, "--batch-size", "5", "--holdout", "0.2"],
    "standardised": ["fit", "example:crops", "-t", "apples", "--lr", "auto"],
    "one epoch": ["fit", "example:line", "-t", "y", "--lr", "0.1", "--epochs", "1"],
    "all but arrived": ["fit", "example:line", "-t", "y", "--lr", "0.1", "--epochs", "1000"],
    "no bias": ["fit", "example:iphone", "-t", "sales", "--no-bias"],
    "dependent": ["fit", "dependent.csv", "-t", "y"],
    "dependent, trained": ["fit", "dependent.csv", "-t", "y", "--lr", "1e-3"],
    "nearly dependent": ["fit", "near.csv", "-t", "y"],
    "text": ["fit", "penguins.csv", "-t", "body_mass_g", "--missing", "drop"],
    "a rate refused": ["fit", *CROPS, "--lr", "1e-3"],
    "doctor": ["doctor", *CROPS],
    "doctor of a rate": ["doctor", *CROPS, "--lr", "1e-5"],
    "doctor of a rate too large": ["doctor", *CROPS, "--lr", "1e-3"],
    "doctor of dependent columns": ["doctor", "dependent.csv", "-t", "y"],
    "doctor of near columns": ["doctor", "near.csv", "-t", "y"],
    "doctor of text": ["doctor", "penguins.csv", "-t", "body_mass_g"],
    "trajectory": ["trajectory", *CROPS, "--lr", "1e-5", "--at", "100"],
    "trajectory too fast": ["trajectory", *CROPS, "--lr", "1e-3", "--at", "100"],
}

# What stands in an output, and the words that explain it there.
TERMS = {
    "RMSE": "typical error",
    "R²": "1 is perfect",
    "std. error": "std. error: how far",
    "VIF": "VIF: how many times",
    "AIC": "AIC, BIC: compare",
    "degrees of freedom": "degrees of freedom: rows beyond",
    "near-collinear": "hard to tell apart|nearly follow from others",
    "Condition number": "Near 1 trains fast",
    "steepness": "how many times steeper|slows training",
    "lr limit": "lr limit: the largest stable",
    "base levels": "with which the others are compared",
    "independent columns|columns are independent": "do not determine",
    "largest stable": "above it the loss grows|the error (would )?grows?|lr limit: the largest stable",
    "mean-square limit": "the noise of mini-batches grows",
}
# What nobody but a specialist reads without help stays in `--explain` and the course.
NEVER = (
    "half-life",
    "Hessian",
    "singular",
    "null space",
    "norm ",
    "treatment coding",
    "least-squares answer",
    " gap ",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    found = tmp_path_factory.mktemp("words")
    (found / "near.csv").write_text(NEAR)
    (found / "dependent.csv").write_text(DEPENDENT)
    (found / "penguins.csv").write_bytes(package_file("palmerpenguins", "data/penguins.csv"))
    return found


@pytest.fixture(scope="module")
def shown(folder):
    """What each command printed, on both streams, once for all tests."""
    from commands import command

    told = {}
    for name, words in SHOWN.items():
        done = command(*words, folder=folder)
        told[name] = done.out + done.err
    command("fit", *CROPS, "-o", "m.safetensors", folder=folder)
    told["show"] = command("show", "m.safetensors", folder=folder).out
    return told


def sentences(text):
    """The sentences of the prose: lines that go on are joined, tables and commands left out."""
    joined = re.sub(r"\n +(?=\S)", " ", text)
    prose = [line for line in joined.split("\n") if len(re.findall(r"\b[a-z]+\b", line)) > 5]
    return [part for line in prose for part in re.split(r"(?<=[.;:])\s+(?=\S)", line)]


ALL = [*SHOWN, "show"]


@pytest.mark.parametrize("name", ALL)
def test_no_sentence_is_long(name, shown):
    long = [sentence for sentence in sentences(shown[name]) if len(sentence.split()) > 28]
    assert not long


@pytest.mark.parametrize("name", ALL)
def test_every_term_is_explained_where_it_stands(name, shown):
    text = " ".join(shown[name].split())
    for term, explained in TERMS.items():
        if re.search(term, text):
            assert re.search(explained, text), (term, text)
    assert not [word for word in NEVER if word in text]


@pytest.mark.parametrize("name", ALL)
def test_ones_are_single_and_others_many(name, shown):
    assert not re.findall(r"(?<![\d.,])1 (?:rows|epochs|digits|columns|features|coefficients)\b", shown[name])
    assert not re.findall(r"\b(?:0|[2-9]|\d\d+) (?:row|epoch|digit|feature|coefficient)\b", shown[name])


@pytest.mark.parametrize("name", ALL)
def test_a_number_is_no_rounding_noise(name, shown):
    """No growth of 1.0, no zero with an exponent, no share below a millionth of a per cent."""
    assert not re.findall(r"\b1(?:\.0+)?×|-0\.0\b|\d(?:\.\d+)?e-\d\d %", shown[name])


@pytest.mark.parametrize("name", ALL)
def test_prose_fits_a_small_terminal(name, shown):
    said = shown[name].split("\n\n")
    prose = [
        line
        for block in said
        for line in block.split("\n")
        if "gradline" not in line and "  " not in line.strip()
    ]
    narrow = [line for line in prose if not line.startswith(("note", "warning", "  use a rate", "15 rows"))]
    assert max(map(len, narrow)) <= WIDTH


@pytest.mark.parametrize("factor", [1 + 10.0**-k for k in range(1, 15)] + [1.0099, 1.04, 16.9, 3e9])
def test_a_growth_is_told_from_none(factor):
    assert grown(factor).rstrip("×").replace(",", "") not in ("1", "1.0")
    assert float(grown(factor).rstrip("×").replace(",", "")) - 1 == pytest.approx(factor - 1, rel=0.5)


def test_an_epoch_is_one():
    assert (epochs(1), epochs(0.4), big(1e6)) == ("1 epoch", "0.4 epochs", "1 million")


@pytest.mark.parametrize(
    ("lr", "told"),
    [
        (1e-5, "1e-5"),
        (3.80195e-7, "3.80195e-7"),
        (1.115512e-4, "1.115512e-4"),
        (100.0, "100"),
        (0.05, "0.05"),
        (0.25 / 3, "0.08333333"),
    ],
)
def test_a_rate_is_told_as_it_was_typed(lr, told):
    assert rate(lr) == told
