"""The course's pictures, each drawn from what gradline computes; `docs/build.py` writes them anew for each build."""

import contextlib
import functools
import io
import math
import runpy
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import gradline
import numpy as np

from drawn import WIDTH, Drawing, Plot, safe

FOLDER = Path(__file__).parent / "drawings"
TARGETS = ["apples", "oranges"]
# Tutorial 004's printed start.
START = (
    [[1.0522, -1.1931, 0.3418], [0.5824, 0.0763, -1.6385]],
    [2.2341, -1.7922],
)


def table(name: str) -> np.ndarray:
    """An example's numbers."""
    path = files("gradline") / "examples" / f"{name}.csv"
    return np.loadtxt(str(path), delimiter=",", skiprows=1)


def path_of(
    lr: float,
    data: str = "example:crops5",
    start: bool = True,
    momentum: float = 0.0,
) -> gradline.Trajectory:
    """Full-batch training on the crops, from 004's start or from zeros."""
    moments = gradline.Moments.of(data, TARGETS)
    return gradline.Trajectory(moments, lr, momentum, START if start else None)


def slope() -> Drawing:
    """The derivative as rise over run."""
    made = Plot(
        "y against w: a line that rises 2 for each 1 to the right",
        "y = w·x + b for x = 2 and b = 4. Move w by 1, and y moves by 2: "
        "that is dy/dw.",
        ("w", 1, 5),
        ("y", 4, 16),
    )
    made.line([1, 5], [6, 14])
    made.line([3, 4, 4], [10, 10, 12], "orange", "5 4")
    made.dots([3], [10])
    made.said(3, 10, "w = 3, y = 10", anchor="end", dx=-9, dy=-6)
    made.said(3.5, 10, "1", "orange", "middle", 0, 18)
    made.said(4, 11, "2", "orange")
    return made


def record() -> Drawing:
    """What autograd wrote down for y = w·x + b."""
    made = Drawing(
        "The record of y = w·x + b: a multiplication, then an addition",
        "What PyTorch wrote down. Forwards it computes y, backwards (orange) "
        "it multiplies and passes on derivatives.",
        200,
    )
    for x, y, words in (
        (20, 20, "x = 2"),
        (20, 80, "w = 3"),
        (20, 140, "b = 4"),
        (190, 50, "w·x = 6"),
        (360, 95, "y = 10"),
    ):
        made.box(
            x,
            y,
            96,
            38,
            "blue" if words[0] in "wb" and "·" not in words else "",
        )
        made.words(x + 48, y + 25, words)
    made.arrow((116, 39), (189, 62))
    made.arrow((116, 95), (189, 74))
    made.arrow((286, 74), (359, 106))
    made.arrow((116, 159), (359, 124))
    made.arrow((345, 118), (298, 98), "orange")
    made.arrow((180, 98), (126, 114), "orange")
    made.arrow((250, 158), (126, 174), "orange")
    made.words(340, 86, "× 1", "orange", bold=True)
    made.words(165, 122, "× x = 2", "orange", "start", bold=True)
    made.words(258, 172, "× 1", "orange", "start", bold=True)
    return made


def product() -> Drawing:
    """The matrix product with its shapes."""
    made = Drawing(
        "x of shape (5, 3) times w transposed (3, 2) plus b (2,) gives "
        "predictions (5, 2)",
        "The blue cell of the result needs only the blue row of x, the blue "
        "column of wᵀ and the blue bias.",
        200,
    )
    cell = 24
    for x, y, rows, columns, blue in (
        (27, 27, 5, 3, (0, 0, 1, 3)),
        (165, 51, 3, 2, (0, 0, 3, 1)),
        (272, 75, 1, 2, (0, 0, 1, 1)),
        (381, 27, 5, 2, (0, 0, 1, 1)),
    ):
        i, j, high, wide = blue
        made.box(x + j * cell, y + i * cell, wide * cell, high * cell, "blue")
        for row in range(rows):
            for column in range(columns):
                made.box(x + column * cell, y + row * cell, cell, cell)
    for x, sign in ((132, "@"), (243, "+"), (351, "=")):
        made.words(x, 93, sign)
    for x, name, shape in (
        (63, "x", "(5, 3)"),
        (189, "wᵀ", "(3, 2)"),
        (296, "b", "(2,)"),
        (405, "predictions", "(5, 2)"),
    ):
        made.words(x, 168, name, bold=True)
        made.words(x, 187, shape)
    return made


