"""The computation graph: what autograd recorded is what is drawn, once, readably and safely."""

import itertools
import re
import subprocess
import sys
import unicodedata
import xml.etree.ElementTree as ElementTree
from collections import Counter

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from known import known
from refusals import refused
from torch import nn

from gradline.pytorch import graph
from gradline.pytorch.lessons.graph_layout import BESIDE, layered

SVG = "{http://www.w3.org/2000/svg}"


def crops():
    inputs = torch.tensor([[73.0, 67, 43], [91, 88, 64], [87, 134, 58], [102, 43, 37], [69, 96, 70]])
    targets = torch.tensor([[56.0, 70], [81, 101], [119, 133], [22, 37], [103, 119]])
    weight = torch.full((2, 3), 0.5, requires_grad=True)
    bias = torch.zeros(2, requires_grad=True)
    return {"weight": weight, "bias": bias, "inputs": inputs, "targets": targets}


def boxes(svg):
    """Every node of a drawing as (style, left, top, right, bottom, lines)."""
    root = ElementTree.fromstring(svg)
    group = next(child for child in root if child.tag == f"{SVG}g")
    dx, dy = map(float, re.findall(r"-?[\d.]+", known(group.get("transform"))))
    for node in group.iter(f"{SVG}g"):
        rect = node.find(f"{SVG}rect")
        if node is group or rect is None:
            continue
        x, y, width, height = (float(known(rect.get(key))) for key in ("x", "y", "width", "height"))
        lines = [text.text or "" for text in node.iter(f"{SVG}text")]
        yield node.get("class"), x + dx, y + dy, x + dx + width, y + dy + height, lines


def expect_readable(drawn):
    """Boxes lie inside the view and apart, their lines fit, and they say what the nodes say."""
    root = ElementTree.fromstring(drawn.svg)
    _, _, width, height = map(float, known(root.get("viewBox")).split())
    found = list(boxes(drawn.svg))
    assert len(found) == len(drawn.nodes)
    for node, (style, left, top, right, bottom, lines) in zip(drawn.nodes, found, strict=True):
        assert style == node.kind
        assert 0 <= left < right <= width
        assert 0 <= top < bottom <= height
        # 0.602 em a column in DejaVu Sans Mono, the widest of the fonts named; two for what is wide.
        sizes = [13, 11]
        for line, size in zip(lines, sizes, strict=False):
            columns = sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in line)
            assert 0.602 * size * columns < right - left
        if len(node.label) <= 48:
            assert lines == [line for line in (node.label, node.remark) if line]
    for a, b in itertools.combinations(found, 2):
        assert a[3] < b[1] or b[3] < a[1] or a[4] < b[2] or b[4] < a[2], "two boxes overlap"
    for note in root.findall(f"{SVG}text"):
        assert float(known(note.get("x"))) + 0.602 * 11 * len(known(note.text)) <= width
        assert float(known(note.get("y"))) < height


def arrows(drawn):
    """The edges in words: (from, to, whether a gradient flows back)."""
    labels = [node.name for node in drawn.nodes]
    return [(labels[source], labels[target], gradient) for source, target, gradient in drawn.edges]


def of_kind(drawn, kind):
    return [node for node in drawn.nodes if node.kind == kind]


