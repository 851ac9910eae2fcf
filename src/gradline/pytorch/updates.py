"""The update rule that really ran: seen by how far the parameters moved, rather than believed."""

import math
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.distributed as dist
from torch import nn

from gradline.core.coefficients import Coefficients
from gradline.core.text import number
from gradline.pytorch.asked_loss import AskedLoss
from gradline.pytorch.asking import rounding, weights_among
from gradline.solvers.problem import Problem, stacked, unstacked

_SETTINGS = ("lr", "momentum", "nesterov", "weight_decay", "dampening", "maximize")
_ROUNDINGS = 64  # of what a gradient is the sum of, for each √(p + 1) of a plain product
# Sums over rows that are kept side by side, at least: where all terms have one sign, rounding has, too.
_LANES = 8
# Of a parameter itself in one update: it is rounded when it is stored, and what is added before that.
_STORED = 4
_TOGETHER, _CELLS = 64, 1 << 20  # states that are compared at once, and the numbers that they may hold


class Rule(NamedTuple):
    """That of `torch.optim.SGD` with these settings."""

    lr: float
    momentum: float
    nesterov: bool
    weight_decay: float


class Updates:
    """Watches an optimiser from update to update.

    Where a batch is all rows, every update is compared with that of the rule, from θ, the velocity and the gradient
    that the moments give in O(q²); so is what happens between updates. Of mini-batches updates 1, 2, 3, 5, 9 and
    so on are, and the first of the last epoch, from the batch's own gradient 2/(b·m)·Σ(ŷ − y)·x. So hooks, clipping,
    wrappers, schedulers, and layers whose parameters are others than weight and bias, are seen by what they do.
    Gradients are those of the loop's own loss, `times` the mean of squares; of another loss moments tell none.
    """

    def __init__(
        self,
        model: nn.Module,
        opt: torch.optim.Optimizer,
        problem: Problem,
        found: Coefficients,
        asked: AskedLoss,
        ranks: int,
    ) -> None:
        self.opt, self.problem, self.asked, self.ranks = opt, problem, asked, ranks
        self.settings = [_settings(group) for group in opt.param_groups]
        self.weight, self.bias = _own(model, found, problem)
        self.why: str | None = self._unknown()
        self.count, self.batch_rows = 0, 0  # updates, and the rows of the largest batch
        self.epoch_updates = 0
        self._expected: _Step | None = None
        self._states: list[tuple[np.ndarray, np.ndarray]] = []  # θ and the velocity before and after updates

    @property
    def claimed(self) -> Rule | None:
        """What the optimiser says that it does, where that has a closed form."""
        if (
            not self.problem.loss.quadratic
            or type(self.opt) is not torch.optim.SGD
            or len(self.settings) != 1
        ):
            return None
        group = self.settings[0]
        if group["maximize"] or (group["momentum"] and group["dampening"]) or not 0 <= group["momentum"] <= 1:
            return None
        if not group["lr"] > 0 or group["weight_decay"] < 0:
            return None
        return Rule(group["lr"], group["momentum"], bool(group["nesterov"]), group["weight_decay"])

    @property
    def rule(self) -> Rule | None:
        """What ran, as far as it was seen; None where nothing foretells it, and `why`."""
        return self.claimed if self.why is None and self.count else None

    @property
    def rule_of_mean(self) -> Rule | None:
        """That rule as one by the gradient of the mean loss: lr times as large, weight decay as many times smaller."""
        return None if self.rule is None else self.by_mean(self.rule, self.batch_rows)

    def by_mean(self, rule: Rule, batch_rows: int) -> Rule:
        """A rule by the loop's own loss as one by the mean loss, for batches of so many rows."""
        times = self._times(batch_rows)
        return rule._replace(lr=rule.lr * times, weight_decay=rule.weight_decay / times)

    @property
    def times(self) -> float:
        """How many times the mean loss the loop's own loss is, of its largest batch."""
        return self._times(self.batch_rows)

    def _times(self, batch_rows: int) -> float:
        return self.asked.times(batch_rows // self.ranks, self.problem.m)

    @property
    def is_whole(self) -> bool:
        """Whether each epoch was one update by all rows."""
        return self.epoch_updates == 1 and self.batch_rows == self.problem.moments.rows

    @property
    def theta(self) -> np.ndarray | None:
        """θ (q, m) as it is, where weight and bias are the parameters."""
        return None if self.weight is None else self._theta(_itself)

    @property
    def velocity(self) -> tuple[np.ndarray, np.ndarray] | None:
        """What momentum carries on, in gradients of the mean loss: weight and bias of it."""
        if self.weight is None or not any(group["momentum"] for group in self.settings):
            return None
        return unstacked(self._theta(self._buffer) / self.times, self.problem.bias)

    def before(self, xb: torch.Tensor, yb: torch.Tensor, first_of_last: bool) -> None:
        """What the coming update should do, if it is one that is looked at."""
        self.batch_rows = max(self.batch_rows, len(xb) * self.ranks)
        self._compare_settings(f"at update {self.count + 1:,}")
        due = self.count & (self.count - 1) == 0 or first_of_last
        # Whatever one process has seen, all of them take part in the mean of the gradients.
        is_known = self.claimed is not None and self.weight is not None
        if is_known and self.batch_rows == self.problem.moments.rows:
            self._note()
        self._expected = self._step(xb, yb) if due and is_known else None

    def end(self) -> None:
        """The last look at the settings, with which it would go on, and at the way that it took."""
        if self._states:
            self._note()
            self._compare_states()
        self._compare_settings("after the last update")
        if self.why is None and any("initial_lr" in group for group in self.opt.param_groups):
            self.why = "a scheduler was made for this optimiser, and which lr comes next is not known"

    def put_back(self, epoch: int) -> None:
        """The weights are those of an epoch before, which what momentum and schedules carry on knows nothing of."""
        self.why = f"the weights are those of epoch {epoch:,}, and the optimiser stands elsewhere"

    @property
    def is_hooked(self) -> bool:
        """Whether somebody else's code takes part in an update, whatever it did so far."""
        hooks = [getattr(self.opt, f"_optimizer_step_{when}_hooks", None) for when in ("pre", "post")]
        own = [
            getattr(part, "_backward_hooks", None) for part in (self.weight, self.bias) if part is not None
        ]
        return any(map(bool, hooks + own)) or "step" in vars(self.opt)

    def _compare_settings(self, when: str) -> None:
        now = [_settings(group) for group in self.opt.param_groups]
        if self.why is not None or now == self.settings:
            return
        pairs = zip(self.settings, now, strict=False)
        changes = [
            (name, old[name], new[name]) for old, new in pairs for name in _SETTINGS if old[name] != new[name]
        ]
        told = "{} went from {:g} to {:g}".format(*changes[0]) if changes else "the groups became others"
        self.why = f"{told} {when}, and what comes next is not known"

    def after(self) -> None:
        """Whether it did."""
        self.count += 1
        if self._expected is None or self.why is not None:
            return
        theta = self._theta(_itself)
        with np.errstate(invalid="ignore"):
            differs = np.abs(theta - self._expected.theta) > self._expected.room
        if differs.any() and np.isfinite(theta).all():
            self._moved_otherwise(self.count)

    def _moved_otherwise(self, update: int) -> None:
        self.why = (
            f"at update {update:,} weight and bias did not move as SGD with these settings moves them "
            "(clipping, or a hook)"
        )

    def _note(self) -> None:
        """θ and the velocity as they are, between two updates."""
        self._states.append((self._theta(_itself), self._theta(self._buffer)))
        if len(self._states) > min(_TOGETHER, max(1, _CELLS // self._states[0][0].size)):
            self._compare_states()

    def _compare_states(self) -> None:
        """Whether each state that was noted is the one that the rule makes of the one before."""
        theta, velocity = (np.stack(part) for part in zip(*self._states, strict=True))  # (K, q, m)
        del self._states[:-1]
        if self.why is not None:
            return
        A, B, C = self.problem.factor
        norms, targets = (
            np.linalg.norm(A, axis=0),
            np.hypot(np.linalg.norm(B, axis=0), np.linalg.norm(C, axis=0)),
        )
        with np.errstate(over="ignore", invalid="ignore"):
            # Σ|x_j|·(Σ|x_k·θ_k| + |y|) is at most ‖x_j‖·(Σ‖x_k‖·|θ_k| + ‖y‖).
            size = (
                self.times
                * 2.0
                / self.problem.cells
                * norms[:, None]
                * (norms @ np.abs(theta) + targets)[:, None, :]
            )
            gradient = self.times * self.problem.gradient(theta[:-1])
            step = self._ruled(theta[:-1], velocity[:-1], gradient, size[:-1])
            differs = np.abs(theta[1:] - step.theta) > step.room
            if any(group["momentum"] for group in self.settings):
                differs |= np.abs(velocity[1:] - step.velocity) > step.velocity_room
        # What has left the numbers of its type did so by the rule, or has diverged all the same.
        is_finite = np.isfinite(theta[1:] + velocity[1:]).all(axis=(1, 2))
        wrong = np.flatnonzero(differs.any(axis=(1, 2)) & is_finite)
        if len(wrong):
            self._moved_otherwise(self.count - len(differs) + 1 + int(wrong[0]))

    def _unknown(self) -> str | None:
        if not self.problem.loss.quadratic:
            return f"no formula foretells the path of the {self.problem.loss.mean}"
        if self.claimed is None:
            return _described(self.opt, self.settings)
        if self.weight is None:
            return "what is trained are not weight and bias themselves"
        return None

    def _step(self, xb: torch.Tensor, yb: torch.Tensor) -> "_Step":
        """The update by this batch."""
        X, Y = (tensor.detach().cpu().double().numpy().reshape(len(tensor), -1) for tensor in (xb, yb))
        A = np.column_stack([np.ones(len(X)), X]) if self.problem.bias else X
        theta, velocity = self._theta(_itself), self._theta(self._buffer)
        with np.errstate(over="ignore", invalid="ignore"):
            share = self.asked.times(len(X), self.problem.m) * 2.0 / Y.size
            gradient = self._averaged(share * A.T @ (A @ theta - Y))
            size = self._averaged(share * np.abs(A).T @ (np.abs(A) @ np.abs(theta) + np.abs(Y)))
            if self.ranks * len(X) == self.problem.moments.rows:
                self._expect_same_rows(gradient, size, theta)
            return self._ruled(theta, velocity, gradient, size)

    def _ruled(
        self, theta: np.ndarray, velocity: np.ndarray, gradient: np.ndarray, size: np.ndarray
    ) -> "_Step":
        """The update that the rule makes by a gradient whose terms are of this size."""
        rule, stored = self.claimed, torch.finfo(self._weight.dtype)
        assert rule is not None
        gradient = gradient + rule.weight_decay * theta
        moved = rule.momentum * velocity + gradient
        step = gradient + rule.momentum * moved if rule.nesterov else moved
        room = self._rounded * (size + np.abs(velocity) + np.abs(gradient))
        own = _STORED * stored.eps * (np.abs(theta) + stored.tiny)
        return _Step(theta - rule.lr * step, moved, own + rule.lr * (1 + rule.momentum) * room, room)

    @property
    def _rounded(self) -> float:
        """What rounding may do to a gradient, beside the size of its terms."""
        unit = rounding(self._weight.dtype, self._weight.device) + self.problem.moments.error
        return (_ROUNDINGS * math.sqrt(self.problem.p + self.problem.bias) + self.batch_rows / _LANES) * unit

    def _expect_same_rows(self, gradient: np.ndarray, size: np.ndarray, theta: np.ndarray) -> None:
        """A full batch has the gradient of all rows: not where a loader changes them as it goes."""
        differs = np.abs(gradient - self.times * self.problem.gradient(theta)) > self._rounded * size
        if differs.any() and self.why is None:
            self.why = "the loader's rows are not those that it gave before"

    def _averaged(self, value: np.ndarray) -> np.ndarray:
        """The mean over all processes, as DistributedDataParallel takes it of gradients."""
        if self.ranks == 1:
            return value
        tensor = torch.as_tensor(value, device=self._weight.device)
        dist.all_reduce(tensor)
        return tensor.cpu().numpy() / self.ranks

    def _buffer(self, tensor: torch.Tensor) -> torch.Tensor:
        found = self.opt.state.get(tensor, {}).get("momentum_buffer")
        return torch.zeros_like(tensor) if found is None else found

    def _theta(self, part: Any) -> np.ndarray:
        """θ (q, m) of what belongs to weight and bias."""
        m, p = self.problem.m, self.problem.p
        weight = _double(part(self._weight))
        weight = weight.T if weight.shape == (p, m) and p != m else weight.reshape(m, p)
        start = np.zeros(m) if self.bias is None else _double(part(self.bias)).reshape(m)
        return stacked((weight, start), self.problem.moments, self.problem.bias)

    @property
    def _weight(self) -> torch.Tensor:
        """The parameter that is the weight, where one is."""
        assert self.weight is not None
        return self.weight


class _Step(NamedTuple):
    """θ and the velocity after an update, and how far rounding may take each from there."""

    theta: np.ndarray
    velocity: np.ndarray
    room: np.ndarray
    velocity_room: np.ndarray


def _itself(tensor: torch.Tensor) -> torch.Tensor:
    return tensor


def _double(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().cpu().double().numpy()


def _own(
    model: nn.Module, found: Coefficients, problem: Problem
) -> tuple[torch.Tensor | None, torch.Tensor | None]:
    """The parameters that are weight and bias, where these are all that is trained."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    m, p = problem.m, problem.p
    if len(trained) != 1 + problem.bias:
        return None, None
    for weight, bias in ((trained[0], trained[-1]), (trained[-1], trained[0])):
        arrays = [_double(tensor) for tensor in (weight, bias)]
        is_weight = any(np.array_equal(array, found.weight) for array in weights_among(arrays[:1], m, p))
        if found.bias is not None:
            is_weight = is_weight and arrays[1].size == m and np.array_equal(arrays[1].reshape(m), found.bias)
        if is_weight:
            return weight, bias if problem.bias else None
    return None, None


def _settings(group: dict[str, Any]) -> dict[str, float]:
    """Those that decide where a step goes, as numbers."""
    return {name: float(group.get(name) or 0.0) for name in _SETTINGS}


def _described(opt: torch.optim.Optimizer, settings: list[dict[str, float]]) -> str:
    """Why nothing foretells this optimiser."""
    name = type(opt).__name__
    if any(group["maximize"] for group in settings):
        return f"{name} with maximize climbs away from the optimum"
    if type(opt) is torch.optim.SGD and any(group["dampening"] for group in settings):
        return f"the dampening of {number(settings[0]['dampening'])} has no formula here"
    if type(opt) is torch.optim.SGD and len(settings) > 1:
        return f"{name} has {len(settings)} groups of parameters, each with a rule of its own"
    if type(opt) is torch.optim.SGD:
        return f"no formula foretells {name} with these settings"
    return f"no formula foretells the path of {name}"