def errors() -> Drawing:
    """Predictions beside targets, with the errors as sticks."""
    crops = table("crops5")
    predicted = crops[:, :3] @ np.array(START[0][0]) + START[1][0]
    target = crops[:, 3]
    made = Plot(
        "Apples of five regions: targets, random predictions, and the errors "
        "between them",
        "Apples of the five regions. A stick is an error; the average of "
        f"their squares is {((predicted - target) ** 2).mean():,.0f}, the "
        "loss for apples.",
        ("region", 0.5, 5.7),
        ("tons per hectare", -60, 140),
    )
    places = range(1, 6)
    for place, before, after in zip(places, predicted, target, strict=True):
        made.line([place, place], [before, after], "ink", width=1.5)
    made.dots(places, target, "blue")
    made.dots(places, predicted, "orange")
    made.said(3, target[2], "target", "blue")
    made.said(3, predicted[2], "prediction", "orange")
    return made


def parabola() -> Drawing:
    """The loss against one weight, with the slope and the step that an update makes."""
    path = path_of(1e-5)
    crops = table("crops5")
    weight, bias = np.array(START[0]), np.array(START[1])
    w0 = weight[0, 1]

    def loss(w: float) -> float:
        moved = weight.copy()
        moved[0, 1] = w
        return float(
            ((crops[:, :3] @ moved.T + bias - crops[:, 3:]) ** 2).mean()
        )

    slope_there = (loss(w0 + 1e-4) - loss(w0 - 1e-4)) / 2e-4
    step = -path.lr * slope_there
    ws = np.linspace(-1.6, 1.38, 80)
    made = Plot(
        "The loss against one weight is a parabola; the slope at the start "
        "points down to the right",
        f"Only the weight of rainfall for apples moves. The slope is {slope_there:,.0f}".replace(
            "-", "−"
        )
        + f", so a step at lr 1e-5 raises the weight by {step:.2f} (arrow, true length).",
        ("weight of rainfall (apples)", -1.8, 1.5),
        ("loss", 5000, 21000),
    )
    made.line(ws, [loss(w) for w in ws])
    near = [w0 - 0.35, w0 + 0.75]
    made.line(
        near,
        [loss(w0) + slope_there * (w - w0) for w in near],
        "orange",
        "5 4",
        1.6,
    )
    made.dots([w0], [loss(w0)])
    made.said(w0, loss(w0), "the start", anchor="start", dx=10, dy=0)
    made.said(
        w0 + 0.75, loss(w0) + slope_there * 0.75, "slope", "orange", dy=12
    )
    bottom = 5900
    made.arrow(made.at(w0, bottom), made.at(w0 + step, bottom), "green", 2.5)
    made.said(w0 + step, bottom, "one update", "green")
    return made