def test_the_crops_by_autograd():
    """Tutorial 004's model and loss by hand: x @ w.t() + b, squared differences over their number."""
    names = crops()
    predictions = names["inputs"] @ names["weight"].t() + names["bias"]
    difference = predictions - names["targets"]
    loss = torch.sum(difference * difference) / difference.numel()
    drawn = graph(loss, {**names, "loss": loss, "predictions": predictions})
    assert Counter(arrows(drawn)) == Counter(
        [
            ("weight", "t", True),
            ("inputs", "mm", False),
            ("t", "mm", True),
            ("mm", "add", True),
            ("bias", "add", True),
            ("add", "sub", True),
            ("sub", "mul", True),
            ("sub", "mul", True),  # once for each factor of the square
            ("mul", "sum", True),
            ("sum", "div", True),
            ("", "div", False),  # the number 10
            ("div", "loss", True),
        ]
    )
    labels = {node.name: node for node in drawn.nodes}
    assert labels["weight"].label == "weight (2, 3)"
    assert labels["weight"].remark == "requires grad"
    assert labels["inputs"].label == "inputs (5, 3)"
    assert labels["inputs"].remark == "no gradient"
    assert labels["sub"].shape == difference.shape
    assert labels["add"].remark == "makes predictions"
    assert labels["div"].remark == ""  # what it makes stands below it
    assert labels[""].value == difference.numel()
    assert drawn.nodes[-1] == labels["loss"]
    assert labels["loss"].value == loss.item()
    assert any("only added or subtracted" in note for note in drawn.notes)
    assert drawn.notes[-1] == "Named, but not in this graph: targets."
    expect_readable(drawn)


def test_linear_and_mse_loss():
    model, data = nn.Linear(3, 2), crops()
    loss = F.mse_loss(model(data["inputs"]), data["targets"])
    drawn = graph(
        loss, {**dict(model.named_parameters()), "inputs": data["inputs"], "targets": data["targets"]}
    )
    assert {node.name for node in of_kind(drawn, "leaf")} == {"weight", "bias"}
    assert {node.label for node in of_kind(drawn, "data")} == {"inputs (5, 3)", "targets (5, 2)"}
    assert [node.name for node in of_kind(drawn, "operation")] == ["t", "addmm", "mse_loss"]
    assert ("inputs", "addmm", False) in arrows(drawn)
    assert ("targets", "mse_loss", False) in arrows(drawn)
    assert not any("Named" in note or "added" in note for note in drawn.notes)
    expect_readable(drawn)
    by_module = graph(loss, model)
    assert [node.name for node in of_kind(by_module, "leaf")] == [
        node.name for node in of_kind(drawn, "leaf")
    ]
    assert {node.name for node in of_kind(by_module, "data")} == {"tensor"}
    assert {node.name for node in of_kind(graph(loss), "leaf")} == {"parameter"}


def test_tutorial_003():
    b, w = (torch.randn(1, requires_grad=True) for _ in range(2))
    x = torch.rand(80, 1)
    drawn = graph(b + w * x, {"b": b, "w": w, "x_train": x})
    assert set(arrows(drawn)) == {
        ("b", "add", True),
        ("w", "mul", True),
        ("x_train", "mul", False),
        ("mul", "add", True),
        ("add", "result", True),
    }
    assert next(node for node in drawn.nodes if node.name == "b").value == b.item()
    expect_readable(drawn)


def test_a_leaf_and_data_used_twice_are_drawn_once():
    w, x = torch.ones(3, requires_grad=True), torch.ones(3)
    drawn = graph((w * x).sum() + (w.exp() * x).sum(), {"w": w, "x": x})
    assert [node.name for node in drawn.nodes].count("w") == 1
    assert [node.name for node in drawn.nodes].count("x") == 1
    assert [source for source, _, _ in arrows(drawn)].count("w") == 2
    assert [source for source, _, _ in arrows(drawn)].count("x") == 2
    expect_readable(drawn)


def test_what_an_operation_saved_is_drawn_only_where_it_is_data():
    """Intermediate results, leaves and by-products are saved too; by-products are of the operation's own making."""
    scores, classes = torch.randn(5, 2, requires_grad=True), torch.tensor([0, 1, 1, 0, 1])
    drawn = graph(F.cross_entropy(scores.exp(), classes), {"scores": scores, "classes": classes})
    assert [node.label for node in of_kind(drawn, "data")] == ["classes (5,) int64"]
    assert of_kind(graph(scores.max(dim=1).values.sum()), "data") == []
    assert of_kind(graph(scores.sort(dim=1).values), "data") == []
    assert of_kind(graph(torch.sigmoid(scores) * torch.tanh(scores)), "data") == []
    frozen = torch.ones(2, requires_grad=True)
    square = frozen * frozen
    frozen.requires_grad_(False)
    assert [node.kind for node in graph(square).nodes] == ["leaf", "operation", "result"]


