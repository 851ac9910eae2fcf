"""Packages that only some formats need: present, or refused with the command that installs them."""

from importlib.util import find_spec

from gradline.core.errors import RequestError


def expect_extra(extra: str, what: str, *packages: str) -> None:
    """Raise `RequestError` unless the packages are installed; `what` needs them, and `extra` brings them."""
    absent = [package for package in packages if find_spec(package) is None]
    if absent:
        raise RequestError(
            "extra-not-installed",
            f"{what} needs the package {absent[0]}, which is not installed",
            f"pip install 'gradline[{extra}]'",
        )
