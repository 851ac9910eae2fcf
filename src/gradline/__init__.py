"""gradline: linear regression by gradient descent, with a proof on every answer."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gradline.certificate import Certificate
    from gradline.errors import GradlineError, GradlineWarning
    from gradline.fitting import fit
    from gradline.model import LinearModel, load
    from gradline.moments import Moments
    from gradline.solvers import SGD, Exact, GradientDescent
    from gradline.trajectory import Trajectory

__version__ = "0.1.0"

__all__ = [
    "SGD",
    "Certificate",
    "Exact",
    "GradientDescent",
    "GradlineError",
    "GradlineWarning",
    "LinearModel",
    "Moments",
    "Trajectory",
    "__version__",
    "fit",
    "load",
]

_HOMES = {
    "SGD": "solvers",
    "Certificate": "certificate",
    "Exact": "solvers",
    "GradientDescent": "solvers",
    "GradlineError": "errors",
    "GradlineWarning": "errors",
    "LinearModel": "model",
    "Moments": "moments",
    "Trajectory": "trajectory",
    "fit": "fitting",
    "load": "model",
}


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used, so that `import gradline` loads nothing else."""
    if name not in _HOMES:
        raise AttributeError(f"module 'gradline' has no attribute {name!r}")
    import importlib  # noqa: PLC0415 - part of the lazy loading

    value = getattr(importlib.import_module(f"gradline.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
