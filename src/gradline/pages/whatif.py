"""The panel of a report that predicts a row of the reader's own: what its script must know of the model."""

from collections.abc import Mapping
from typing import Any

from gradline.data.terms.grammar import Call, Name
from gradline.model.certificate import finite
from gradline.model.model import LinearModel
from gradline.pages.labels import Labels
from gradline.pages.page_terms import terms
from gradline.pages.prediction import field, interval
from gradline.pages.variables import Variable

MOST_FEATURES = 64  # of a model: beyond it the interval alone weighs more than the rest of the page
_WAYS_BACK = {"log": "exp", "log2": "exp2", "log10": "exp10", "log1p": "expm1", "sqrt": "square"}


def whatif(model: LinearModel, known: Mapping[str, Variable], labels: Labels) -> dict[str, Any] | None:
    """The state of the panel; None where there would be too many fields, or nobody knows where a column lies."""
    if len(model.features) > MOST_FEATURES or not all(one.is_known for one in known.values()):
        return None
    told = [_field(model, one, labels) for one in known.values()]
    back = [_way_back(model, j) for j in range(len(model.targets))]
    columns = model.design.target_columns
    names = [columns[j] if back[j] else target for j, target in enumerate(model.targets)]
    return finite(
        {
            "features": list(model.features),
            "targets": list(model.targets),
            "names": [labels.of(name) for name in names],
            "units": [labels.unit(name) for name in names],
            "back": back,
            "fields": told,
            "terms": terms(model),
            "optimum": {"weight": model.weight.tolist(), "bias": model.bias.tolist()},
            "interval": interval(model),
        }
    )


def _field(model: LinearModel, one: Variable, labels: Labels) -> dict[str, Any]:
    """A field as people call it: truth values are chosen as a category is."""
    told = field(model, one) | {"label": labels.with_unit(one.name)}
    if one.is_binary:
        told |= {"levels": ["0", "1"], "is_number": True}
    if told["levels"] is not None:
        told["texts"] = [labels.level(one.name, level) for level in told["levels"]]
    return told


def _way_back(model: LinearModel, j: int) -> str | None:
    """The inverse of the function that a target is of its column, where it is one alone."""
    node = getattr(model.design.transforms[j], "node", None) if model.design.transforms else None
    if isinstance(node, Call) and len(node.arguments) == 1 and isinstance(node.arguments[0], Name):
        return _WAYS_BACK.get(node.function)
    return None
