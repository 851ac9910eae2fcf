"""A model as the file that PyTorch loads into an `nn.Linear`."""

import importlib.util

from gradline.core.errors import RequestError
from gradline.exports.parts import expect_finite
from gradline.model.model import LinearModel


def state_dict(model: LinearModel) -> bytes:
    """A state_dict of weight (m, p) and bias (m,), float64; without bias where the model has none.

    `nn.Linear(p, m, bias=has_bias).load_state_dict(torch.load(file, weights_only=True))` takes it. Its inputs are
    the columns of `model.features` in their order, a category as columns of 0 and 1.

    Raises `RequestError` without torch, or where a coefficient is not finite.
    """
    expect_finite(model)
    if importlib.util.find_spec("torch") is None:
        raise RequestError(
            "extra-not-installed",
            "a state_dict is written with torch, which is not installed",
            "pip install 'gradline[torch]'",
        )
    from gradline.pytorch.state_dict import saved  # noqa: PLC0415 - torch takes seconds to load

    return saved(model.weight, model.bias if model.has_bias else None)
