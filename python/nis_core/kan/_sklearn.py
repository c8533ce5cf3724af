"""The classes of scikit-learn that the estimators build on; without it, ones that say what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nis_core._errors import Unavailable

if TYPE_CHECKING:

    class BaseEstimator:
        def get_params(self, deep: bool = True) -> dict[str, Any]: ...
        def set_params(self, **params: Any) -> Any: ...
        def __sklearn_tags__(self) -> Any: ...
        def __getstate__(self) -> dict[str, Any]: ...

    class ClassifierMixin:
        def score(self, X: Any, y: Any, sample_weight: Any = None) -> float: ...

    class RegressorMixin:
        def score(self, X: Any, y: Any, sample_weight: Any = None) -> float: ...

    validate_data: Any
    check_is_fitted: Any
    check_classification_targets: Any
    check_random_state: Any
    column_or_1d: Any
else:
    try:
        from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
        from sklearn.utils import check_random_state, column_or_1d
        from sklearn.utils.multiclass import check_classification_targets
        from sklearn.utils.validation import check_is_fitted, validate_data
    except ImportError as error:
        _REASON = f"KAN estimators are unavailable: {error}; pip install scikit-learn (1.6 or later)"

        class BaseEstimator:
            def __new__(cls, *args, **kwargs):
                raise Unavailable(_REASON)

        class ClassifierMixin:
            pass

        class RegressorMixin:
            pass

        # Not reached: no estimator can be made.
        validate_data = check_is_fitted = check_classification_targets = None
        check_random_state = column_or_1d = None
