"""gradline: linear regression by gradient descent, with a proof on every answer."""

from typing import TYPE_CHECKING

from gradline.core.lazy import lazy_exports
from gradline.core.provided import provide

if TYPE_CHECKING:
    from gradline.core.errors import GradlineError, GradlineWarning
    from gradline.data.notation import Text
    from gradline.data.table import Table
    from gradline.history.recording import commit
    from gradline.model.certificate import Certificate
    from gradline.model.certify import certify
    from gradline.model.cross_validation import CrossValidated
    from gradline.model.doctor.doctor import doctor
    from gradline.model.fit import fit
    from gradline.model.means import marginal_means
    from gradline.model.model import LinearModel, load
    from gradline.model.path import Path, path
    from gradline.model.side_by_side import compare
    from gradline.model.verify.claims import Verification, verify
    from gradline.moments.state import Moments
    from gradline.pages.play import play
    from gradline.pages.report import report
    from gradline.solvers import (
        SGD,
        Absolute,
        Adam,
        AdamW,
        Bounds,
        Chebyshev,
        CoordinateDescent,
        Cosine,
        ElasticNet,
        Exact,
        Exponential,
        GradientDescent,
        Huber,
        InteriorPoint,
        Newton,
        Quantile,
        Step,
    )
    from gradline.solvers.trajectory import Trajectory
    from gradline.states.ledger import States
    from gradline.states.plan import Plan, plan
    from gradline.states.receipts import Receipt

__version__ = "0.1.0"

__all__ = [
    "SGD",
    "Absolute",
    "Adam",
    "AdamW",
    "Bounds",
    "Certificate",
    "Chebyshev",
    "CoordinateDescent",
    "Cosine",
    "CrossValidated",
    "ElasticNet",
    "Exact",
    "Exponential",
    "GradientDescent",
    "GradlineError",
    "GradlineWarning",
    "Huber",
    "InteriorPoint",
    "LinearModel",
    "Moments",
    "Newton",
    "Path",
    "Plan",
    "Quantile",
    "Receipt",
    "States",
    "Step",
    "Table",
    "Text",
    "Trajectory",
    "Verification",
    "__version__",
    "certify",
    "commit",
    "compare",
    "doctor",
    "fit",
    "load",
    "marginal_means",
    "path",
    "plan",
    "play",
    "report",
    "verify",
]

_HOMES = {
    "SGD": "gradline.solvers",
    "Absolute": "gradline.solvers",
    "Adam": "gradline.solvers",
    "AdamW": "gradline.solvers",
    "Bounds": "gradline.solvers",
    "Certificate": "gradline.model.certificate",
    "Chebyshev": "gradline.solvers",
    "CoordinateDescent": "gradline.solvers",
    "Cosine": "gradline.solvers",
    "Exponential": "gradline.solvers",
    "Step": "gradline.solvers",
    "CrossValidated": "gradline.model.cross_validation",
    "ElasticNet": "gradline.solvers",
    "Exact": "gradline.solvers",
    "GradientDescent": "gradline.solvers",
    "GradlineError": "gradline.core.errors",
    "GradlineWarning": "gradline.core.errors",
    "Huber": "gradline.solvers",
    "InteriorPoint": "gradline.solvers",
    "LinearModel": "gradline.model.model",
    "Newton": "gradline.solvers",
    "Quantile": "gradline.solvers",
    "Moments": "gradline.moments.state",
    "Path": "gradline.model.path",
    "Plan": "gradline.states.plan",
    "Receipt": "gradline.states.receipts",
    "States": "gradline.states.ledger",
    "Text": "gradline.data.notation",
    "Table": "gradline.data.table",
    "Trajectory": "gradline.solvers.trajectory",
    "Verification": "gradline.model.verify.claims",
    "certify": "gradline.model.certify",
    "commit": "gradline.history.recording",
    "compare": "gradline.model.side_by_side",
    "doctor": "gradline.model.doctor.doctor",
    "fit": "gradline.model.fit",
    "load": "gradline.model.model",
    "marginal_means": "gradline.model.means",
    "path": "gradline.model.path",
    "plan": "gradline.states.plan",
    "play": "gradline.pages.play",
    "report": "gradline.pages.report",
    "verify": "gradline.model.verify.claims",
}


__getattr__, __dir__ = lazy_exports(__name__, __all__, _HOMES)

# What lower layers offer and upper ones provide.
provide(
    {
        "LinearModel.plot": "gradline.plots.accessors.ModelPlots",
        "LinearModel.to_torch": "gradline.pytorch.convert.to_torch",
        "LinearModel.from_torch": "gradline.model.certify.from_torch",
        "Moments.plot": "gradline.plots.accessors.MomentsPlots",
        "rows of torch.utils.data": "gradline.pytorch.convert.torch_rows",
        "values of torch.nn": "gradline.pytorch.asking.asked",
    }
)