def rates() -> Drawing:
    """Loss after each of twelve updates at four rates."""
    made = Plot(
        "Loss over twelve updates at four learning rates, one of them too "
        "large",
        "Twelve updates from zeros. 1e-6 crawls, 1e-5 falls at once, 1.1e-4 "
        "only just holds, and above the limit the loss explodes.",
        ("update", 0, 12),
        ("loss", 100, 1e6),
        "y",
        320,
    )
    for lr, ink, dash, place, dy in (
        (1e-6, "ink", "", 12, -8),
        (1e-5, "blue", "", 12, -8),
        (1.1e-4, "green", "6 3", 12, 18),
        (2e-4, "orange", "2 3", 3, 0),
    ):
        path = path_of(lr, start=False)
        losses = [path.at(k).loss for k in range(13)]
        shown = [(k, value) for k, value in enumerate(losses) if value < 1e6]
        made.line(
            [k for k, _ in shown], [value for _, value in shown], ink, dash
        )
        k, value = shown[min(place, len(shown) - 1)]
        anchor, dx = ("end", -4) if k > 6 else ("start", 8)
        made.said(
            k,
            value,
            f"lr {lr:.1e}".replace("e-0", "e-").replace(".0e", "e"),
            ink,
            anchor,
            dx,
            dy,
        )
    return made


def falls() -> Drawing:
    """Tutorial 004's loss, far beyond where it stopped."""
    path = path_of(1e-5)
    epochs = np.unique(np.geomspace(1, 1e8, 160).round())
    made = Plot(
        "Loss against epochs, both by powers of ten: a cliff, a slope, two "
        "long steps",
        "The tutorial stops at epoch 102, with the loss at "
        f"{path.at(102).loss:.0f}. The best possible is "
        f"{path.optimal_loss:.2f}, and the last bit of the way takes millions "
        "of epochs.",
        ("epoch", 1, 1e8),
        ("loss", 0.3, 2e4),
        "xy",
    )
    made.line(epochs, [path.at(int(k)).loss for k in epochs])
    made.line([1, 1e8], [path.optimal_loss] * 2, "green", "6 3", 1.5)
    made.dots([102], [path.at(102).loss], "orange")
    made.said(102, path.at(102).loss, "epoch 102", "orange", dy=-4)
    made.said(1, path.optimal_loss, "the optimum", "green", dy=-7)
    return made


def valley() -> Drawing:
    """A long valley of two weights with the path of descent in it."""
    crops = table("crops5")
    X, y = crops[:, :2] / 100, crops[:, 3] / 100
    made = Plot(
        "Contours of a loss of two weights: a narrow valley, a path that "
        "drops into it and then creeps",
        "Apples from temperature and rainfall alone. Each dot is 5 updates: "
        "the path drops to the floor of the valley at once, then creeps "
        "along it.",
        ("weight of temp", -1.2, 1.2),
        ("weight of rainfall", -0.4, 1.6),
        height=330,
    )
    A = X.T @ X / len(X)
    best = np.linalg.solve(A, X.T @ y / len(X))
    values, vectors = np.linalg.eigh(A)
    turns = np.linspace(0, 2 * np.pi, 90)
    for level in (0.003, 0.02, 0.06, 0.13, 0.25, 0.45, 0.8, 1.3):
        ring = (
            best
            + (
                np.sqrt(level / values)
                * np.column_stack([np.cos(turns), np.sin(turns)])
            )
            @ vectors.T
        )
        inside = [made.at(*point) for point in ring]
        kept: list[list[tuple[float, float]]] = [[]]
        for point, place in zip(ring, inside, strict=True):
            if -1.2 <= point[0] <= 1.2 and -0.4 <= point[1] <= 1.6:
                kept[-1].append(place)
            elif kept[-1]:
                kept.append([])
        for piece in kept:
            if len(piece) > 1:
                made.path(piece, "faint", 1.2)
    w = np.array([-1.1, -0.25])
    trail = [w]
    for _ in range(200):
        w = w - 0.1 * 2 * (A @ w - X.T @ y / len(X))
        trail.append(w)
    made.line([p[0] for p in trail], [p[1] for p in trail])
    made.dots([p[0] for p in trail[::5]], [p[1] for p in trail[::5]], size=3)
    made.dots([best[0]], [best[1]], "green", 6)
    made.said(trail[0][0], trail[0][1], "start", "blue")
    made.said(best[0], best[1], "optimum", "green")
    return made


