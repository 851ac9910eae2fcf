"""A learner's model beside the rows of its loader."""

import math
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.distributed as dist
from torch import nn
from torch.utils.data.distributed import DistributedSampler

from gradline.core.coefficients import Coefficients
from gradline.data.row_block import RowBlock
from gradline.data.row_cache import kept_rows, pieces
from gradline.data.row_stream import RowStream
from gradline.model.certify import mapped
from gradline.model.probing import Reading
from gradline.model.witness import seen
from gradline.moments.state import Moments
from gradline.pytorch.asking import asked
from gradline.pytorch.convert import loop_rows
from gradline.solvers.losses import Loss
from gradline.solvers.problem import Problem, stacked


class Case(NamedTuple):
    """A model beside all rows of its loader, of which `glimpse` are a few."""

    model: nn.Module
    rows: RowStream
    moments: Moments
    small: RowBlock | None
    row_shape: tuple[int, ...]
    glimpse: RowBlock
    is_one_rank: bool

    @classmethod
    def of(cls, model: nn.Module, train_dl: Any, xb: torch.Tensor, loss: Loss) -> "Case":
        """The rows as they are read once, in order; kept in memory where the loss is one that only rows tell."""
        rows, moments, small = read_rows(train_dl, loss)
        X = xb.detach().cpu().double().numpy().reshape(len(xb), -1)
        glimpse = RowBlock(X, np.zeros((len(X), moments.m)))
        shared = isinstance(getattr(train_dl, "sampler", None), DistributedSampler)
        alone = is_distributed(model) and dist.get_world_size() > 1 and not shared
        return cls(model, rows, moments, small, tuple(xb.shape[1:]), glimpse, alone)

    def read(self) -> Reading:
        """The map that the model computes, asked about all rows."""
        return mapped(asked(self.model, self.moments, self.row_shape), self.moments, self.rows, self.small)

    def glance(self) -> Reading:
        """The same, asked about a few."""
        return mapped(asked(self.model, self.moments, self.row_shape), self.moments, self.rows, self.glimpse)


def read_rows(loader: Any, loss: Loss) -> tuple[RowStream, Moments, RowBlock | None]:
    """The rows of a loader, their moments, and all of them at once where they are few."""
    rows = loop_rows(loader)
    moments, small = seen(rows)
    if not loss.quadratic:
        rows = kept_rows(next(pieces(rows, moments.rows)), rows)
    return rows, moments, small


def is_distributed(model: nn.Module) -> bool:
    """Whether it trains in several processes."""
    parallel = isinstance(model, nn.parallel.DistributedDataParallel)
    return parallel and dist.is_available() and dist.is_initialized()


def theta_of(found: Coefficients, problem: Problem) -> np.ndarray:
    """θ (q, m) of coefficients."""
    bias = np.zeros(problem.m) if found.bias is None else found.bias
    return stacked((found.weight, bias if problem.bias else 0 * bias), problem.moments, problem.bias)


def value(problem: Problem, theta: np.ndarray) -> float:
    """The objective at θ over all rows, infinite where it is no number."""
    with np.errstate(over="ignore", invalid="ignore"):
        loss = problem.value(theta)
    return loss if math.isfinite(loss) else math.inf
