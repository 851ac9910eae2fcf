"""Writes `tutorials.md`: the five tutorials cell by cell, what does the same here, and what that prints when it runs."""

# ruff: noqa: E501 - a row of the table is a row here

import ast
import contextlib
import io
import re
import shlex
import tempfile
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from gradline.cli.commands import app
from typer.testing import CliRunner

PAGE = Path(__file__).parent / "tutorials.md"
_LINES, _WIDTH = 4, 110  # of an output that is shown

HEAD = """\
# The tutorials, cell by cell

What each cell of the five tutorials does, the command or the call that does it here, and what that prints. A program
runs all of them and writes this page: `python docs/tutorials.py`. Calls build on the ones above them in their table.

"""


class Row(NamedTuple):
    """Some cells of a tutorial, what they do, and what does it here: a command, or Python whose last line is shown."""

    cells: str
    does: str
    here: str


class Document(NamedTuple):
    """A tutorial: its title, what to know of its numbers, the Python that its rows build on, and its rows."""

    title: str
    note: str
    setup: str
    rows: list[Row]


_COMMON = """\
import gradline, torch, numpy as np
from gradline import plots
from gradline.pytorch import RowDataset, devices, fit, graph, lesson
from gradline.pytorch.lessons.program import numbers
TARGETS = ["apples", "oranges"]
def four(tensor): return numbers(tensor).round(4).tolist()
def said(figure): return figure.layout.title.subtitle.text.replace("<br>", " ")
crops = gradline.fit("example:crops", TARGETS)
"""


def _five_rows(weight: str, bias: str) -> str:
    """The lesson that replays a tutorial on five rows, from the start that it printed."""
    return (
        f'one = lesson("example:crops5", TARGETS, lr=1e-5, epochs=103, init=({weight}, {bias}))\n'
        "steps = list(one)\n"
    )


def _from_scratch(cells: list[str]) -> list[Row]:
    """What 000, 002 and 004 have in common: the loop by hand on five rows. `cells` names the places."""
    what = [
        ("inputs and targets as arrays", "gradline example crops5"),
        (
            "arrays to tensors",
            "steps[0].inputs.dtype, tuple(steps[0].inputs.shape), tuple(steps[0].targets.shape)",
        ),
        (
            "weights and biases from randn",
            'lesson("example:crops5", TARGETS, init="torch", seed=1).start[0].round(4).tolist()',
        ),
        ("the model, a matrix product plus bias", "print(one.way.predict)"),
        (
            "predictions beside targets",
            "four(steps[0].predictions)[:2], four(steps[0].targets)[:2]",
        ),
        ("the function mse and its value", "steps[0].said(2)"),
        (
            "backward(), and .grad beside the weights",
            "four(steps[0].weight_gradient), four(steps[0].bias_gradient)",
        ),
        (
            "the update under no_grad()",
            "four(steps[0].weight), four(steps[0].bias)",
        ),
        (
            "gradients reset to zero",
            "four(steps[0].weight_left), four(steps[0].bias_left)",
        ),
        (
            "steps 1 to 3 once more",
            "four(steps[1].predictions)[:2], float(steps[1].loss), four(steps[1].bias_gradient)",
        ),
        (
            "update and reset, new weights",
            "four(steps[1].weight), four(steps[1].bias)",
        ),
        (
            "the loss is lower",
            'f"loss before: {float(steps[1].loss):.4f}, after: {float(steps[2].loss):.4f}"',
        ),
        ("100 epochs more, and the loss", 'f"{float(steps[102].loss):.4f}"'),
        ("the predictions after training", "four(steps[102].predictions)[:3]"),
    ]
    return [
        Row(place, *row)
        for place, row in zip(cells, what, strict=True)
        if place
    ]