def agreement() -> Drawing:
    """Predictions against targets after 100 epochs, and at the optimum."""
    crops = table("crops")
    made = Plot(
        "Predictions of apples against their targets: after 100 epochs "
        "beside the diagonal, at the optimum on it",
        "Apples of the fifteen rows. On the dashed line prediction and "
        "target agree: the optimum is there, 100 epochs are not.",
        ("target: tons of apples", 10, 130),
        ("prediction", 10, 130),
    )
    made.line([10, 130], [10, 130], "ink", "5 4", 1)
    descent = gradline.GradientDescent(lr=1e-5, epochs=100)
    early = gradline.fit("example:crops", TARGETS, solver=descent)
    exact = gradline.fit("example:crops", TARGETS)
    for model, ink, name, row in (
        (early, "orange", "100 epochs", 3),
        (exact, "blue", "optimum", 4),
    ):
        predicted = crops[:, :3] @ model.weight[0] + model.bias[0]
        made.dots(crops[:, 3], predicted, ink, 4)
        made.said(
            crops[row, 3], predicted[row], name, ink, dy=18 if row == 4 else 4
        )
    return made


def wandering() -> Drawing:
    """Full-batch descent beside single rows, on a line's two parameters."""
    random = np.random.default_rng(3)
    x = random.uniform(0, 1, 20)
    y = 1 + 2 * x + 0.4 * random.normal(size=20)
    A = np.column_stack([x, np.ones(20)])
    best = np.linalg.lstsq(A, y)[0]
    made = Plot(
        "Paths of weight and bias: all rows walk smoothly, one row at a time "
        "staggers around the same way",
        "A line through 20 points. All rows at once (blue) walk smoothly to "
        "the optimum; one row at a time (orange) staggers the same way, and "
        "goes on staggering there.",
        ("weight", 0, 3),
        ("bias", 0, 2.4),
        height=320,
    )
    for size, ink in ((1, "orange"), (20, "blue")):
        w, trail = np.zeros(2), [np.zeros(2)]
        for _ in range(40 if size == 1 else 400):
            order = random.permutation(20)
            for first in range(0, 20, size):
                rows = order[first : first + size]
                w = w - 0.1 * 2 / size * A[rows].T @ (A[rows] @ w - y[rows])
                trail.append(w)
        made.line(
            [p[0] for p in trail],
            [p[1] for p in trail],
            ink,
            width=1 if size == 1 else 2.5,
        )
    made.dots([best[0]], [best[1]], "green", 6)
    made.said(best[0], best[1], "optimum", "green", dx=10, dy=-10)
    made.said(0, 0, "start", anchor="start", dx=8, dy=-6)
    return made


def in_order() -> Drawing:
    """The line that rows in order leave, beside the best one."""
    x = np.linspace(0, 1, 80)
    made = Plot(
        "A curve and two lines through it: trained in order, and the best",
        "Rows sorted by x. In order, every epoch ends at the steep end, and "
        "the line (orange) is left tilted towards it; the best line is blue.",
        ("x", 0, 1),
        ("y", -0.3, 1.1),
    )
    made.dots(x[::3], x[::3] ** 2, "faint", 3)
    best = gradline.fit(x[:, None], x**2)
    solver = gradline.SGD(lr=0.1, epochs=100, batch_size=8, shuffle=False)
    left = gradline.fit(x[:, None], x**2, solver=solver)
    for model, ink, name, dy in (
        (best, "blue", "best", 34),
        (left, "orange", "in order", -8),
    ):
        ends = model.predict([[0.0], [1.0]])[:, 0]
        made.line([0, 1], ends, ink)
        made.said(
            0.8, ends[0] + 0.8 * (ends[1] - ends[0]), name, ink, "end", 0, dy
        )
    return made


