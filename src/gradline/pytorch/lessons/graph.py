"""The computation graph behind a tensor, read from `grad_fn` and drawn as SVG."""

import functools
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.function import BackwardCFunction

from gradline.core.errors import UsageError
from gradline.core.tensor_file import replacing
from gradline.core.text import listed, number
from gradline.pytorch.lessons.graph_drawing import Caption, drawing

Kind = Literal["leaf", "operation", "data", "result"]


class Node(NamedTuple):
    """A box: a leaf that requires grad, an operation, data without gradient, or the tensor that was drawn."""

    kind: Kind
    name: str  # "" for a number in the code
    shape: tuple[int, ...] | None  # None for an operation that makes several tensors
    dtype: str = "float32"
    value: float | complex | None = None  # of a single element
    remark: str = ""  # the second line of the box

    @property
    def label(self) -> str:
        """The first line of the box, such as `weight (2, 3)` or `loss = 153`."""
        words = [self.name] if self.name else []
        if self.shape:
            words.append(str(self.shape))
        if self.name and self.dtype != "float32":
            words.append(self.dtype)
        if self.value is not None:
            shown = number(self.value, 4) if isinstance(self.value, float) else str(self.value)
            words.append(f"= {shown}" if words else shown)
        return " ".join(words)


class Edge(NamedTuple):
    """`nodes[source]` goes into `nodes[target]`, and where `gradient` is true a gradient comes back."""

    source: int
    target: int
    gradient: bool