def _built_in(cells: list[str], epochs: int) -> list[Row]:
    """What 002 and 004 have in common: nn.Linear, DataLoader and SGD on fifteen rows."""
    what = [
        ("fifteen rows", "gradline example crops"),
        (
            "TensorDataset, and a slice of it",
            'RowDataset("example:crops", TARGETS)[0]',
        ),
        (
            "DataLoader: the first batch, shuffled",
            'batches = lesson(by="batches", lr=1e-5, epochs=100, init="linear", seed=1); first = next(iter(batches)); (first.rows + 1).tolist(), four(first.targets)[:2]',
        ),
        (
            "nn.Linear(3, 2): weight and bias at random",
            "batches.start[0].round(4).tolist(), batches.start[1].round(4).tolist()",
        ),
        ("predictions of the untrained layer", "four(first.predictions)[:2]"),
        ("F.mse_loss", "print(batches.way.loss); first.said(2)"),
        (
            "torch.optim.SGD(model.parameters(), lr=1e-5)",
            "batches.way.model.splitlines()[-1]",
        ),
        (
            "fit(num_epochs, model, loss_fn, opt, train_dl), the loss every 10th epoch",
            "layer = torch.nn.Linear(3, 2); loader = torch.utils.data.DataLoader(RowDataset('example:crops', TARGETS), 5, shuffle=True); "
            f"lines = []; certificate = fit({epochs}, layer, torch.nn.functional.mse_loss, torch.optim.SGD(layer.parameters(), lr=1e-5), loader, show=lines.append); print(lines[0]); print(lines[{epochs // 10 - 1}])",
        ),
        (
            "predictions of the trained layer beside targets",
            "rows = RowDataset('example:crops', TARGETS); with torch.no_grad(): trained = [(four(layer(rows[i].x)), four(rows[i].y)) for i in (0, 1)]\ntrained",
        ),
        (
            "a new region: 75, 63, 44",
            "gradline predict crops.safetensors --set temp=75 --set rainfall=63 --set humidity=44",
        ),
    ]
    return [
        Row(place, *row)
        for place, row in zip(cells, what, strict=True)
        if place
    ]


_LEARNED = Row(
    "picture, Chollet",
    "rules written beside rules learned",
    'said(plots.rules(crops, "example:crops"))',
)
_RECORD = 'gradline fit example:crops5 -t apples -t oranges --lr 1e-5 --commit -m "100 epochs"'
_PICTURES = [
    Row(
        "picture 1",
        "the training data",
        'said(plots.table(crops, "example:crops"))',
    ),
    Row(
        "picture 2",
        "the plane over temp and rainfall",
        'plane = gradline.fit("example:crops", "apples", features=["temp", "rainfall"]); said(plots.fitted(plane, "example:crops"))',
    ),
    Row(
        "picture 3",
        "the matrix product",
        'said(plots.product(crops, "example:crops"))',
    ),
    Row(
        "picture 4",
        "a negative gradient: increasing the weight lowers the loss",
        'said(plots.loss_against(crops.moments, np.zeros((2, 3)), np.zeros(2), "temp"))',
    ),
    Row(
        "picture 5",
        "a positive gradient: decreasing the weight lowers the loss",
        'said(plots.loss_against(crops.moments, np.ones((2, 3)), np.zeros(2), "temp"))',
    ),
]

