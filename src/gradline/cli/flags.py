"""The flags of the commands, each described once; None means that the flag was not given."""

from pathlib import Path
from typing import Annotated

import typer


def _flag(help: str, *names: str) -> typer.models.OptionInfo:
    return typer.Option(*names, help=help, show_default=False)


Data = Annotated[
    str | None,
    typer.Argument(help="File, glob, folder, - for CSV on stdin, or example:crops.", show_default=False),
]
Targets = Annotated[list[str] | None, _flag("Column to predict; may be repeated.", "-t", "--target")]
Features = Annotated[
    list[str] | None,
    _flag("Column to predict from; may be repeated. Default: all others.", "-f", "--feature"),
]
Exclude = Annotated[list[str] | None, _flag("Column to leave out; may be repeated.", "--exclude")]
Weights = Annotated[str | None, _flag("Column of row weights.", "--weights")]
Bias = Annotated[bool | None, _flag("Whether the model has one. Default: it has.", "--bias/--no-bias")]
Missing = Annotated[str | None, _flag("Rows with missing cells: error or drop. Default: error.", "--missing")]
Unseen = Annotated[str, _flag("A level not seen in training: error or base. Default: error.", "--unseen")]
WeightsAre = Annotated[
    str, _flag("What weights mean: counts, precision or sampling. Default: counts.", "--weights-are")
]
Interval = Annotated[
    float | None, _flag("Bounds that hold a new row with this probability, such as 0.95.", "--interval")
]
Lr = Annotated[str | None, _flag("Learning rate, as in torch.optim.SGD, or auto. Default: auto.", "--lr")]
Momentum = Annotated[float | None, _flag("0 to 1, PyTorch's. Default: 0.", "--momentum")]
Scale = Annotated[
    str | None,
    _flag("Columns to train on: none or standard. Default: standard where lr is auto.", "--scale"),
]
Solver = Annotated[str | None, _flag("auto, exact, gd or sgd. Default: auto.", "--solver")]
Epochs = Annotated[int | None, _flag("Passes over the rows. Default: gd 100, sgd 20.", "--epochs")]
BatchSize = Annotated[int | None, _flag("Rows per update; chooses sgd. Default: 32.", "--batch-size")]
Shuffle = Annotated[
    bool | None, _flag("A new order each epoch (sgd). Default: yes.", "--shuffle/--no-shuffle")
]
Decay = Annotated[
    str | None, _flag("Of the rate (sgd): none or linear. Default: linear where lr is auto.", "--decay")
]
Dtype = Annotated[
    str | None, _flag("Numbers of the steps (sgd): float64 or float32. Default: float64.", "--dtype")
]
Init = Annotated[
    str | None, _flag("zeros, normal, uniform, linear, or the file of a model to go on from.", "--init")
]
Holdout = Annotated[float | None, _flag("Share of rows to keep out and evaluate, such as 0.2.", "--holdout")]
Seed = Annotated[int | None, _flag("Of shuffling, random starts and the holdout. Default: 0.", "--seed")]
Digits = Annotated[
    float | None,
    _flag("Digits that must be sure, by more passes if need be (exact). Default: 10.", "--digits"),
]
LogEvery = Annotated[int | None, _flag("Print the loss every so many epochs.", "--log-every")]
Config = Annotated[Path | None, _flag("TOML file with these options; flags win over it.", "--config")]
Memory = Annotated[
    str | None, _flag("What the process may take, such as 500MB or 2GiB. Default: no bound.", "--memory")
]
Force = Annotated[bool | None, _flag("Train even above the largest stable rate.", "--force")]
RequireCertified = Annotated[bool | None, _flag("Exit 3 unless certified.", "--require-certified")]
Commit = Annotated[bool, _flag("Record a version too; -m says what it is.", "--commit")]
Message = Annotated[str, _flag("What to remember of a version.", "-m", "--message")]
AsJson = Annotated[bool, _flag("One JSON object on stdout; a refusal is one on stderr.", "--json")]
Model = Annotated[Path, typer.Argument(help="File that `gradline fit -o` wrote.", show_default=False)]
Output = Annotated[str | None, _flag("File to write.", "-o", "--output")]