def places() -> Drawing:
    """Main memory and a graphics card, and what moves between them."""
    made = Drawing(
        "Main memory and a graphics card: .to moves tensors over, .cpu "
        "fetches them back",
        "A tensor lives in one place. An operation needs all of its tensors "
        "in the same place, and every move costs time.",
        190,
    )
    for x, name, words in (
        (15, "cpu: main memory", "Python, NumPy, files"),
        (285, "cuda: graphics card", "model and data"),
    ):
        made.box(x, 20, 180, 120, "blue" if x > 100 else "")
        made.words(x + 90, 45, name, bold=True)
        made.words(x + 90, 85, words)
        made.words(x + 90, 112, "tensors" if x < 100 else "in one place")
    made.arrow((200, 65), (280, 65))
    made.words(240, 56, '.to("cuda")')
    made.arrow((280, 105), (200, 105))
    made.words(240, 126, ".cpu()")
    made.words(
        WIDTH / 2,
        172,
        "numbers for people: .item(), .tolist(), .numpy() on the cpu side",
    )
    return made


def parts() -> Drawing:
    """The loop with its three exchangeable parts."""
    made = Drawing(
        "The loop: model, loss function and optimiser as boxes that can be "
        "exchanged",
        "The five steps stay; the three blue boxes are objects, and any of "
        "them can be exchanged for another.",
        200,
    )
    for x, y, name, words in (
        (10, 70, "model", "1 predict"),
        (174, 70, "loss function", "2 loss"),
        (338, 70, "optimiser", "4 update, 5 reset"),
    ):
        made.box(x, y, 132, 58, "blue")
        made.words(x + 66, y + 25, name, bold=True)
        made.words(x + 66, y + 46, words)
    made.words(76, 30, "inputs")
    made.arrow((76, 36), (76, 68))
    made.words(240, 30, "targets")
    made.arrow((240, 36), (240, 68))
    made.arrow((143, 99), (173, 99))
    made.arrow((307, 99), (337, 99))
    made.words(322, 60, "3 gradient")
    made.path([(404, 128), (404, 168), (76, 168)])
    made.arrow((76, 168), (76, 130))
    made.words(241, 188, "new weights, next epoch")
    return made


def twoways() -> Drawing:
    """A written rule beside a learned one."""
    made = Drawing(
        "A written rule turns inputs into outputs; learning turns inputs and "
        "outputs into a rule",
        "Above a program as usual, below learning: what was the result "
        "becomes an ingredient.",
        210,
    )
    for y, first, second, middle, last in (
        (20, "rule", "inputs", "program", "outputs"),
        (120, "outputs", "inputs", "learning", "rule"),
    ):
        for at, words in ((y, first), (y + 40, second)):
            made.box(15, at, 110, 32, "orange" if words == "rule" else "")
            made.words(70, at + 21, words)
        made.arrow((127, y + 16), (180, y + 30))
        made.arrow((127, y + 56), (180, y + 42))
        made.box(183, y + 16, 114, 40, "blue")
        made.words(240, y + 41, middle, bold=True)
        made.arrow((299, y + 36), (352, y + 36))
        made.box(355, y + 20, 110, 32, "orange" if last == "rule" else "")
        made.words(410, y + 41, last)
    return made


def wrong_thermometer() -> Drawing:
    """Five examples, two of them wrong, and the line that they teach."""
    x = np.array([14.0, 32, 50, 68, 104])
    y = np.array([-10.0, 0, 10, 21, 41])
    learned = gradline.fit(x[:, None], y)
    made = Plot(
        "Errors of the learned rule against the temperature: small among the "
        "examples, large far from them",
        "How far the learned rule is off. The two wrong examples (orange) "
        "are 1 °C too high; far outside of them the error has grown to more "
        "than twice that.",
        ("°F", 0, 230),
        ("learned − true, °C", -1, 3.2),
    )
    made.line([0, 230], [0, 0], "ink", width=1)
    ends = np.array([0.0, 230])
    made.line(ends, learned.predict(ends[:, None])[:, 0] - (ends - 32) * 5 / 9)
    made.dots(x[:3], y[:3] - (x[:3] - 32) * 5 / 9)
    made.dots(x[3:], y[3:] - (x[3:] - 32) * 5 / 9, "orange")
    made.dots([212], [learned.predict([[212.0]])[0, 0] - 100], "ink")
    made.said(
        212,
        learned.predict([[212.0]])[0, 0] - 100,
        "boiling water",
        anchor="end",
        dx=-9,
        dy=0,
    )
    return made