DOCUMENTS = [
    Document(
        "000 Linear regression from scratch",
        "The start is printed with four digits, so what follows agrees with what is printed to about as many.",
        _five_rows(
            "[[0.5376, 0.0660, -0.4016], [-0.6218, -0.9119, -0.3167]]",
            "[-0.6848, 0.0488]",
        ),
        [
            Row(
                "1, 2, 16, 34",
                "install jovian, record the notebook with it",
                _RECORD,
            ),
            Row("3", "import NumPy and PyTorch", "gradline --version"),
            *_from_scratch(
                [
                    "4, 5",
                    "6",
                    "7",
                    "8",
                    "9, 10",
                    "11 to 13",
                    "14, 15, 17",
                    "18, 20",
                    "22",
                    "23 to 25",
                    "26, 27",
                    "28",
                    "30, 32",
                    "33",
                ]
            ),
        ],
    ),
    Document(
        "001 Tensors, gradients, and telephones",
        "It trains on the wrong loss: predictions (5, 1) beside targets (5,) make 25 pairs.",
        "START = ([[0.7765, -0.1135, 0.7029]], [0.4655])\n"
        'wrong = lesson("example:iphone", "sales", lr=1e-5, epochs=3, init=START, mistake="shape")\n'
        "steps = list(wrong)\n",
        [
            Row(
                "1, 2",
                "imports and their versions",
                "devices()['cpu'].split(',')[0], torch.__version__.split('+')[0]",
            ),
            Row(
                "3, 4",
                "three tensors, y = W·X + b",
                "X, W, b = torch.tensor(2.0), torch.tensor(3.0, requires_grad=True), torch.tensor(4.0, requires_grad=True); y = W * X + b; [node.label for node in graph(y, {'X': X, 'W': W, 'b': b}).nodes]",
            ),
            Row(
                "5, 6",
                "y.backward(), dy/dw and dy/db",
                "y.backward(); W.grad, b.grad",
            ),
            Row(
                "12 to 14",
                "income, price and tax; sales",
                "gradline example iphone",
            ),
            Row(
                "22",
                "weights from randn",
                'drawn = lesson("example:iphone", "sales", init="torch", seed=1).start; drawn[0].round(4).tolist(), drawn[1].round(4).tolist()',
            ),
            Row(
                "23 to 25, 27",
                "the model, predictions (5, 1) beside targets (5,)",
                "four(steps[0].predictions)[:3], tuple(steps[0].targets.shape)",
            ),
            Row(
                "26, 28",
                "mse: 3390.0071, over 25 pairs",
                "float(steps[0].loss), wrong.right().first_loss()",
            ),
            Row(
                "29 to 31",
                "the gradients",
                "four(steps[0].weight_gradient), four(steps[0].bias_gradient)",
            ),
            Row(
                "text",
                "what a positive and a negative gradient mean",
                'said(plots.loss_against(wrong.moments, wrong.start[0], wrong.start[1], "salary"))',
            ),
            Row(
                "32",
                "update and reset",
                "four(steps[0].weight), four(steps[0].bias)",
            ),
            Row(
                "33",
                "gradients are zero",
                "four(steps[0].weight_left), four(steps[0].bias_left)",
            ),
            Row(
                "34 to 36",
                "predict, loss 2558.1218, backward",
                "four(steps[1].predictions)[:3], round(float(steps[1].loss), 1)",
            ),
            Row(
                "37, 38",
                "update and reset, the weights",
                "four(steps[1].weight), four(steps[1].bias)",
            ),
            Row("39", "the loss: 1931.3949", "round(float(steps[2].loss), 1)"),
            Row(
                "46, 47",
                "2,000 epochs at lr 1e-7 on 25 pairs: 16.8275 after about five runs of the cell",
                "mean = gradline.Moments.of(wrong.X, np.full_like(wrong.Y, wrong.Y.mean())); three = gradline.Trajectory(mean, 1e-5, init=START).at(2); path = gradline.Trajectory(mean, 1e-7, init=(three.weight, three.bias)); [round(float(path.at(2000 * runs).loss + wrong.Y.var()), 4) for runs in (1, 5)]",
            ),
            Row(
                "48, 50",
                "predictions beside targets",
                "late = path.at(10_000); (wrong.X @ late.weight.T + late.bias).round(3).ravel().tolist(), wrong.Y.ravel().tolist()",
            ),
            Row(
                "28, 35, 39",
                "what was wrong with it",
                "gradline diagnose printed.txt example:iphone -t sales --lr 1e-5 --weight 0.7765,-0.1135,0.7029 --bias 0.4655",
            ),
        ],
    ),
    Document(
        "002 Gradient descent and linear regression",
        "The weights that stand at its top belong to another run; the start here is the one that its gradients belong to. "
        "It prints four digits, and what follows agrees to about as many.",
        _five_rows(
            "[[-0.2910, -0.3450, 0.0305], [-0.6528, 0.7386, -0.5153]]",
            "[-0.9161, -0.7780]",
        ),
        [
            *_PICTURES,
            *_from_scratch(
                [
                    "training data",
                    "tensors",
                    "randn",
                    "model",
                    "predictions",
                    "mse",
                    "backward",
                    "update",
                    "zero_",
                    "step by step",
                    "adjusted",
                    "calculate loss",
                    "100 epochs",
                    "preds",
                ]
            ),
            Row(
                "verify",
                "the loss printed after the update is the old one: the predictions are",
                "lesson(mistake='stale', epochs=2).compare().cause",
            ),
            *_built_in(
                [
                    "fifteen rows",
                    "TensorDataset",
                    "DataLoader",
                    "nn.Linear",
                    "preds",
                    "mse_loss",
                    "optim.SGD",
                    "fit",
                    "preds",
                    "new region",
                ],
                100,
            ),
            _LEARNED,
        ],
    ),
    Document(
        "003 PyTorch step by step",
        "Its data are drawn anew in each run and not shown. The points that it prints determine four means of them, and on "
        "rows of the same rule with these means `gradline fit` prints all 26 points of both runs as the tutorial does, to "
        "the last digit (`tests/test_tutorials.py`). Below are the rows that seed 42 gives.",
        "from gradline.data.line import line\n"
        "rows = line(); train, validation = (rows[:80, :1], rows[:80, 1]), (rows[80:, :1], rows[80:, 1])\n"
        'one = lesson(*train, lr=0.1, epochs=1000, init="torch-cuda", seed=42, dtype="float64")\n'
        "steps = list(one)\n",
        [
            Row(
                "text",
                "regression: a dependent variable and independent ones, and whether they go together",
                "'[page 2](02-model.md), [page 13](13-inference.md)'",
            ),
            Row(
                "data",
                "y = 1 + 2x + noise, 100 points, 80 and 20",
                "gradline example line -o train.csv --validation validation.csv --noise 0.1 --rows 100 --seed 42",
            ),
            Row(
                "data",
                "a picture of the split",
                "said(plots.split(gradline.fit(*train), train, validation))",
            ),
            Row(
                "NumPy loop",
                "step 0 at random, five steps, 15 updates and every hundredth",
                "gradline fit train.csv -t y --lr 0.1 --epochs 1000 --init '[[0.0505]], [0.4906]' --log-every '1-15, every 100' --log weights",
            ),
            Row(
                "NumPy loop",
                "the second run, from 0.563431 and 0.677705, with six digits",
                "gradline fit train.csv -t y --lr 0.1 --epochs 1000 --init '[[0.677705]], [0.563431]' --log-every '1-15, every 100' --log weights",
            ),
            Row(
                "NumPy loop",
                "the same by hand, step by step",
                "by_hand = lesson(*train, by='numpy', lr=0.1, epochs=2); print(by_hand.way.gradient)",
            ),
            Row(
                "sanity check",
                "intercept and slope by scikit-learn, beside those of training and the exact ones",
                "from gradline.pytorch.lessons.sanity import sanity; found = sanity(one, steps[-1]); [(float(part.bias[0].round(6)), float(part.weight[0, 0].round(6))) for part in (found.sklearn, found.trained, found.exact)]",
            ),
            Row("devices", "how many GPUs, and their names", "list(devices())"),
            Row(
                "devices",
                "arrays to tensors on the device; .type() says where",
                "steps[0].said(1)",
            ),
            Row(
                "FINAL",
                "manual_seed(42), randn on the GPU: 0.1940, 0.1391",
                "one.start[1].round(4).tolist(), one.start[0].round(4).tolist()",
            ),
            Row(
                "autograd",
                "b.grad and w.grad",
                "four(steps[0].bias_gradient), four(steps[0].weight_gradient)",
            ),
            Row(
                "autograd",
                "backward() twice without a reset: gradients double",
                "list(lesson(*train, lr=1e-9, epochs=2, mistake='zero_grad'))[1].said(3)",
            ),
            Row(
                "zero_",
                "gradients reset",
                "four(steps[0].bias_left), four(steps[0].weight_left)",
            ),
            Row(
                "first attempt",
                "b = b - lr * b.grad: the grad is None",
                "lesson(*train, mistake='no_grad').compare().wrong[-1].error",
            ),
            Row(
                "second attempt",
                "b -= lr * b.grad: a leaf changed in place",
                "lesson(*train, mistake='in_place').compare().wrong[-1].error",
            ),
            Row(
                "third attempt",
                "under no_grad(), 1,000 epochs",
                "four(steps[-1].bias), four(steps[-1].weight)",
            ),
            Row(
                "make_dot",
                "the graph of yhat",
                "gradline lesson train.csv -t y --graph yhat.svg --graph-of predictions",
            ),
            Row(
                "make_dot",
                "the graph of error",
                "gradline lesson train.csv -t y --graph error.svg --graph-of error",
            ),
            Row(
                "make_dot",
                "the graph of loss",
                "gradline lesson train.csv -t y --graph loss.svg",
            ),
            Row(
                "optimiser",
                "SGD: step() and zero_grad(), which leaves None",
                "built = lesson(*train, by='builtin', lr=0.1, epochs=1); next(iter(built)).said(5)",
            ),
            Row(
                "MSELoss",
                "reduction='mean': 1.1700",
                "torch.nn.MSELoss()(torch.tensor([0.5, 1.0]), torch.tensor([2.0, 1.3]))",
            ),
            Row(
                "the loss",
                "detach().cpu().numpy(), item(), tolist()",
                "loss = steps[-1].loss; loss.detach().cpu().numpy(), loss.item(), loss.tolist()",
            ),
            Row(
                "a module",
                "ManualLinearRegression, model.train()",
                "module = lesson(*train, by='module', lr=0.1, epochs=1); print(module.way.predict); print(module.way.report)",
            ),
            Row(
                "nn.Linear(1, 1)",
                "a layer, trained, and its state_dict()",
                "line = torch.nn.Linear(1, 1, dtype=torch.float64); pairs = torch.utils.data.TensorDataset(*map(torch.from_numpy, (train[0], train[1][:, None]))); certificate = fit(1000, line, torch.nn.MSELoss(), torch.optim.SGD(line.parameters(), lr=0.1), torch.utils.data.DataLoader(pairs, 80), show=lambda words: None); line.state_dict()",
            ),
            Row(
                "%%writefile",
                "configuration, data and training as files",
                "gradline lesson train.csv -t y --by builtin --lr 0.1 --epochs 1000 --script loop/",
            ),
            Row(
                "%run -i",
                "the files run: without gradline, and with the same end",
                "import runpy, sys; sys.path.insert(0, 'loop'); ran = runpy.run_path('loop/training.py'); sys.path.remove('loop')",
            ),
            Row(
                "traceback",
                "mat1 and mat2 shapes cannot be multiplied",
                "lesson(*train, by='builtin', mistake='flat').compare().wrong[-1].error",
            ),
            Row(
                "warning",
                "a target size that is different to the input size",
                "lesson(*train, by='builtin', mistake='shape').compare().cause",
            ),
            Row(
                "reshaped",
                "targets (80, 1): training as it is meant",
                "four(list(lesson(*train, by='builtin', lr=0.1, epochs=1000))[-1].weight)",
            ),
            Row(
                "asked",
                "the leaf that .to(device) loses",
                "lesson(*train, mistake='leaf').compare().cause",
            ),
            Row(
                "asked",
                "early stopping",
                "gradline fit train.csv -t y --lr 0.1 --epochs 5000 --holdout 0.2 --stop-after 20 -o early.safetensors",
            ),
            Row(
                "asked",
                "a checkpoint",
                "gradline fit train.csv -t y --lr 0.1 --epochs 500 --checkpoint run.checkpoint",
            ),
            Row(
                "asked",
                "going on from it",
                "gradline fit train.csv -t y --lr 0.1 --epochs 1000 --checkpoint run.checkpoint -o line.safetensors",
            ),
            Row(
                "pictures",
                "losses of training and validation",
                'trained = gradline.fit("train.csv", "y", solver=gradline.GradientDescent(lr=0.1), holdout=0.2); said(plots.losses(trained))',
            ),
            Row(
                "pictures",
                "the loss as a surface",
                "said(trained.plot.loss_bowl())",
            ),
            Row(
                "pictures",
                "a learning rate too small, right, too large",
                'said(plots.rate_steps(trained.moments, [[0.0]], [1.0], "x"))',
            ),
        ],
    ),
    Document(
        "004 Gradient descent and linear regression, with notes",
        "The start is printed with four digits, so what follows agrees with what is printed to about as many.",
        _five_rows(
            "[[1.0522, -1.1931, 0.3418], [0.5824, 0.0763, -1.6385]]",
            "[2.2341, -1.7922]",
        ),
        [
            *_PICTURES,
            Row(
                "2736",
                "what linear regression is",
                "'[page 2](02-model.md)'",
            ),
            Row("2737", "import NumPy and PyTorch", "gradline --version"),
            *_from_scratch(
                [
                    "2738, 2739",
                    "2740",
                    "2741",
                    "2742",
                    "2743, 2744",
                    "2745, 2746",
                    "2747 to 2749",
                    "2750",
                    "2752",
                    "2753 to 2755",
                    "2756, 2757",
                    "2758",
                    "2759, 2760",
                    "2761, 2762",
                ]
            ),
            Row(
                "2751",
                "the loss after the update, of the old predictions",
                "lesson(mistake='stale', epochs=2).compare().cause",
            ),
            Row(
                "2760",
                "the root of the loss, called average: 29.59867",
                "round(float(steps[102].loss) ** 0.5, 4)",
            ),
            *_built_in(
                [
                    "2763 to 2765",
                    "2766, 2767",
                    "2768 to 2770",
                    "2771, 2772",
                    "2773",
                    "2774 to 2776",
                    "2777",
                    "2778, 2779",
                    "2780, 2781",
                    "2782",
                ],
                500,
            ),
            _LEARNED,
            Row(
                "jovian.commit",
                "a new version of the notebook",
                _RECORD.replace("100 epochs", "200 epochs") + " --epochs 200",
            ),
            Row(
                "jovian.commit",
                "the versions so far, without copies of the notebook",
                "gradline log",
            ),
            Row(
                "picture, diff",
                "what differs between two versions",
                "gradline diff v1 v2",
            ),
            Row(
                "exercises",
                "other data, and further reading",
                "'[Exercises and further reading](exercises.md)'",
            ),
            Row(
                "exercises",
                "a competition's table, or any other of one's own",
                "gradline fit train.csv -t y",
            ),
            Row(
                "questions 1 to 45",
                "each has its answer, and the paragraph that explains it",
                "'[Forty-five questions](questions.md)'",
            ),
        ],
    ),
]


