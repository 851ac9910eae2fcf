"""Student's t: how many standard errors an interval reaches."""

from gradline.core.errors import UsageError


def quantile(level: float, freedom: float) -> float:
    """The t with P(|T| ≤ t) = level. Raises `UsageError` unless 0 < level < 1."""
    from scipy.special import stdtrit  # noqa: PLC0415 - fitting needs no distribution

    if not 0 < level < 1:
        raise UsageError(
            "level-invalid",
            f"the level of an interval is {level}",
            "give a share between 0 and 1, such as 0.95",
        )
    return -float(stdtrit(freedom, (1.0 - level) / 2))
