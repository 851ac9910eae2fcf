"""Ridge as rows: a few more rows below the factor, so that loss and penalty are the loss of all of them."""

from dataclasses import replace

import numpy as np

from gradline.core.linalg.triangular import triangular
from gradline.moments.state import Moments


def with_ridge(moments: Moments, curvature: np.ndarray | float) -> Moments:
    """The moments whose loss at θ is that of these plus curvature/2·‖weight‖², the bias free; or of Σ curvature/2·w².

    ‖A·θ − B‖²/(m·W) + c/2·‖w‖² = (‖A·θ − B‖² + ‖√(m·W·c/2)·w − 0‖²)/(m·W): p rows √(m·W·c/2)·eⱼ with target 0 below the
    factor. They stand around the means and add no weight, so that value, gradient, curvature and closed form of the sum
    are what they are for plain moments. Their statistics are still those of the rows. Golub, Van Loan 2013, 6.1.4.
    """
    if not np.any(curvature):
        return moments
    root = np.sqrt(moments.m * moments.weight_sum * curvature / 2)
    below = np.hstack([root * np.eye(moments.p), np.zeros((moments.p, moments.m))])
    return replace(moments, factor=triangular(np.vstack([moments.factor, below])), products=None)
