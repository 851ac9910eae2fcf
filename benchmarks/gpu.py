"""A CUDA device: fits of tensors that lie there, beside PyTorch's own ways and the device's memory; some minutes.

Rivals: `torch.linalg.lstsq`, and eigenvectors of XᵀX, as cuML's solver "eig" has it. Digits are those of the
coefficients beside exact sums over the first rows alone, where all are fitted. `--device cpu --rows 20000` tries it.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

import gradline
from gradline.engines.cuda import Cuda

SHAPES = ((10_000_000, 100), (1_000_000, 1_000))
RUNS = 3
EXACT_ROWS = 100_000  # of which exact sums are taken: they cost as much as all others together


def ended(device: str) -> None:
    """Wait for the device, which works on by itself."""
    if device != "cpu":
        torch.cuda.synchronize()


def seconds(device: str, work: Callable[[], Any]) -> float:
    """The median time of a few runs, after one that does not count."""
    taken = []
    for _ in range(RUNS + 1):
        ended(device)
        began = time.perf_counter()
        work()
        ended(device)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken[1:])


def by_eigenvectors(X: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Least squares of centred columns by XᵀX = QΛQᵀ."""
    centred, level = X - X.mean(dim=0), y - y.mean()
    values, vectors = torch.linalg.eigh(centred.T @ centred)
    return vectors @ ((vectors.T @ (centred.T @ level)) / values)


def by_lstsq(X: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Least squares of centred columns by QR."""
    return torch.linalg.lstsq(X - X.mean(dim=0), (y - y.mean())[:, None]).solution[:, 0]


def digits(found: Any, truth: np.ndarray) -> float:
    """The fewest digits over the coefficients."""
    return float(-np.log10(np.abs(np.asarray(found) / truth - 1).max() + 1e-16))


def compared(rows: int, columns: int, device: str) -> None:
    """Print a line for each way."""
    generator = torch.Generator(device).manual_seed(0)
    X = torch.randn(rows, columns, generator=generator, device=device, dtype=torch.float64) + 3.0
    y = X @ torch.linspace(1.0, 2.0, columns, device=device, dtype=torch.float64)
    y += torch.randn(rows, generator=generator, device=device, dtype=torch.float64)
    part = slice(0, min(rows, EXACT_ROWS))
    exact = gradline.Moments.of(X[part].cpu().numpy(), y[part].cpu().numpy(), extended=True)
    truth, engine = gradline.fit(exact).weight[0], Cuda(device=device)
    ways = {
        "gradline": (lambda a, b: gradline.fit(a, b, engine=engine).weight[0]),
        "torch.linalg.lstsq": lambda a, b: by_lstsq(a, b).cpu().numpy(),
        "eigenvectors": lambda a, b: by_eigenvectors(a, b).cpu().numpy(),
    }
    print(f"{rows:,} x {columns:,}")
    read = seconds(device, lambda: X.sum())
    print(f"  {'X.sum()':<20} {read:9.4f} s   {X.numel() * 8 / read / 1e9:7.0f} GB/s")
    for name, way in ways.items():
        try:
            taken = seconds(device, lambda way=way: way(X, y))
            print(f"  {name:<20} {taken:9.4f} s   {digits(way(X[part], y[part]), truth):4.1f} digits")
        except torch.OutOfMemoryError:
            print(f"  {name:<20} does not fit the device's memory")
            torch.cuda.empty_cache()


def main() -> None:
    """Both shapes, or smaller ones."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--rows", type=int, help="at most so many rows")
    asked = parser.parse_args()
    Cuda(device=asked.device).expect_device()
    for rows, columns in SHAPES:
        compared(min(rows, asked.rows or rows), columns, asked.device)


if __name__ == "__main__":
    main()