def test_data_seen_through_a_view_keep_their_name():
    names = crops()
    drawn = graph(names["inputs"][1:3] @ names["weight"].t(), names)
    assert [node.label for node in of_kind(drawn, "data")] == ["view of inputs (2, 3)"]
    assert drawn.notes[-1] == "Named, but not in this graph: bias, targets."


def test_after_backward_the_graph_is_drawn_without_data():
    names = crops()
    loss = F.mse_loss(F.linear(names["inputs"], names["weight"], names["bias"]), names["targets"])
    before = graph(loss, names)
    loss.backward(retain_graph=True)
    assert graph(loss, names).nodes == before.nodes
    loss.backward()
    after = graph(loss, names)
    assert after.nodes == tuple(node for node in before.nodes if node.kind != "data")
    assert [edge for edge in arrows(after) if edge[2]] == [edge for edge in arrows(before) if edge[2]]
    assert any("backward() has freed" in note for note in after.notes)
    assert not any("backward() has freed" in note for note in before.notes)
    expect_readable(after)


def test_data_overwritten_in_place_are_left_out():
    w, x = torch.ones(3, requires_grad=True), torch.ones(3)
    product = w * x
    x.add_(1)
    drawn = graph(product)
    assert of_kind(drawn, "data") == []
    assert any("in place" in note for note in drawn.notes)


def made_under(context, make):
    with context():
        return make(torch.ones(2, 2, requires_grad=True))


@pytest.mark.parametrize(
    ("tensor", "kind", "reason"),
    [
        (torch.ones(2, requires_grad=True), "leaf", "a leaf that requires grad"),
        (torch.ones(2), "data", "plain data"),
        ((torch.ones(2, requires_grad=True) * 2).detach(), "data", "was detached"),
        (made_under(torch.no_grad, lambda leaf: leaf * 2), "data", "under no_grad"),
        (
            made_under(torch.no_grad, lambda leaf: leaf[0]),
            "leaf",
            "a view of a tensor that requires grad, made under no_grad",
        ),
        (made_under(torch.inference_mode, lambda leaf: leaf * 2), "data", "inference_mode"),
        (torch.ones(2, requires_grad=True).argmax(), "data", "int64"),
    ],
)
def test_a_tensor_without_grad_fn_says_why(tensor, kind, reason):
    drawn = graph(tensor, {"it": tensor})
    assert [(node.kind, node.name) for node in drawn.nodes] == [(kind, "it")]
    assert drawn.edges == ()
    assert len(drawn.notes) == 1
    assert "Nothing was recorded" in drawn.notes[0]
    assert reason in drawn.notes[0]
    expect_readable(drawn)


@pytest.mark.parametrize(
    "name",
    [
        "<script>alert(1)</script>",
        "a&b]]>\"'",
        "重み" * 12 + "😀",
        "e\u0301",
        "\x00\x1b\n\ud800\u202e",
        "x" * 300,
        "",
    ],
)
def test_names_are_data(name):
    w, x = torch.ones(2, requires_grad=True), torch.ones(2)
    drawn = graph(w * x, {name: w, f"{name} too": x})
    expect_readable(drawn)
    root = ElementTree.fromstring(drawn.svg.encode())
    tags = {element.tag.removeprefix(SVG) for element in root.iter()}
    assert tags <= {"svg", "title", "desc", "style", "g", "rect", "path", "text"}
    leaf = of_kind(drawn, "leaf")[0]
    assert leaf.name == "".join(sign if sign.isprintable() else "\ufffd" for sign in name)
    leaves = [group for group in root.iter(f"{SVG}g") if group.get("class") == "leaf"]
    shown = [known(group.find(f"{SVG}title")).text for group in leaves]
    assert shown == [f"{leaf.label}, requires grad"]


