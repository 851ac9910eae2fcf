"""Numbers to sensible digits: as many as their errors leave, the same for a figure and the ends of its interval."""

import math

from gradline.core.text import number

_OF_ERROR = 2  # digits of a standard error that say something (Guide to the Expression of Uncertainty, 7.2.6)
_ALONE = 4  # of a figure without an error
_LONGEST = 7  # digits before or after the point, beyond which powers of ten are easier to read


def short(value: float) -> str:
    """A figure that has no error of its own, to three digits: 15,300, 0.0699.

    >>> short(15253.4), short(0.06989)
    ('15,300', '0.0699')
    """
    if not (math.isfinite(value) and value):
        return number(value)
    return number(float(f"{value:.2e}")).replace("-", "−", 1)


def rounded(value: float, error: float, signed: bool = False) -> str:
    """A figure to the place of its error's second digit: +14,300 beside 1,488, or to 4 digits where there is none.

    >>> rounded(14336.2, 1488.0, signed=True), rounded(0.48518, 0.0144)
    ('+14,300', '0.485')
    """
    if not math.isfinite(value):
        return "–" if math.isnan(value) else "∞" if value > 0 else "−∞"
    if not (math.isfinite(error) and error > 0):
        text = number(abs(value), _ALONE)
        return _signed(text, value, signed)
    place = _OF_ERROR - 1 - math.floor(math.log10(error))  # digits after the point; negative before it
    if place > _LONGEST or abs(value) >= 10**_LONGEST:
        digits = max(1, math.floor(math.log10(abs(value) or error)) + place + 1)
        return _signed(f"{abs(value):.{digits - 1}e}".replace("e+0", "e").replace("e-0", "e-"), value, signed)
    nearest = round(value, place)
    return _signed(f"{abs(nearest):,.{max(place, 0)}f}", nearest, signed)


def _signed(text: str, value: float, signed: bool) -> str:
    is_zero = not any(c in "123456789" for c in text.split("e")[0])
    return text if is_zero else f"−{text}" if value < 0 else f"+{text}" if signed else text


def share(value: float) -> str:
    """A share of a whole in per cent: 85 %, 99.96 %, so that what is short of all is not told as all.

    >>> share(0.8512), share(0.99964), share(0.004)
    ('85 %', '99.96 %', '0.4 %')
    """
    percent = 100 * value
    if not math.isfinite(percent):
        return "–"
    if 0 < 100 - percent < 0.005:
        return "over 99.99 %"
    decimals = 0
    while decimals < 4 and (0 < abs(percent) < 10**-decimals or 0 < 100 - percent < 2 * 10**-decimals):
        decimals += 1
    return f"{percent:,.{decimals}f} %".replace("-", "−")