def shown(row: Row, names: dict[str, Any]) -> str:
    """What the row's command or call prints, cut to a few lines."""
    is_command = row.here.startswith("gradline ")
    text = _commanded(row.here) if is_command else _called(row.here, names)
    lines = [line for line in text.strip().splitlines() if line.strip()]
    cut = [
        line if len(line) <= _WIDTH * 2 else line[: _WIDTH * 2 - 1] + "…"
        for line in lines
    ]
    return "\n".join(
        cut if len(cut) <= _LINES else [*cut[: _LINES - 1], "…", cut[-1]]
    )


def _commanded(line: str) -> str:
    done = CliRunner().invoke(app, shlex.split(line)[1:])
    if done.exit_code != 0:
        raise RuntimeError(f"{line}: {done.output}")
    text = re.sub(r"\b[0-9a-f]{12,}\b|(?<=recorded: )\S+", "…", done.output)
    return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?", "…", text)


def _called(code: str, names: dict[str, Any]) -> str:
    """What the code prints, and the value of its last expression."""
    parsed = ast.parse(code.replace("; with", "\nwith"))
    last = parsed.body.pop() if isinstance(parsed.body[-1], ast.Expr) else None
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(parsed, "<row>", "exec"), names)
        value = None
        if isinstance(last, ast.Expr):
            value = eval(
                compile(ast.Expression(last.value), "<row>", "eval"), names
            )
    return printed.getvalue() + ("" if value is None else str(value))


def page() -> str:
    """The page, with every row run."""
    text = HEAD
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.chdir(folder),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        Path("printed.txt").write_text("3390.0071\n2558.1218\n1931.3949\n")
        names: dict[str, Any] = {}
        exec(_COMMON, names)
        names["crops"].save("crops.safetensors")
        for document in DOCUMENTS:
            with torch.random.fork_rng():
                torch.manual_seed(0)
                exec(document.setup, names)
                text += f"## {document.title}\n\n{document.note}\n\n| cells | what they do | here | what it prints |\n| --- | --- | --- | --- |\n"
                for row in document.rows:
                    text += f"| {row.cells} | {row.does} | {_code(row.here)} | {_code(shown(row, names))} |\n"
                text += "\n"
    return text.rstrip() + "\n"


def _code(text: str) -> str:
    """Text as code within a table, a line each; a link stays one."""
    if text.startswith(("[", "'[")) and "](" in text:
        return text.strip("'")
    return "<br>".join(
        f"`{line}`".replace("|", "\\|") for line in text.splitlines()
    )


def write() -> None:
    """Write the page."""
    PAGE.write_text(page())


if __name__ == "__main__":
    np.set_printoptions(linewidth=_WIDTH)
    write()
