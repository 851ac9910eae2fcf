"""A model as an ONNX graph: named columns in, a column for each target out, all in float64."""

import importlib.util
import json
from collections.abc import Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from gradline.core.errors import RequestError
from gradline.data.cells import MISSING_WORDS
from gradline.data.schema import Kind
from gradline.exports import graph_terms
from gradline.exports.parts import (
    Categorical,
    Computed,
    Numeric,
    Summand,
    expect_unseen,
    parts,
    same_words,
    spellings,
)
from gradline.model.model import LinearModel

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto, TensorProto, ValueInfoProto

# The oldest versions with all operators in float64, so that old runtimes open the file too.
_IR, _OPSET, _ML_OPSET = 7, 13, 2


def onnx(model: LinearModel, *, unseen: str = "null") -> bytes:
    """An ONNX file: X @ weightᵀ + bias for the numbers, plus for each category the weight of its level.

    Inputs are the columns of the table by name, (rows, 1): float64 for numbers, strings for categories, without
    spaces around them. Outputs are the targets by name, (rows, 1), float64. A NaN, an empty string or a level that
    training did not see gives NaN; with `unseen="base"` such a level counts as the base, missing cells do not.
    The metadata hold targets, gradline's version and the certificate.

    Raises `RequestError` without the package onnx, or where a coefficient is not finite.
    """
    expect_unseen(unseen)
    found = parts(model)
    if importlib.util.find_spec("onnx") is None:
        raise RequestError(
            "extra-not-installed",
            "an ONNX file is written with onnx, which is not installed",
            "pip install 'gradline[onnx]'",
        )
    from onnx import helper  # noqa: PLC0415 - an extra, and only for this file

    opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid("ai.onnx.ml", _ML_OPSET)]
    made = helper.make_model(
        _Builder(model, unseen).graph(found),
        opset_imports=opsets,
        ir_version=_IR,
        producer_name="gradline",
        producer_version=version("gradline"),
    )
    helper.set_model_props(made, _metadata(model, unseen))
    return made.SerializeToString()


def _metadata(model: LinearModel, unseen: str) -> dict[str, str]:
    return {
        "targets": json.dumps(list(model.targets), ensure_ascii=False),
        "gradline": version("gradline"),
        "certificate": model.certificate.status,
        "digits": f"{model.certificate.digits:.1f}",
        "unseen": unseen,
    }


class _Builder:
    """The nodes and constants of one graph, as they come to be."""

    def __init__(self, model: LinearModel, unseen: str) -> None:
        self._model, self.unseen = model, unseen
        self._nodes: list[NodeProto] = []
        self._constants: list[TensorProto] = []
        # Inner names must differ from those of all columns, whatever these are.
        names = [*model.design.inputs, *model.targets]
        self._prefix = "_" * (1 + max(len(name) - len(name.lstrip("_")) for name in names))

    def graph(self, found: Sequence[Summand]) -> "GraphProto":
        """The whole graph: a sum over the numbers, the bias, and one summand for each category."""
        from onnx import helper  # noqa: PLC0415

        numbers = [part for part in found if isinstance(part, Numeric)]
        total = self.constant(self._model.bias)
        if numbers:
            total = self.node("Add", [self._product(numbers), total])
        for part in found:
            if isinstance(part, Categorical):
                total = self.node("Add", [total, self.picked(part.column, part.levels, part.weight)])
            elif isinstance(part, Computed):
                # Not MatMul: onnxruntime draws a scale before it into the product as a float32.
                weighted = [graph_terms.columns(part.term, self), self.constant(part.weight)]
                total = self.node("Gemm", [*weighted, total])
        self._split(total)
        kinds = self._model.design.inputs
        inputs = [_column(name, text=kind == Kind.TEXT) for name, kind in kinds.items()]
        outputs = [_column(target, text=False) for target in self._model.targets]
        return helper.make_graph(self._nodes, "gradline", inputs, outputs, self._constants)

    def _product(self, numbers: Sequence[Numeric]) -> str:
        X = self.node("Concat", [part.column for part in numbers], axis=1)
        return self.node("MatMul", [X, self.constant(np.stack([part.weight for part in numbers]))])

    def picked(self, column: str, levels: Sequence[str], rows: np.ndarray) -> str:
        """Row `code` of `rows` (levels, k); the row below them is NaN, for cells that give no prediction."""
        none = len(levels)
        spelled = spellings(levels, same_words(self._model, column))
        codes = {word: code for code, words in enumerate(spelled) for word in words}
        if self.unseen == "base":
            codes |= {
                way: none for word in MISSING_WORDS for way in (word, word.title(), word.upper(), "NaN")
            }
        code = self.node(
            "LabelEncoder",
            [column],
            domain="ai.onnx.ml",
            keys_strings=list(codes),
            values_int64s=list(codes.values()),
            default_int64=none if self.unseen == "null" else 0,
        )
        table = self.constant(np.concatenate([rows, np.full((1, rows.shape[1]), np.nan)]))
        found = self.node("Gather", [table, code], axis=0)
        return self.node("Squeeze", [found, self.constant(np.array([1]))])

    def _split(self, total: str) -> None:
        from onnx import helper  # noqa: PLC0415

        targets = list(self._model.targets)
        how: dict[str, Any] = {"axis": 1} if len(targets) > 1 else {}
        self._nodes.append(helper.make_node("Split" if how else "Identity", [total], targets, **how))

    def node(self, kind: str, inputs: list[str], domain: str = "", **how: Any) -> str:
        """A node with one output, and that output's name."""
        from onnx import helper  # noqa: PLC0415

        output = f"{self._prefix}{kind}{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, inputs, [output], domain=domain, **how))
        return output

    def constant(self, values: np.ndarray) -> str:
        """A constant, and its name."""
        from onnx import numpy_helper  # noqa: PLC0415

        name = f"{self._prefix}constant{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name


def _column(name: str, text: bool) -> "ValueInfoProto":
    from onnx import TensorProto, helper  # noqa: PLC0415

    kind = TensorProto.STRING if text else TensorProto.DOUBLE
    return helper.make_tensor_value_info(name, kind, ["rows", 1])
