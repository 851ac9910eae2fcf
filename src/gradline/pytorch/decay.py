"""Weight decay as the penalty that it is: what an optimiser adds to the loss, read from its groups."""

from typing import Any, NamedTuple

import torch

from gradline.core.text import number

# Those of `torch.optim` that add weight_decay·θ to the gradient, as their pages have it: that of weight_decay/2·‖θ‖².
_COUPLED = (
    torch.optim.SGD,
    torch.optim.Adam,
    torch.optim.Adamax,
    torch.optim.NAdam,
    torch.optim.RAdam,
    torch.optim.Adadelta,
    torch.optim.Adagrad,
    torch.optim.RMSprop,
)
_DECOUPLED = (torch.optim.AdamW, torch.optim.Adafactor, torch.optim.Muon)


class Decay(NamedTuple):
    """weight/2·Σw² + bias/2·Σb² beside the mean loss, 0 for what is not decayed; `remark`: what else to say."""

    weight: float = 0.0
    bias: float = 0.0
    remark: str | None = None

    @property
    def is_none(self) -> bool:
        """Whether nothing is added to the loss."""
        return not self.weight and not self.bias


def decay_of(
    opt: torch.optim.Optimizer, weight: torch.Tensor | None, bias: torch.Tensor | None, times: float
) -> Decay:
    """What `opt` adds to the mean loss, whose gradient the loop's loss function gives so many `times`.

    An update stands still where times·∇L + weight_decay·θ = 0, as the sum L + weight_decay/(2·times)·‖θ‖² does.
    `weight` and `bias` are the parameters, None where the module's own are others.
    """
    groups = [group for group in opt.param_groups if group.get("weight_decay")]
    if not groups:
        return Decay()
    name, rate = type(opt).__name__, number(float(groups[0]["weight_decay"]))
    if type(opt) in _DECOUPLED or any(group.get("decoupled_weight_decay") for group in groups):
        return Decay(
            remark=f"Weight decay heads elsewhere than the optimum: {name} shrinks the parameters by lr·{rate} beside "
            "the gradient, which is the slope of no sum of a loss and a penalty. So the loss alone is judged."
        )
    if type(opt) not in _COUPLED or any(group.get("maximize") for group in groups):
        return Decay(
            remark=f"Weight decay heads elsewhere than the optimum, and which penalty that of {name} stands for is not "
            "known. So the loss alone is judged."
        )
    if weight is None:
        return Decay(
            remark="Weight decay acts on the module's own parameters, which are not weight and bias themselves. So the "
            "loss alone is judged."
        )
    return Decay(_rate(opt, weight) / times, 0.0 if bias is None else _rate(opt, bias) / times)


def _rate(opt: torch.optim.Optimizer, parameter: torch.Tensor) -> float:
    """The weight decay of the group that a parameter belongs to."""
    groups: list[dict[str, Any]] = opt.param_groups
    found = (group for group in groups if any(held is parameter for held in group["params"]))
    return float(next(found, {}).get("weight_decay") or 0.0)