@dataclass(frozen=True)
class Graph:
    """A computation graph: every node stands after those that it takes from, the tensor drawn stands last."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    notes: tuple[str, ...]  # the sentences below the drawing
    svg: str = field(repr=False)

    def save(self, path: str | Path) -> None:
        """Write the drawing to an SVG file, whole or not at all; raises `FileError` where it cannot."""
        with replacing(path) as stream:
            stream.write(self.svg.encode())

    def _repr_svg_(self) -> str:
        return self.svg


def graph(tensor: Tensor, names: nn.Module | Mapping[str, Tensor] | None = None) -> Graph:
    """The computation graph of any tensor: what autograd recorded, and the data it kept for backward().

    Parameters: `tensor`, often a loss or a prediction, drawn before backward(), which frees the data;
    `names`, a module, whose parameters give the names, or tensors by name (parameters, data, and results
    on the way), None for "tensor" and "parameter". No gradient changes. Raises `UsageError` for what is no
    tensor, also among the names.

    >>> import torch
    >>> from gradline.pytorch import graph
    >>> weight = torch.tensor([2.0], requires_grad=True)
    >>> drawing = graph((3 * weight - 5) ** 2, {"weight": weight})
    >>> [node.label for node in drawing.nodes]
    ['weight (1,) = 2', '3', 'mul (1,)', 'sub (1,)', 'pow (1,)', 'result (1,) = 1']
    >>> drawing.save("graph.svg")
    """
    if not isinstance(tensor, Tensor):
        raise UsageError(
            "not-a-tensor",
            f"graph draws a tensor, not {type(tensor).__name__}",
            "give the tensor itself, without .item() or .numpy()",
        )
    known = _TensorNames(names)
    nodes, edges, notes = _nothing(tensor, known) if tensor.grad_fn is None else _recorded(tensor, known)
    return Graph(tuple(nodes), tuple(edges), tuple(notes), _svg(nodes, edges, notes))


class _TensorNames:
    """The names that the caller knows tensors by, and which of them turned up."""

    def __init__(self, names: nn.Module | Mapping[str, Tensor] | None) -> None:
        if not isinstance(names, nn.Module | Mapping | None):
            raise UsageError(
                "tensor-names-invalid",
                f"names is {type(names).__name__}",
                'give a module, or tensors by name: {"inputs": inputs}',
            )
        pairs = names.named_parameters() if isinstance(names, nn.Module) else (names or {}).items()
        self._tensors: dict[str, Tensor] = {}
        self._makers: dict[Any, list[str]] = {}
        for name, tensor in pairs:
            if not isinstance(tensor, Tensor):
                raise UsageError(
                    "not-a-tensor",
                    f"names[{name!r}] is {type(tensor).__name__}, no tensor",
                    "give the tensor itself",
                )
            # XML refuses control characters, and marks of direction would garble the line.
            shown = "".join(sign if sign.isprintable() else "\ufffd" for sign in str(name))
            self._tensors[shown] = tensor
            if tensor.grad_fn is not None:
                self._makers.setdefault(tensor.grad_fn, []).append(shown)
        self._by_id = {id(tensor): name for name, tensor in self._tensors.items()}
        self._met: set[int] = set()

    def of(self, tensor: Tensor, otherwise: str) -> str:
        """The name of a tensor, that of the tensor it is a view of, or the other word."""
        self._met |= {id(tensor), id(tensor._base)}
        if id(tensor) in self._by_id:
            return self._by_id[id(tensor)]
        base = self._by_id.get(id(tensor._base))
        return f"view of {base}" if base else otherwise

    def made_by(self, function: Any) -> list[str]:
        """The names of the tensors that an operation made."""
        made = self._makers.get(function, [])
        self._met |= {id(self._tensors[name]) for name in made}
        return made

    def missed(self) -> list[str]:
        """The names of the tensors that nobody asked for."""
        return [name for name, tensor in self._tensors.items() if id(tensor) not in self._met]


def _tensor_node(kind: Kind, name: str, tensor: Tensor, remark: str = "") -> Node:
    value = tensor.item() if tensor.numel() == 1 and tensor.device.type != "meta" else None
    return Node(kind, name, tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."), value, remark)


def _nothing(tensor: Tensor, known: _TensorNames) -> tuple[list[Node], list[Edge], list[str]]:
    """The one node of a tensor without grad_fn, and why it is alone."""
    name = known.of(tensor, _plain(tensor))
    if tensor.requires_grad:
        node = _tensor_node("leaf", name, tensor, "requires grad")
    else:
        node = _tensor_node("data", name, tensor, "no gradient")
    return [node], [], [f"Nothing was recorded: {_why_nothing(tensor)}."]


def _why_nothing(tensor: Tensor) -> str:
    if tensor._base is not None and tensor._base.requires_grad:
        return "this is a view of a tensor that requires grad, made under no_grad"
    if tensor.requires_grad:
        return "this is a leaf that requires grad, and a graph begins with it"
    if not (tensor.is_floating_point() or tensor.is_complex()):
        return f"requires_grad is False, as {str(tensor.dtype).removeprefix('torch.')} can carry no gradient"
    if tensor.is_inference():
        return "requires_grad is False, as it was made under inference_mode"
    return (
        "requires_grad is False; it is plain data, was detached, or was made under no_grad or from data alone"
    )


def _plain(tensor: Tensor) -> str:
    return "parameter" if isinstance(tensor, nn.Parameter) else "tensor"


def _recorded(tensor: Tensor, known: _TensorNames) -> tuple[list[Node], list[Edge], list[str]]:
    """Every function behind the tensor as a node, and the data that the functions kept."""
    nodes: list[Node] = []
    edges: list[Edge] = []
    places: dict[Any, int] = {}  # of functions, and of data by id
    alive: list[Tensor] = []  # so that no id is used twice
    hints: dict[str, None] = {}
    last = tensor.grad_fn
    for function in _behind(last):
        operation = _operation(function)
        taken = [(places[before], True) for before, _ in function.next_functions if before is not None]
        try:
            saved = _saved(function, operation)
        except RuntimeError:  # what torch raises for tensors that are freed or were overwritten
            saved = []
            hints[_FREED] = None
        for data in saved:
            if id(data) not in places:
                alive.append(data)
                places[id(data)] = len(nodes)
                nodes.append(_data_node(data, known))
            taken.append((places[id(data)], False))
        if operation in _KEEPS_NOTHING and any(before is None for before, _ in function.next_functions):
            hints[_UNKEPT] = None
        places[function] = len(nodes)
        nodes.append(_function_node(function, operation, known, is_last=function is last))
        edges.extend(Edge(source, places[function], gradient) for source, gradient in taken)
    nodes.append(_tensor_node("result", known.of(tensor, "result"), tensor))
    edges.append(Edge(places[last], len(nodes) - 1, True))
    if missed := known.missed():
        hints[f"Named, but not in this graph: {listed(missed)}."] = None
    return nodes, edges, [*_legend(nodes), *hints]


_KEEPS_NOTHING = {"add", "sub"}
_UNKEPT = (
    "Data that are only added or subtracted are not drawn: no gradient needs them, so autograd keeps none."
)
_FREED = (
    "Data may be missing: backward() has freed what autograd kept, or a step in place has overwritten it."
)


def _data_node(data: Tensor, known: _TensorNames) -> Node:
    number_in_code = data.dim() == 0
    return _tensor_node("data", known.of(data, "" if number_in_code else _plain(data)), data, "no gradient")


def _function_node(function: Any, operation: str, known: _TensorNames, is_last: bool) -> Node:
    if function.name() == "torch::autograd::AccumulateGrad":
        leaf = function.variable
        return _tensor_node("leaf", known.of(leaf, _plain(leaf)), leaf, "requires grad")
    made = [] if is_last else known.made_by(function)
    outputs = getattr(function, "_input_metadata", ())  # the inputs of the backward are what the forward made
    shape = tuple(outputs[0].shape) if len(outputs) == 1 else None
    return Node("operation", operation, shape, remark=f"makes {listed(made)}" if made else "")


def _behind(last: Any) -> Iterator[Any]:
    """Every function that the last one builds on, each after those it takes from; no recursion, as graphs run deep."""
    started = {last}
    path = [(last, iter(last.next_functions))]
    while path:
        function, rest = path[-1]
        for before, _ in rest:
            if before is not None and before not in started:
                started.add(before)
                path.append((before, iter(before.next_functions)))
                break
        else:
            path.pop()
            yield function


def _operation(function: Any) -> str:
    """The name of an operation as it is called: "mse_loss" for MseLossBackward0, a class of one's own as it is."""
    name = re.sub(r"Backwards?\d*(_copy)?$", "", function.name().rsplit("::", 1)[-1])
    if isinstance(function, BackwardCFunction):
        return name
    name = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z0-9])(?=[A-Z][a-z])", "_", name).lower()
    return re.sub(r"^(unsafe|native)_|_(copy|alias)$", "", name)  # how torch calls variants of its own


