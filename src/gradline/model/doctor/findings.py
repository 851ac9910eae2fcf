"""The codes of what can be found in data before training: for each a title, a paragraph, an example, a reference."""

from typing import NamedTuple

from gradline.core.errors import UsageError


class Code(NamedTuple):
    """What a code stands for, told once for all data."""

    title: str
    paragraph: str
    example: str
    reference: str


class Finding(NamedTuple):
    """One thing found in these data: its code, the cause with its numbers, and what to do."""

    code: str
    cause: str
    remedy: str


CODES: dict[str, Code] = {  # the most important first: findings are told in this order
    "missing": Code(
        "Cells are missing",
        "A row with a missing cell among the columns in use cannot be used. The fit refuses such rows until it is "
        "told to drop them. Dropping is harmless where cells are missing by chance, and bends the answer where "
        "their absence has to do with the target.",
        "In a table of flights the arrival delay is missing where a flight was cancelled: late flights are missing "
        "more often than others.",
        "Little, Rubin 2019, Statistical Analysis with Missing Data, section 3.2",
    ),
    "rate-limit": Code(
        "The learning rate is, or easily gets, too large for these data",
        "A step that is too long lands on the other side of the valley, higher up, and the next one higher still: the "
        "loss grows without end. The largest stable learning rate is 2/λmax, where λmax is the steepest curvature of "
        "the loss; each epoch multiplies the error along a curvature λ by 1 − lr·λ. Columns with large values make the "
        "loss steep, and the limit low. The shares say how much each column has of the steepest direction.",
        "For the crop table the limit is 1.12e-4; at 1e-3 its error grows 16.9 times per epoch.",
        "LeCun, Bottou, Orr, Müller 1998, Efficient BackProp, section 5",
    ),
    "batch-limit": Code(
        "The learning rate is too high for small batches",
        "A mini-batch is noisier than all rows. Below the mean-square limit its noise shrinks together with the "
        "error; between that and the limit for all rows the loss may wander or grow. The limit for a batch of b of n "
        "rows is the largest lr with lr·[H² + (n − b)/(b(n − 1))·(M − H²)] ≼ 2H. H is the matrix of second derivatives "
        "of the loss (the Hessian), and M the mean square of that of a single row.",
        "For the crop table the limit is 1.12e-4 with all 15 rows in a step, and 6.92e-5 with one row.",
        "Défossez, Bach 2015, Averaged Least-Mean-Squares, section 2",
    ),
    "collinear": Code(
        "Some columns follow exactly from others",
        "Where one column is a sum of others in every row, one weight can rise and the others fall without changing "
        "any prediction, so the data do not determine them. gradline takes the smallest ones, and gradient descent "
        "goes to those nearest to its start: the predictions are right, these single weights mean nothing.",
        "A table holds width, height and half_perimeter = width + height. Leave one of the three out.",
        "Golub, Van Loan 2013, Matrix Computations, section 5.5",
    ),
    "slow": Code(
        "Gradient descent on the columns as they are takes very many epochs",
        "The loss is a long, narrow valley: training falls to its floor at once, then creeps along it. The steepest "
        "curvature λ across the valley limits the learning rate, the flattest one along it sets the time: an error "
        "there halves every ln 2/(lr·λ) epochs. The number of epochs grows with the ratio of the two, the steepness, "
        "which is also called the condition number of the Hessian.",
        "At lr 1e-5 the bias of the crop table takes 84.8 million epochs to lose all but a thousandth of its error.",
        "Boyd, Vandenberghe 2004, Convex Optimization, section 9.3",
    ),
    "far-from-zero": Code(
        "Columns lie far from zero for how little they vary",
        "A column whose mean is many standard deviations from zero looks to gradient descent like a second bias: the "
        "two differ only by the little that the column varies. Subtracting the mean ends that (centring), and changes "
        "nothing but what the bias means. Scaling alone does not.",
        "Temperatures of 85 ± 13 °F: about the mean they are ± 13.",
        "LeCun, Bottou, Orr, Müller 1998, Efficient BackProp, section 4.3",
    ),
    "unlike-scales": Code(
        "Columns vary on very different scales",
        "The loss is steepest along the column that varies most, as the square of its standard deviation. So that "
        "column limits the learning rate, and the one that varies least crawls. Dividing each by its standard "
        "deviation ends that.",
        "A distance in metres (± 100,000) beside a share (± 0.1) makes the loss 10¹² times steeper along the one.",
        "LeCun, Bottou, Orr, Müller 1998, Efficient BackProp, section 4.3",
    ),
    "few-rows": Code(
        "There are few rows for so many coefficients",
        "The coefficients are the weights and the bias. With no more rows than coefficients every target is met "
        "exactly and nothing is learned. With fewer than ten rows per coefficient the line follows chance in its "
        "rows, and its error on new rows is larger than the loss says.",
        "Five rows with three features and a bias leave one row to judge the line by.",
        "Harrell 2015, Regression Modeling Strategies, section 4.4",
    ),
    "identifier-column": Code(
        "A column looks like row numbers or identifiers",
        "Whole numbers that rise or fall in every row by little, that are 1 to n in some order, or that are called id "
        "and are others in every row, count or name rows rather than measure anything. A model that uses them learns "
        "the order of the table, and fails on new rows. A time or a dose by which the table is sorted looks the same: "
        "keep that.",
        "The columns id, rownames, Unnamed: 0 of an exported frame.",
        "Kaufman, Rosset, Perlich, Stitelman 2012, Leakage in Data Mining, section 2",
    ),
    "near-collinear": Code(
        "Some columns nearly follow from others",
        "One column says nearly what others say already, so their weights are hard to tell apart: small changes of the "
        "data move them far, one up and the other down. The predictions hardly change. No scaling helps. The condition "
        "number after standardising measures it: the ratio of the largest to the smallest singular value. Above 30 it "
        "is worth a look.",
        "The same length measured in inches and in rounded centimetres.",
        "Belsley, Kuh, Welsch 1980, Regression Diagnostics, section 3.2",
    ),
    "sentinel-value": Code(
        "A value stands for missing cells",
        "Surveys and instruments write −999, 9999 or the like where they know nothing, and programs 1900-01-01 for a "
        "date. To a model that is a number, and as it lies far from all others it turns the line towards itself. The "
        "value is looked for where it is a column's least or largest and lies farther from the others than these lie "
        "from one another.",
        "An age of 999 among ages from 18 to 91: --na 999 --missing drop.",
        "Little, Rubin 2019, Statistical Analysis with Missing Data, section 1.2",
    ),
    "total-row": Code(
        "A row sums up others",
        "Spreadsheets end in totals and means, and have subtotals in between. To a model such a row is one more "
        "observation, and as a total is many times as large as a row, it can settle the line alone. It is known by its "
        "numbers, which are the sums or the means of the rows above, or by its word, such as Total, in a column of "
        "names or beside the name of a group. --where 'region != \"Total\"' leaves such rows out, --skip-last the last "
        "ones.",
        "Twelve months of sales, and a thirteenth row called Total.",
        "Broman, Woo 2018, Data Organization in Spreadsheets, section 8",
    ),
    "copy-of-target": Code(
        "A column explains the target alone and whole",
        "Where one column gives the target to rounding, or but for a ten-thousandth of how it varies, it is most often "
        "the target in another unit, or was computed from it. The model then says nothing of the other columns, and "
        "fails where the copy is not known in advance.",
        "price_eur beside price_usd.",
        "Kaufman, Rosset, Perlich, Stitelman 2012, Leakage in Data Mining, section 2",
    ),
    "unit-jump": Code(
        "A column changes its unit in the middle of the table",
        "From one row on all values are larger, or smaller, by about a factor between units that people mix up, such "
        "as 1000, 2.54 or 0.4536. A file was perhaps joined to one in another unit, or a form was changed. The same "
        "of a file among others, or of rows in between, is told where they are like the others but for a power of ten, "
        "or but for a scale of temperature.",
        "Weights of 61 to 93 up to row 400, and of 134 to 210 from there: kilograms, then pounds.",
        "Broman, Woo 2018, Data Organization in Spreadsheets, section 2",
    ),
    "units-differ": Code(
        "A column of units holds several",
        "A column that is called unit, currency or the like has more than one word, so the numbers beside it are in "
        "several units, and a model takes them for one. Bring them to one unit in the table, or leave the others out "
        "by --where.",
        "Budgets in 'mln USD', and those of one year in 'bn USD'.",
        "Broman, Woo 2018, Data Organization in Spreadsheets, section 2",
    ),
    "rows-twice": Code(
        "Rows are there twice",
        "A row that stands in the table twice counts twice, and standard errors come out too small. It happens where a "
        "file is joined to itself, or an export is run again.",
        "Two exports of one month in a folder.",
        "Broman, Woo 2018, Data Organization in Spreadsheets, section 2",
    ),
    "rows-alike": Code(
        "Rows are nearly copies of others",
        "Groups of rows lie far closer to one another than all others do, as repeated measurements of one thing do, or "
        "a file joined to a rounded copy of itself. The coefficients may be right, but what standard errors count are "
        "rows, of which these are hardly new ones. A validation on rows that were kept out is deceived too.",
        "The fifteen rows of the crop table are five regions with three near-copies of each.",
        "Cameron, Miller 2015, A Practitioner's Guide to Cluster-Robust Inference, section 2",
    ),
    "file-twice": Code(
        "One file is read twice",
        "Two of the files hold the same bytes, or are one file by two names, so that each of their rows counts twice.",
        "sales.csv and sales (1).csv in one folder.",
        "Broman, Woo 2018, Data Organization in Spreadsheets, section 2",
    ),
    "levels-alike": Code(
        "Levels differ in case, blanks, marks or leading zeros alone",
        "To a model yes, Yes and YES are three levels with a coefficient each, though one thing is meant. Write each "
        "in one way, or read them as one: --same 'town: Bonn = bonn'.",
        "The levels Bonn and bonn, PG-13 and PG13, 01 and 1.",
        "Broman, Woo 2018, Data Organization in Spreadsheets, section 2",
    ),
    "levels-similar": Code(
        "Levels may be one word, mistyped or cut short",
        "A rare level differs from a common one in a letter, or is how it begins, or its initials: perhaps a slip. "
        "Each slip takes rows from the coefficient of its word. If it is one, read both as one: "
        "--same 'town: Bonn = Bnon'.",
        "Afirca beside Africa, Med. beside Medium.",
        "Damerau 1964, A technique for computer detection and correction of spelling errors",
    ),
    "levels-ordered": Code(
        "Levels have an order",
        "Words such as low, medium and high have an order that treatment coding takes no notice of: each has a "
        "coefficient of its own, compared with the base. That costs a coefficient for each level, and is right where "
        "the steps are of unlike size. Numbers in place of the words make one slope of them.",
        "A satisfaction from poor to excellent.",
        "Agresti 2010, Analysis of Ordinal Categorical Data, section 1.3",
    ),
    "outlying": Code(
        "A value lies more than eight standard deviations from its column's mean",
        "Squared error weighs a row by the square of its distance, so one such row can turn the line. Often it is a "
        "slip of a decimal point or a code for a missing cell (such as 9999); sometimes it is the most "
        "telling row of all. At most one row in 64 can lie so far out.",
        "A delay of 1,301 minutes in a column with mean 13 and standard deviation 40.",
        "Belsley, Kuh, Welsch 1980, Regression Diagnostics, section 2.1",
    ),
    "numbers-as-text": Code(
        "A text column looks like numbers",
        "The source says that the cells are text, and they read as numbers, so the column was taken as categories with "
        "a coefficient for each level. --numeric takes them for numbers.",
        "A frame whose column holds the texts '1.5' and '2.5'.",
        "Broman, Woo 2018, Data Organization in Spreadsheets, section 5",
    ),
    "year": Code(
        "A column looks like years",
        "Whole numbers from 1800 to 2200. A year in a linear model is a straight trend, and the bias becomes the "
        "prediction for the year 0. Years lie far from zero for how little they vary, which slows training.",
        "For the years 2007 to 2009 subtract 2007, or leave the column out where no trend is meant.",
        "Gelman, Hill 2007, Data Analysis Using Regression, section 4.2",
    ),
    "constant": Code(
        "A column has one value in every row",
        "Such a column says nothing beside a bias: any part of the bias could as well be its weight. The weight is "
        "set to zero.",
        "The column year of a table that covers one year.",
        "Golub, Van Loan 2013, Matrix Computations, section 5.5",
    ),
    "left-out": Code(
        "Columns are left out of the model",
        "Dates, lists, columns without a value and text with more than 50 levels or another value in every row "
        "cannot be features as they are. --also uses a text column all the same, with a coefficient for each of its "
        "levels but the first, and a date by a term of it: --also 'days(sold)'.",
        "The tail number of an aircraft has 4,000 levels: it names a thing rather than a property.",
        "Chambers, Hastie 1992, Statistical Models in S, chapter 2",
    ),
}


def known(code: str) -> Code:
    """What the code stands for; `UsageError` lists the codes."""
    if code not in CODES:
        raise UsageError("finding-unknown", f"there is no code {code!r}", f"the codes are {', '.join(CODES)}")
    return CODES[code]


def explain(code: str) -> str:
    """The title, the paragraph, the example and the reference of a code; `UsageError` lists the codes."""
    about = known(code)
    return f"{code}: {about.title}.\n\n{about.paragraph}\n\nExample: {about.example}\n\nReference: {about.reference}."
