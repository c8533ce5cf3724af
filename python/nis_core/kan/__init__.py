"""Kolmogorov-Arnold networks: estimators for scikit-learn, drawings and formulas, and bare networks.

* :class:`KANRegressor`, :class:`KANClassifier`: ``fit``, ``predict``, ``formula``, ``plot``; they need
  scikit-learn, which is imported when they are first used.
* :class:`FitReport`, :class:`Formula`, :class:`PruneReport`: what came of a fit, a reading, a pruning.
* :class:`Kan`: a network without scaling or names, with its derivatives.
* :func:`from_pykan`: networks of pykan.
"""

from typing import TYPE_CHECKING, Any

from nis_core.kan._files import from_pykan
from nis_core.kan._network import Kan
from nis_core.kan._report import Constant, FitReport, Formula, Progressed, PruneReport

if TYPE_CHECKING:
    from nis_core.kan._estimators import KANClassifier, KANRegressor

__all__ = [
    "Constant",
    "FitReport",
    "Formula",
    "KANClassifier",
    "KANRegressor",
    "Kan",
    "Progressed",
    "PruneReport",
    "from_pykan",
]


def __getattr__(name: str) -> Any:
    if name in ("KANClassifier", "KANRegressor"):
        from nis_core.kan import _estimators

        return getattr(_estimators, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