def test_the_drawing_refers_to_nothing_outside_and_speaks():
    drawn = graph(torch.ones(2, requires_grad=True).sum())
    root = ElementTree.fromstring(drawn.svg)
    assert drawn.svg.count("http") == drawn.svg.count('xmlns="http://www.w3.org/2000/svg"') == 1
    assert not re.search(r"href|url\(|@import|<script|\bon\w+=", drawn.svg)
    title, description, style = (root.findtext(f"{SVG}{tag}", "") for tag in ("title", "desc", "style"))
    assert root[0].tag == f"{SVG}title"  # a screen reader takes the first child for the name
    assert drawn.nodes[-1].label in title
    for node in of_kind(drawn, "operation"):
        assert f"{node.label} takes" in description
    assert "prefers-color-scheme:dark" in style
    # Rules of a drawing inside a page must not reach the page.
    assert all(rule.lstrip().startswith((".gradline-graph", "@", "}")) for rule in style.strip().splitlines())


FUNCTIONS = [
    (F.mse_loss, 2),
    (F.huber_loss, 2),
    (F.smooth_l1_loss, 2),
    (torch.sigmoid, 1),
    (torch.log1p, 1),
    (torch.mean, 1),
    (torch.mm, 2),
    (torch.sub, 2),
    (torch.logsumexp, 1),
    (F.log_softmax, 1),
]


@pytest.mark.parametrize(("function", "arity"), FUNCTIONS, ids=lambda value: getattr(value, "__name__", ""))
def test_an_operation_has_the_name_of_its_function(function, arity):
    arguments = [torch.rand(3, 3, requires_grad=True), *([torch.rand(3, 3)] * (arity - 1))]
    options = {"dim": 1} if function in (torch.logsumexp, F.log_softmax) else {}
    made = function(*arguments, **options)
    drawn = graph(made)
    assert [node.name for node in of_kind(drawn, "operation")] == [function.__name__]
    assert of_kind(drawn, "operation")[0].shape == made.shape


def test_variants_of_torchs_own_have_the_plain_name():
    leaf = torch.rand(3, 3, requires_grad=True)
    assert [node.name for node in of_kind(graph(leaf.double()), "operation")] == ["to"]
    names = [node.name for node in of_kind(graph(F.batch_norm(leaf, None, None, training=True)), "operation")]
    assert names == ["batch_norm"]
    assert [node.name for node in of_kind(graph(torch.diag(leaf)), "operation")] == ["diagonal"]


def test_an_operation_of_ones_own():
    class MyCube(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, scale):
            ctx.save_for_backward(x, scale)
            ctx.variable = x  # what autograd calls the tensor of a leaf
            return scale * x**3

        @staticmethod
        def backward(ctx, *grad_outputs):
            x, scale = ctx.saved_tensors
            return 3 * grad_outputs[0] * scale * x**2, None

    x, scale = torch.ones(3, requires_grad=True), torch.ones(3)
    made = MyCube.apply(x.exp(), scale)
    drawn = graph(made, {"x": x, "scale": scale})
    assert arrows(drawn) == [
        ("x", "exp", True),
        ("exp", "MyCube", True),
        ("scale", "MyCube", False),
        ("MyCube", "result", True),
    ]
    made.sum().backward()
    assert of_kind(graph(made), "data") == []


def test_dtypes_are_shown_where_they_are_not_float32():
    w = torch.ones(2, dtype=torch.float64, requires_grad=True)
    drawn = graph(w * torch.ones(2, dtype=torch.float64), {"w": w})
    assert [node.label for node in of_kind(drawn, "leaf")] == ["w (2,) float64"]
    assert [node.label for node in of_kind(drawn, "operation")] == ["mul (2,)"]


def test_several_results_of_one_operation():
    table = torch.rand(2, 3, requires_grad=True)
    first, second = table.unbind()
    drawn = graph(first * second, {"first": first, "second": second})
    unbind = next(node for node in drawn.nodes if node.name == "unbind")
    assert (unbind.shape, unbind.remark) == (None, "makes first, second")