def no_reset() -> Drawing:
    """The loss with and without the reset."""
    made = Plot(
        "Loss over forty epochs: it falls with the reset, and swings for "
        "ever without it",
        "The same loop, the same rate, with and without the reset.",
        ("epoch", 0, 40),
        ("loss", 0, 10500),
    )
    for momentum, ink, name, k in (
        (0.0, "blue", "with reset", 1),
        (1.0, "orange", "without", 13),
    ):
        path = path_of(1e-5, start=False, momentum=momentum)
        losses = [path.at(k).loss for k in range(41)]
        made.line(range(41), losses, ink)
        made.said(k, 9600, name, ink)  # above all lines
    return made


def shapes() -> Drawing:
    """What the losses of page 10's loops look like, by the four ways in which they go wrong."""
    with contextlib.redirect_stdout(io.StringIO()):
        traces = runpy.run_path(str(FOLDER.parent / "snippets/10_traces.py"))
    losses = {
        name: np.array(one[:31]) for name, one in traces["TRACES"].items()
    }
    made = Drawing(
        "Four small pictures of losses that grow, swing, stand still and "
        "stop too early, each beside the loss as it should be",
        "The losses of the first 30 epochs, by powers of ten. Dashed: as it "
        "should be.",
        388,
    )
    wide, tall, low = 212, 104, 0.01
    for number, (title, high, *names) in enumerate(
        (
            ("It grows", 1e6, "wrong sign", "rate too large"),
            ("It swings", 20, "reset forgotten", "batches of 2"),
            ("It does not move", 20, "another model", "rate too small"),
            ("It stops too early", 20, "bias frozen", "column and row"),
        )
    ):
        left, top = 14 + 240 * (number % 2), 30 + 190 * (number // 2)
        made.words(left, top - 8, title, anchor="start", bold=True)
        made.box(left, top, wide, tall)
        for name, ink, dash, width in (
            ("as it should be", "ink", "5 4", 1.2),
            (names[0], "orange", "", 2.2),
            (names[1], "blue", "2 3", 2.2),
        ):
            up = np.log(losses[name] / low) / math.log(high / low)
            up = np.maximum(up, 0.0)
            inside = int(np.argmax(up > 1)) or len(up)  # until it leaves
            across = np.linspace(left, left + wide, len(up))
            down = top + tall * (1 - up)
            made.path(
                zip(across[:inside], down[:inside], strict=True),
                ink,
                width,
                dash,
            )
        for name, ink, line in zip(
            names, ("orange", "blue"), (18, 37), strict=True
        ):
            made.words(left, top + tall + line, name, ink, "start", bold=True)
    return made


def pairs() -> Drawing:
    """Which prediction meets which target."""
    made = Drawing(
        "Three predictions and three targets: joined one to one as meant, "
        "each with each as broadcast",
        "Left: what is meant, 3 differences. Right: a column against a row, "
        "9 differences.",
        190,
    )
    for x, all_pairs in ((30, False), (270, True)):
        made.words(x + 10, 22, "predictions", anchor="start")
        made.words(x + 180, 22, "targets", anchor="end")
        for i in range(3):
            for j in range(3):
                if all_pairs or i == j:
                    made.path(
                        [(x + 40, 50 + 45 * i), (x + 150, 50 + 45 * j)],
                        "blue" if i == j else "orange",
                        1.6,
                    )
            made.dot(x + 40, 50 + 45 * i, "ink", 6)
            made.dot(x + 150, 50 + 45 * i, "ink", 6)
    made.words(125, 180, "(3, 1) − (3, 1)")
    made.words(365, 180, "(3, 1) − (3,)")
    return made


def printed() -> Drawing:
    """How far off tutorial 004's typical prediction is, and could be."""
    path = path_of(1e-5)
    epochs = np.unique(np.geomspace(1, 1e5, 120).round())
    made = Plot(
        "The root of the loss over epochs: 29.6 where the tutorial stops, "
        "0.7 where it leads",
        "Tutorial 004, trained on. Its last printed loss is the orange "
        "point; the green line is the best possible.",
        ("epoch", 1, 1e5),
        ("root of the loss, tons", 0.5, 200),
        "xy",
    )
    made.line(epochs, [path.at(int(k)).loss ** 0.5 for k in epochs])
    floor = path.optimal_loss**0.5
    made.line([1, 1e5], [floor, floor], "green", "6 3", 1.5)
    made.dots([102], [path.at(102).loss ** 0.5], "orange")
    made.said(
        102,
        path.at(102).loss ** 0.5,
        "where the tutorial stops",
        "orange",
        dy=-4,
    )
    made.said(1, floor, f"possible: {floor:.2f}", "green", dy=-7)
    return made


def outside() -> Drawing:
    """Bounds of a line, inside and outside the range that it was trained on."""
    x = np.linspace(0, 1, 30)
    y = x**2 + 0.05 * np.random.default_rng(0).normal(size=30)
    model = gradline.fit(x[:, None], y)
    wide = np.linspace(0, 2, 41)
    _, low, high = model.predict(wide[:, None], interval=0.95)[:, :, 0]
    made = Plot(
        "A line with its interval, which holds the curve inside the data and "
        "misses it outside",
        "The band is the interval at 95%. Within the data it holds the curve "
        "(dashed); beyond them it is sure of the wrong thing.",
        ("x", 0, 2),
        ("y", -0.5, 4),
    )
    ring = [made.at(a, b) for a, b in zip(wide, high, strict=True)]
    ring += [made.at(a, b) for a, b in zip(wide[::-1], low[::-1], strict=True)]
    made.path(ring, "blue", 0.5, fill="blue", close=True)
    made.line(wide, wide**2, "ink", "5 4", 1.6)
    made.dots(x, y, size=3)
    made.said(1.6, 2.56, "the curve", anchor="end", dx=-10)
    made.said(
        1.75,
        model.predict([[1.75]])[0, 0],
        "line and band",
        "blue",
        "middle",
        0,
        34,
    )
    return made


def overfitting() -> Drawing:
    """Training and validation loss against the degree of a polynomial."""
    random = np.random.default_rng(1)
    x = random.uniform(-1, 1, 30)
    y = np.sin(2.5 * x) + 0.35 * random.normal(size=30)
    train, check = slice(0, 15), slice(15, 30)
    degrees = list(range(1, 11))
    losses = []
    for degree in degrees:
        A = np.polynomial.legendre.legvander(x, degree)
        theta = np.linalg.lstsq(A[train], y[train])[0]
        losses.append(
            [
                ((A[rows] @ theta - y[rows]) ** 2).mean()
                for rows in (train, check)
            ]
        )
    seen, held = np.array(losses).T
    made = Plot(
        "Loss against the number of columns: on training rows it falls on, "
        "on rows kept out it turns and rises",
        "Powers of x as columns, 15 rows for training and 15 kept out. More "
        "columns always lower the training loss; the loss on the other rows "
        "turns and rises: overfitting.",
        ("columns", 1, 10),
        ("loss", 0.01, 100),
        "y",
    )
    made.line(degrees, seen)
    made.line(degrees, held, "orange")
    made.dots(degrees, seen, size=3.5)
    made.dots(degrees, held, "orange", 3.5)
    made.said(5, seen[4], "training rows", "blue", dy=20)
    made.said(7.5, held[7], "rows kept out", "orange", "end", 0, 0)
    return made


def spread() -> Drawing:
    """Weights of repeated experiments, with the standard error of one."""
    random = np.random.default_rng(0)
    X = random.uniform(0, 10, size=(20, 1))
    model = gradline.fit(X, 3 + 2 * X + random.normal(size=(20, 4000)))
    weights = model.weight[:, 0]
    stderr = float(np.asarray(model.inference.weight_stderr)[0, 0])
    count, edges = np.histogram(weights, np.linspace(1.72, 2.28, 29))
    made = Plot(
        "How often each weight comes out in 4,000 experiments: a bell around "
        "the true weight, 2",
        "Weights from 4,000 repeated experiments. The orange bar is two "
        "standard errors either side, as the first experiment alone "
        "estimates them.",
        ("weight", 1.72, 2.28),
        ("experiments", 0, 500),
    )
    for number, low, high in zip(count, edges[:-1], edges[1:], strict=True):
        corners = [(low, 0), (low, number), (high, number), (high, 0)]
        made.path(
            [made.at(a, b) for a, b in corners],
            "blue",
            0.8,
            fill="blue",
            close=True,
        )
    first = float(weights[0])
    made.line(
        [first - 2 * stderr, first + 2 * stderr], [470, 470], "orange", width=3
    )
    made.dots([first], [470], "orange", 5)
    return made


def far_row() -> Drawing:
    """A row that pulls the line to itself."""
    x = np.array([1.0, 2, 3, 4, 5, 20])
    y = np.array([1.1, 1.9, 3.2, 3.9, 5.0, 8.0])
    made = Plot(
        "Five points near the origin and one far right: with it the line is "
        "flat, without it steep",
        "The last row alone decides: with it the line is flat (orange), "
        "without it steep (blue).",
        ("x", 0, 21),
        ("y", 0, 16),
    )
    for rows, ink, name, at in (
        (slice(0, 6), "orange", "with the last row", 13),
        (slice(0, 5), "blue", "without", 13),
    ):
        model = gradline.fit(x[rows, None], y[rows])
        ends = model.predict([[0.0], [16.0 if ink == "blue" else 21.0]])[:, 0]
        made.line([0, 16 if ink == "blue" else 21], ends, ink)
        here = model.predict([[float(at)]])[0, 0]
        made.said(
            at,
            here,
            name,
            ink,
            "end" if ink == "blue" else "middle",
            -8 if ink == "blue" else 0,
            0 if ink == "blue" else 34,
        )
    made.dots(x, y, "ink")
    return made


DRAWINGS: dict[str, Callable[[], Drawing]] = {
    "01_slope": slope,
    "01_record": record,
    "02_product": product,
    "02_errors": errors,
    "03_parabola": parabola,
    "03_rates": rates,
    "04_falls": falls,
    "04_valley": valley,
    "05_agreement": agreement,
    "06_wandering": wandering,
    "06_in_order": in_order,
    "07_places": places,
    "08_parts": parts,
    "09_two_ways": twoways,
    "09_thermometer": wrong_thermometer,
    "10_shapes": shapes,
    "10_pairs": pairs,
    "10_no_reset": no_reset,
    "11_printed": printed,
    "12_outside": outside,
    "12_overfitting": overfitting,
    "13_spread": spread,
    "13_far_row": far_row,
}


@functools.cache
def drawn(name: str) -> Drawing:
    """The picture of a name, drawn once."""
    return DRAWINGS[name]()


def figure(name: str) -> str:
    """A picture as it stands in a page, with its caption."""
    picture = drawn(name)
    caption = safe(picture.caption).replace("e-", "e\u2011")  # a whole 1e-5
    return (
        f'<figure class="drawn" id="drawn-{name}">\n{picture.svg()}'
        f"<figcaption>{caption}</figcaption>\n</figure>\n"
    )


def write(folder: Path = FOLDER) -> None:
    """Write all pictures."""
    folder.mkdir(exist_ok=True)
    for name in DRAWINGS:
        (folder / f"{name}.svg").write_text(figure(name))
