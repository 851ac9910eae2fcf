"""The least-squares answer to the last digit: Newton's steps over the rows from what their factor says."""

from gradline.core.linalg.refined import Refined
from gradline.data.row_block import RowBlock
from gradline.data.row_stream import RowStream
from gradline.moments.newton import Newton, settled
from gradline.moments.rank import Rank
from gradline.moments.state import Moments


def refined(rows: RowStream | RowBlock, moments: Moments, bias: bool) -> Refined | None:
    """The answer of these rows, whose moments are given, with sound bounds.

    None where a column depends on others, or corrections do not shrink fast enough to be a proof.
    """
    if Rank.of(moments, bias).deficiency:
        return None
    newton = Newton.of(moments, bias)
    reached = settled(newton, rows, newton.start(moments)).reached
    return None if reached is None else reached.refined(newton.first)
