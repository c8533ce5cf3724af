"""Kolmogorov-Arnold networks: estimators for scikit-learn, drawings and formulas, and bare networks.

* :class:`KANRegressor`, :class:`KANClassifier`: ``fit``, ``predict``, ``formula``, ``plot``; they need
  scikit-learn, which is imported when they are first used.
* :class:`FitReport`: what came of a fit.
* :class:`Kan`: a network without scaling or names, with its derivatives.
"""

from typing import TYPE_CHECKING, Any

from nis_core.kan._network import Kan
from nis_core.kan._report import FitReport, Progressed

if TYPE_CHECKING:
    from nis_core.kan._estimators import KANClassifier, KANRegressor

__all__ = ["FitReport", "KANClassifier", "KANRegressor", "Kan", "Progressed"]


def __getattr__(name: str) -> Any:
    if name in ("KANClassifier", "KANRegressor"):
        from nis_core.kan import _estimators

        return getattr(_estimators, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
