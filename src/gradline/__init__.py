"""gradline: linear regression by gradient descent, with a proof on every answer."""

from typing import TYPE_CHECKING

from gradline.core.lazy import face

if TYPE_CHECKING:
    from gradline.certificate import Certificate
    from gradline.core.errors import GradlineError, GradlineWarning
    from gradline.examination.doctor import doctor
    from gradline.fitting import fit
    from gradline.history.recording import commit
    from gradline.judging import certify
    from gradline.model import LinearModel, load
    from gradline.moments.state import Moments
    from gradline.pages.play import play
    from gradline.pages.report import report
    from gradline.solvers import SGD, Exact, GradientDescent
    from gradline.solvers.trajectory import Trajectory
    from gradline.verification.claims import Verification, verify

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
    "Verification",
    "__version__",
    "certify",
    "commit",
    "doctor",
    "fit",
    "load",
    "play",
    "report",
    "verify",
]

_HOMES = {
    "SGD": "solvers",
    "Certificate": "certificate",
    "Exact": "solvers",
    "GradientDescent": "solvers",
    "GradlineError": "core.errors",
    "GradlineWarning": "core.errors",
    "LinearModel": "model",
    "Moments": "moments.state",
    "Trajectory": "solvers.trajectory",
    "Verification": "verification.claims",
    "certify": "judging",
    "commit": "history.recording",
    "doctor": "examination.doctor",
    "fit": "fitting",
    "load": "model",
    "play": "pages.play",
    "report": "pages.report",
    "verify": "verification.claims",
}


__getattr__, __dir__ = face(__name__, __all__, _HOMES)
