"""A model as an ONNX graph: named columns in, a column for each target out, all in float64."""

import importlib.util
import json
from collections.abc import Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from gradline.core.errors import RequestError
from gradline.core.text import listed
from gradline.data.cells import MISSING_WORDS
from gradline.exports.parts import Categorical, Computed, Numeric, Summand, expect_unseen, parts, spellings
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
    found = _served(parts(model))
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


def _served(found: Sequence[Summand]) -> Sequence[Summand]:
    """The parts, if ONNX files can hold them yet."""
    odd = [part.term.label for part in found if isinstance(part, Computed)]
    if odd:
        raise RequestError(
            "onnx-of-formula",
            f"{listed(odd)}: an ONNX file cannot hold terms of a formula yet",
            "export it as SQL, or fit on columns that hold the values",
        )
    return found


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
        self._model, self._unseen = model, unseen
        self._nodes: list[NodeProto] = []
        self._constants: list[TensorProto] = []
        # Inner names must differ from those of all columns, whatever these are.
        names = [*model.design.inputs, *model.targets]
        self._prefix = "_" * (1 + max(len(name) - len(name.lstrip("_")) for name in names))

    def graph(self, found: Sequence[Summand]) -> "GraphProto":
        """The whole graph: a sum over the numbers, the bias, and one summand for each category."""
        from onnx import helper  # noqa: PLC0415

        numbers = [part for part in found if isinstance(part, Numeric)]
        total = self._constant("bias", self._model.bias)
        if numbers:
            total = self._node("Add", [self._product(numbers), total], "sum")
        for i, part in enumerate(part for part in found if isinstance(part, Categorical)):
            total = self._node("Add", [total, self._level(part, i)], f"sum{i}")
        self._split(total)
        inputs = [_column(part.column, text=isinstance(part, Categorical)) for part in found]
        outputs = [_column(target, text=False) for target in self._model.targets]
        return helper.make_graph(self._nodes, "gradline", inputs, outputs, self._constants)

    def _product(self, numbers: Sequence[Numeric]) -> str:
        X = self._node("Concat", [part.column for part in numbers], "X", axis=1)
        weight = self._constant("weight", np.stack([part.weight for part in numbers]))
        return self._node("MatMul", [X, weight], "product")

    def _level(self, part: Categorical, i: int) -> str:
        """Row `code` of the weights; the row below them is NaN, for cells that give no prediction."""
        none = len(part.levels)
        codes = {word: code for code, words in enumerate(spellings(part.levels)) for word in words}
        if self._unseen == "base":
            codes |= {
                way: none for word in MISSING_WORDS for way in (word, word.title(), word.upper(), "NaN")
            }
        code = self._node(
            "LabelEncoder",
            [part.column],
            f"code{i}",
            domain="ai.onnx.ml",
            keys_strings=list(codes),
            values_int64s=list(codes.values()),
            default_int64=none if self._unseen == "null" else 0,
        )
        nothing = np.full((1, len(self._model.targets)), np.nan)
        weight = self._constant(f"levels{i}", np.concatenate([part.weight, nothing]))
        picked = self._node("Gather", [weight, code], f"picked{i}", axis=0)
        return self._node("Squeeze", [picked, self._constant(f"axis{i}", np.array([1]))], f"level{i}")

    def _split(self, total: str) -> None:
        from onnx import helper  # noqa: PLC0415

        targets = list(self._model.targets)
        how: dict[str, Any] = {"axis": 1} if len(targets) > 1 else {}
        self._nodes.append(helper.make_node("Split" if how else "Identity", [total], targets, **how))

    def _node(self, kind: str, inputs: list[str], name: str, domain: str = "", **how: Any) -> str:
        from onnx import helper  # noqa: PLC0415

        output = self._prefix + name
        self._nodes.append(helper.make_node(kind, inputs, [output], domain=domain, **how))
        return output

    def _constant(self, name: str, values: np.ndarray) -> str:
        from onnx import numpy_helper  # noqa: PLC0415

        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(values), self._prefix + name))
        return self._prefix + name


def _column(name: str, text: bool) -> "ValueInfoProto":
    from onnx import TensorProto, helper  # noqa: PLC0415

    kind = TensorProto.STRING if text else TensorProto.DOUBLE
    return helper.make_tensor_value_info(name, kind, ["rows", 1])