def test_a_graph_of_gradients():
    w = torch.tensor(3.0, requires_grad=True)
    (slope,) = torch.autograd.grad(w**3, w, create_graph=True)
    drawn = graph(slope, {"w": w})
    assert drawn.nodes[-1].value == 27
    assert [node.name for node in of_kind(drawn, "leaf")] == ["w"]
    expect_readable(drawn)


def independent(last):
    """next_functions by plain recursion, as structures that name shared parts once."""
    numbers, edges = {}, Counter()

    def number(function):
        if function not in numbers:
            parts = tuple(number(before) for before, _ in function.next_functions if before is not None)
            numbers[function] = len(numbers)
            for part in parts:
                edges[part, numbers[function]] += 1
        return numbers[function]

    number(last)
    return len(numbers), edges


OPERATIONS = [torch.mul, torch.add, torch.sub, lambda a, b: a.exp() * b, lambda a, b: a.sum() + b.sum()]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(OPERATIONS), st.integers(0, 99), st.integers(0, 99)), max_size=14))
def test_edges_are_next_functions(steps):
    """Over random computations: the gradient edges are those of an independent walk, in the same order of visits."""
    torch.manual_seed(0)
    made = [torch.rand(3, requires_grad=True), torch.rand(3, requires_grad=True), torch.rand(3)]
    for operation, i, j in steps:
        made.append(operation(made[i % len(made)], made[j % len(made)]))
    last = next(tensor for tensor in reversed(made) if tensor.requires_grad)
    drawn = graph(last)
    expect_readable(drawn)
    if last.grad_fn is None:
        return
    learned = [place for place, node in enumerate(drawn.nodes) if node.kind in ("leaf", "operation")]
    renumbered = {place: number for number, place in enumerate(learned)}
    count, edges = independent(last.grad_fn)
    assert len(learned) == count
    found = Counter(
        (renumbered[edge.source], renumbered[edge.target])
        for edge in drawn.edges
        if edge.gradient and drawn.nodes[edge.target].kind != "result"
    )
    assert found == edges
    assert all(drawn.nodes[edge.source].kind == "data" for edge in drawn.edges if not edge.gradient)
    assert all(edge.source < edge.target for edge in drawn.edges)


@st.composite
def directed_graphs(draw):
    sizes = draw(st.lists(st.tuples(st.floats(20, 300), st.floats(20, 60)), min_size=1, max_size=16))
    pairs = [(a, b) for b in range(len(sizes)) for a in range(b)]
    edges = draw(st.lists(st.sampled_from(pairs), max_size=40)) if pairs else []
    return sizes, edges


def along(curve, pieces=20):
    """Points of a curve: down to the gap, through it on a cubic with upright ends, and down to the end."""
    (x0, y0), (x1, y1), (above, below) = curve.start, curve.end, curve.gap
    middle = (above + below) / 2
    yield from ((x0, y0), (x0, (y0 + above) / 2), (x1, (y1 + below) / 2), (x1, y1))
    for t in (step / pieces for step in range(pieces + 1)):
        shares = (1 - t) ** 3, 3 * (1 - t) ** 2 * t, 3 * (1 - t) * t**2, t**3
        knots = (x0, above), (x0, middle), (x1, middle), (x1, below)
        yield tuple(
            sum(share * knot[axis] for share, knot in zip(shares, knots, strict=True)) for axis in (0, 1)
        )