def _saved(function: Any, operation: str) -> list[Tensor]:
    """The tensors without gradient that an operation took and kept.

    The others come through next_functions, as do leaves that were frozen since.
    """
    kept = []
    for attribute in _attributes(type(function), operation):
        value = getattr(function, attribute)
        kept.extend(value if isinstance(value, tuple | list) else [value])
    leaves = [getattr(before, "variable", None) for before, _ in function.next_functions]
    return [
        item
        for item in kept
        if isinstance(item, Tensor) and not item.requires_grad and not any(item is leaf for leaf in leaves)
    ]


@functools.lru_cache(maxsize=1024)
def _attributes(function: type, operation: str) -> list[str]:
    """Where functions of a type keep what they took; what they made (masks, indices) is no argument of the operator."""
    if issubclass(function, BackwardCFunction):
        return ["saved_tensors"]
    arguments = {
        argument.name
        for operator in (operation, f"_{operation}")
        for packet in [getattr(torch.ops.aten, operator, None)]
        if packet is not None
        for overload in packet.overloads()
        for argument in getattr(packet, overload)._schema.arguments
        if not argument.is_out
    }
    names = (name for name in dir(function) if name.startswith("_saved_"))
    return [name for name in names if not arguments or name.removeprefix("_saved_") in arguments]


def _legend(nodes: Sequence[Node]) -> list[str]:
    legend = {
        "leaf": "Filled: leaves that require grad; backward() puts gradients there.",
        "operation": "Rounded: operations, with the shape that they make.",
        "data": "Dashed: data that took part, no gradient.",
        "result": "Arrows follow the computation, gradients flow back against them.",
    }
    kinds = {node.kind for node in nodes}
    return [sentence for kind, sentence in legend.items() if kind in kinds]


def _svg(nodes: Sequence[Node], edges: Sequence[Edge], notes: Sequence[str]) -> str:
    kinds = Counter(node.kind for node in nodes)
    taken: dict[int, list[str]] = {}
    for source, target, _ in edges:
        taken.setdefault(target, []).append(nodes[source].label)
    steps = [f"{nodes[target].label} takes {listed(labels)}." for target, labels in taken.items()]
    return drawing(
        [Caption(node.kind, tuple(filter(None, (node.label, node.remark)))) for node in nodes],
        [(edge.source, edge.target) for edge in edges],
        dashed={edge.source for edge in edges if not edge.gradient},
        title=f"Computation graph of {nodes[-1].label}. Leaves that require grad: {kinds['leaf']};"
        f" operations: {kinds['operation']}; data without gradient: {kinds['data']}",
        description=" ".join([*steps, *notes]),
        notes=notes,
    )