@settings(max_examples=150, deadline=None)
@given(directed_graphs())
def test_a_layout_keeps_its_promises(case):
    sizes, edges = case
    boxes, curves, width, height = layered(sizes, edges)
    assert [box[2:] for box in boxes] == sizes
    for left, top, wide, high in boxes:
        assert -1e-6 <= left <= left + wide <= width + 1e-6
        assert -1e-6 <= top <= top + high <= height + 1e-6
    for a, b in itertools.combinations(boxes, 2):
        side = max(b.left - a.left - a.width, a.left - b.left - b.width)
        over = max(b.top - a.top - a.height, a.top - b.top - b.height)
        assert side >= BESIDE - 1e-6 or over > 0
    for source, target in edges:
        assert boxes[source].top + boxes[source].height < boxes[target].top
    arrived = Counter()
    for curve in curves:
        ends = [
            n
            for n, box in enumerate(boxes)
            if curve.end[1] == box.top and 0 <= curve.end[0] - box.left <= box.width
        ]
        assert len(ends) == curve.arrives
        arrived.update((curve.source, end) for end in ends)
        for x, y in along(curve):
            assert not any(
                left + 1e-6 < x < left + wide - 1e-6 and top + 1e-6 < y < top + high - 1e-6
                for left, top, wide, high in boxes
            ), "a line runs through a box"
    assert arrived == Counter(edges)


def test_a_chain_is_straight_and_boxes_beside_it_hardly_bend_it():
    length, width = 30, 80.0
    chain = [(n, n + 1) for n in range(length)]
    assert len({box.left for box in layered([(width, 28.0)] * (length + 1), chain).boxes}) == 1
    beside = [(length + 1 + n, n + 1) for n in range(length)]
    spine = layered([(width, 28.0)] * (2 * length + 1), chain + beside).boxes[: length + 1]
    assert max(box.left for box in spine) - min(box.left for box in spine) < width


def test_the_lines_of_one_node_share_a_trunk():
    """One node used by every step of a chain costs one waypoint a row, not one a row and step."""
    length = 40
    edges = [(n, n + 1) for n in range(1, length)] + [(0, n) for n in range(2, length + 1)]
    curves = layered([(80.0, 28.0)] * (length + 1), edges).curves
    assert len(curves) <= len(edges) + length


@pytest.mark.parametrize("shared", [False, True])
def test_a_chain_of_a_thousand_operations(shared):
    leaf = torch.ones(2, requires_grad=True)
    last = leaf
    for _ in range(1000):
        last = last * leaf if shared else last.neg()
    drawn = graph(last)
    assert len(of_kind(drawn, "operation")) == 1000
    assert len(drawn.edges) == 1001 + 1000 * shared
    assert len(list(boxes(drawn.svg))) == 1002


def test_saved_and_shown(tmp_path):
    drawn = graph(torch.ones(2, requires_grad=True).sum(), {"重み": torch.ones(1)})
    drawn.save(tmp_path / "graph.svg")
    assert (tmp_path / "graph.svg").read_text(encoding="utf-8") == drawn.svg == drawn._repr_svg_()
    assert [path.name for path in tmp_path.iterdir()] == ["graph.svg"]
    with refused("file-unwritable", "graph.svg"):
        drawn.save(tmp_path / "nowhere" / "graph.svg")
    assert drawn.svg not in repr(drawn)


def test_no_gradient_changes():
    model, data = nn.Linear(3, 2), crops()
    loss = F.mse_loss(model(data["inputs"]), data["targets"])
    graph(loss, model)
    assert [part.grad for part in model.parameters()] == [None, None]
    loss.backward()
    held = known(model.weight.grad).clone()
    graph(loss, model)
    assert torch.equal(known(model.weight.grad), held)


@pytest.mark.parametrize(
    ("tensor", "names", "said"),
    [
        (3.5, None, ("not-a-tensor", "float")),
        (None, None, ("not-a-tensor", "NoneType")),
        (torch.ones(2), ["weight"], ("tensor-names-invalid", "list")),
        (torch.ones(2), {"weight": 3}, ("not-a-tensor", "'weight'", "int")),
    ],
)
def test_what_is_no_tensor_is_refused(tensor, names, said):
    with refused(*said):
        graph(tensor, names)


def test_the_layout_needs_no_torch():
    program = "import sys, gradline.pytorch.lessons.graph_layout; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
