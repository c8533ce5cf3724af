"""The estimators of scikit-learn's kind."""

from __future__ import annotations

import json
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nis_core import _native
from nis_core._errors import InvalidInput, NotFound
from nis_core.kan._network import Progress, Real, plain, save, write_c
from nis_core.kan._progress import Bars
from nis_core.kan._report import FitReport, Formula, PruneReport
from nis_core.kan._sklearn import (
    BaseEstimator,
    ClassifierMixin,
    RegressorMixin,
    check_classification_targets,
    check_is_fitted,
    check_random_state,
    column_or_1d,
    validate_data,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Rows that a drawing looks at.
DRAWN = 512


class _KAN(BaseEstimator):
    """What both estimators share."""

    _model: _native.NativeKanModel
    n_features_in_: int

    def __init__(
        self,
        hidden: int | Sequence[int] | None = None,
        *,
        grid: int = 5,
        grids: Sequence[int] = (),
        order: int = 3,
        basis: str = "b_spline",
        base: str = "none",
        multiplications: Sequence[Sequence[int]] = (),
        outside: str = "linear",
        method: str = "auto",
        loss: str = "squared",
        huber_delta: float = 1.0,
        max_iterations: int = 100,
        tolerance: float = 1e-6,
        smoothness: float | None = None,
        holdout: float = 0.2,
        update_grid: bool = True,
        l1: float = 0.0,
        entropy: float = 0.0,
        batch: int = 256,
        learning_rate: float = 1e-2,
        weight_decay: float = 0.0,
        patience: int = 20,
        precision: str = "f64",
        threads: int = 1,
        random_state: Any = None,
        verbose: int = 0,
        keep_rows: int = 20_000,
        callback: Progress | None = None,
    ) -> None:
        self.hidden = hidden
        self.grid = grid
        self.grids = grids
        self.order = order
        self.basis = basis
        self.base = base
        self.multiplications = multiplications
        self.outside = outside
        self.method = method
        self.loss = loss
        self.huber_delta = huber_delta
        self.max_iterations = max_iterations
        self.tolerance = tolerance
        self.smoothness = smoothness
        self.holdout = holdout
        self.update_grid = update_grid
        self.l1 = l1
        self.entropy = entropy
        self.batch = batch
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.patience = patience
        self.precision = precision
        self.threads = threads
        self.random_state = random_state
        self.verbose = verbose
        self.keep_rows = keep_rows
        self.callback = callback

    def _options(self, task: Any) -> str:
        hidden = self.hidden
        if isinstance(hidden, (int, np.integer)):
            hidden = [int(hidden)]
        seed = 0
        if self.random_state is not None:
            seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        loss: Any = {"huber": self.huber_delta} if self.loss == "huber" else self.loss
        fit = {
            name: getattr(self, name)
            for name in (
                "method",
                "max_iterations",
                "tolerance",
                "smoothness",
                "holdout",
                "update_grid",
                "l1",
                "entropy",
                "batch",
                "learning_rate",
                "weight_decay",
                "patience",
                "precision",
                "threads",
            )
        }
        fit |= {"loss": loss, "grids": [int(g) for g in self.grids], "seed": seed}
        options = {
            "task": task,
            "hidden": None if hidden is None else [int(w) for w in hidden],
            "products": [[int(p) for p in layer] for layer in self.multiplications],
            "grid": self.grid,
            "order": self.order,
            "family": self.basis,
            "base": self.base,
            "outside": self.outside,
            "seed": seed,
            "fit": fit,
        }
        return json.dumps(options, default=plain)

    def _fit(self, x: Real, y: Real, outputs: list[str], task: Any) -> Self:
        given = getattr(self, "feature_names_in_", None)
        names = [f"x{i + 1}" for i in range(x.shape[1])] if given is None else [str(n) for n in given]
        text = json.dumps({"inputs": names, "outputs": outputs})
        bars = Bars(self.callback) if self.verbose else None
        try:
            self._model = _native.NativeKanModel.fit(
                x, y, text, self._options(task), bars or self.callback
            )
        finally:
            if bars is not None:
                bars.close()
        every = -(-len(x) // max(1, int(self.keep_rows)))
        held = np.zeros(len(x), dtype=bool)
        held[list(self.report_.holdout_rows)] = True
        self._kept = (x[::every].copy(), y[::every].copy(), held[::every])
        self._uncertainty: dict[str, _native.NativeKanUncertainty] = {}
        return self

    def __getstate__(self) -> dict[str, Any]:
        # What is computed from the kept rows is computed again.
        state = dict(super().__getstate__())
        if "_uncertainty" in state:
            state["_uncertainty"] = {}
        return state

    def _rows(self, X: Any) -> Real:
        check_is_fitted(self, "_model")
        # What is not finite is refused by the core, which names row and column.
        return cast(
            Real, validate_data(self, X, reset=False, dtype=np.float64, ensure_all_finite=False)
        )

    def _about(self) -> dict[str, Any]:
        check_is_fitted(self, "_model")
        return cast(dict[str, Any], json.loads(self._model.describe()))

    @property
    def report_(self) -> FitReport:
        """What came of the fit."""
        return FitReport._of(self._about()["report"])

    @property
    def n_iter_(self) -> int:
        """Iterations of the fit, at least 1."""
        return max(1, self.report_.iterations)

    @property
    def widths_(self) -> list[int]:
        """Nodes of every layer, inputs first."""
        return list(self._about()["net"]["widths"])

    def jacobian(self, X: ArrayLike) -> Real:
        """Derivatives of the outputs (of a classifier: of the scores of the classes) with respect to the inputs, in
        the units of the data: ``(rows, outputs, inputs)``, for ``X`` of ``(rows, inputs)``.

        Raises:
            InvalidInput: A value is not finite; the message names row and column.
        """
        rows = self._rows(X)
        return self._model.jacobian(rows)

    def plot(self, ax: Axes | None = None, *, X: ArrayLike | None = None) -> Axes:
        """Draws the network: nodes in rows, inputs at the bottom, and on every edge a small box with its curve over
        the values that it met. Edges that matter less are paler.

        Args:
            ax: Axes to draw into; those of a new figure where ``None``.
            X: Rows whose values decide the range of each curve; some rows of the fit where ``None``.

        Raises:
            Unavailable: matplotlib is not installed.
        """
        from nis_core.kan._plot import draw

        check_is_fitted(self, "_model")
        rows = self._kept[0] if X is None else self._rows(X)
        return draw(self._model, rows[:: -(-len(rows) // DRAWN)], ax)

    @property
    def importance_(self) -> Real:
        """What each input contributes to the outputs over the rows of the fit, ``(inputs,)``: the score of Liu et al.,
        "KAN 2.0" (2024), section 4.1; an output has score 1."""
        check_is_fitted(self, "_model")
        nodes = json.loads(self._model.importance(self._kept[0]))["nodes"]
        return np.array(nodes[0], dtype=np.float64)

    def prune(
        self, *, edge: float = 0.03, node: float = 0.01, input: float = 0.01, refit: int = 50
    ) -> PruneReport:
        """Removes edges, hidden nodes and inputs whose score is below a threshold, on the rows of the fit.

        Args:
            edge: Edges with a smaller score go.
            node: Hidden nodes with a smaller score go.
            input: Inputs with a smaller score lose their edges.
            refit: Levenberg-Marquardt iterations afterwards; a classifier is not refitted.

        Raises:
            InvalidInput: A threshold is negative.
        """
        check_is_fitted(self, "_model")
        self._model, report = self._pruned(edge, node, input, refit)
        self._uncertainty = {}
        return PruneReport._of(json.loads(report))

    def _pruned(
        self, edge: float, node: float, input: float, refit: int
    ) -> tuple[_native.NativeKanModel, str]:
        options = {"edge": edge, "node": node, "input": input, "refit": refit}
        options["smoothness"] = self.report_.smoothness
        x, y, _ = self._kept
        return self._model.pruned(x, y, json.dumps(options, default=plain), self.callback)

    def save(self, path: str | PathLike[str]) -> None:
        """Writes the model to a file that C, Rust and the command line read: JSON where its name ends in ``.json``, else
        safetensors. The rows of the fit are not in it; pickle keeps them."""
        check_is_fitted(self, "_model")
        save(self._model, path)

    def to_onnx(self, path: str | PathLike[str], *, precision: str = "f32") -> None:
        """Writes the model as an ONNX file in the units of the data; ``precision`` is ``"f32"`` or ``"f64"``."""
        check_is_fitted(self, "_model")
        Path(path).write_bytes(self._model.to_onnx(json.dumps({"precision": precision})))

    def to_c(self, path: str | PathLike[str], *, prefix: str = "kan", precision: str = "f64") -> None:
        """Writes the model as standalone C99: ``path`` and, beside it, its header with the ending ``.h``."""
        check_is_fitted(self, "_model")
        write_c(self._model, path, prefix, precision)


def _finite(y: Any) -> None:
    """Refuses numbers that are not finite by row and column, which scikit-learn does not name."""
    # An array first: what only becomes one may refuse numpy's other functions.
    values = np.asarray(y)
    if values.dtype.kind == "c":
        return
    try:
        values = values.astype(np.float64)
    except (TypeError, ValueError):
        return
    bad = np.argwhere(~np.isfinite(values)) if values.ndim in (1, 2) else np.empty((0, 0))
    if len(bad):
        row, column = int(bad[0][0]), int(bad[0][1]) if values.ndim == 2 else 0
        value = values[tuple(bad[0])]
        raise InvalidInput(
            f"y: got {value} in row {row}, column {column}, "
            "expected finite values (rows and columns count from 0)",
            field="y",
        )


def _named(y: Any, width: int) -> list[str]:
    """Names of outputs: those of pandas, or numbered."""
    columns = getattr(y, "columns", None)
    if columns is None and getattr(y, "name", None) is not None:
        columns = [y.name]
    if columns is not None and len(columns) == width:
        return [str(c) for c in columns]
    return ["y"] if width == 1 else [f"y{i + 1}" for i in range(width)]


class KANRegressor(RegressorMixin, _KAN):
    """A Kolmogorov-Arnold network that predicts numbers.

    Inputs are scaled to [-1, 1] and outputs to standard deviation 1 by the rows of the fit. Pickles, copies and
    works in ``Pipeline``, ``GridSearchCV`` and joblib. The result depends on data, parameters and
    ``random_state`` only.

    Args:
        hidden: Nodes of the hidden layers; ``()`` for none. Where ``None``: none under 60 rows, else one
            layer of ``2 n + 1`` nodes for ``n`` inputs, at most 10, and no more than leave half as many parameters
            as there are rows times outputs.
        grid: Grid cells per edge.
        grids: Grid cells of successive stages, each starting from the function found before.
        order: Spline order (degree), 1 to 5.
        basis: ``"b_spline"``, ``"chebyshev"``, ``"fourier"``, ``"rbf"`` or ``"rational"``.
        base: Function beside the spline: ``"none"``, ``"silu"`` or ``"identity"``.
        multiplications: Per layer after the inputs the factors of its multiplication nodes, its last nodes.
        outside: Outside the grid ``"linear"`` or ``"natural"``.
        method: ``"auto"``, ``"levenberg_marquardt"``, ``"lbfgs"`` or ``"adam"``.
        loss: ``"squared"`` or ``"huber"``.
        huber_delta: Residual, in standard deviations of the output, from which Huber's loss grows straight.
        max_iterations: Iterations per grid, epochs of Adam, at most.
        tolerance: Share of the cost below which an iteration is the last.
        smoothness: Weight of the smoothness penalty; chosen on the held-out rows where ``None``.
        holdout: Share of the rows held out, in [0, 0.5].
        update_grid: Whether grids follow the samples.
        l1, entropy: Weights of the sparsity penalties.
        batch, learning_rate, weight_decay: Of Adam.
        patience: Iterations without a better held-out error before the fit stops; 0: never.
        precision: Of Adam, ``"f64"`` or ``"f32"``.
        threads: The result does not depend on them.
        random_state: Seed, or a ``RandomState``; ``None`` is seed 0.
        verbose: Whether to show progress by tqdm.
        keep_rows: Rows of the fit kept for :meth:`formula`, intervals, importances and drawings; of more, evenly
            spaced ones.
        callback: Called with ``(stage, done, total, message)``; ``False`` stops the fit.

    Attributes:
        report_: :class:`FitReport`.
        n_features_in_, feature_names_in_: As usual.
        widths_: Nodes of every layer.

    >>> import numpy as np
    >>> from nis_core.kan import KANRegressor
    >>> X = np.random.default_rng(0).uniform(-1, 1, (300, 2))
    >>> y = np.exp(np.sin(np.pi * X[:, 0]) + X[:, 1] ** 2)
    >>> model = KANRegressor(hidden=(3,)).fit(X, y)
    >>> bool(model.score(X, y) > 0.99)
    True
    """

    def fit(self, X: Any, y: Any) -> Self:
        """Fits the network to ``X`` of ``(rows, inputs)`` and ``y`` of ``(rows,)`` or ``(rows, outputs)``.

        Raises:
            InvalidInput: A value is not finite (the message names row and column), or a parameter does not fit.
            Cancelled: ``callback`` said so.
        """
        _finite(y)
        rows, targets = validate_data(
            self,
            X,
            y,
            dtype=np.float64,
            multi_output=True,
            y_numeric=True,
            ensure_all_finite=False,
        )
        targets = np.asarray(targets, dtype=np.float64)
        table = targets.reshape(len(targets), -1)
        self._one_column = targets.ndim == 1
        return self._fit(rows, table, _named(y, table.shape[1]), "regression")

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """Outputs ``(rows,)``, or ``(rows, outputs)`` as in the fit; with ``return_std`` also the standard error of each
        prediction, of the same shape (Laplace approximation, without the noise of an observation).

        Raises:
            InvalidInput: A value is not finite; the message names row and column.
            NumericalError, LimitError: No standard errors: too few rows or too many parameters.
        """
        rows = self._rows(X)
        out = self._shaped(self._model.predict(rows))
        if not return_std:
            return out
        errors = self._model.standard_errors(self._uncertain("laplace"), rows)
        return out, self._shaped(errors)

    def _shaped(self, table: Real) -> Real:
        return table[:, 0] if self._one_column else table

    def _uncertain(self, method: str) -> _native.NativeKanUncertainty:
        if method not in ("laplace", "conformal"):
            raise InvalidInput(
                f"method: got {method!r}, expected 'laplace' or 'conformal'", field="method"
            )
        if method not in self._uncertainty:
            x, y, held = self._kept
            rows = held if method == "conformal" else ~held
            self._uncertainty[method] = self._model.uncertainty(
                method == "laplace", x[rows], y[rows]
            )
        return self._uncertainty[method]

    def predict_interval(
        self, X: Any, level: float = 0.9, *, method: str = "laplace"
    ) -> tuple[Real, Real]:
        """Lower and upper ends that hold a new observation with probability ``level``, shaped as :meth:`predict`.

        Args:
            X: Inputs ``(rows, inputs)``.
            level: In (0, 1).
            method: ``"laplace"``: normal noise, Laplace approximation (MacKay, Neural Comput. 4 (1992) 448);
                ``"conformal"``: from the rows held out, whatever the noise is (Vovk et al. 2005).

        Raises:
            InvalidInput: A value does not fit, or too few rows were held out for the level.
            NumericalError, LimitError: No Laplace approximation: too few rows or too many parameters.
        """
        rows = self._rows(X)
        _, lower, upper = self._model.intervals(self._uncertain(method), rows, level)
        return self._shaped(lower), self._shaped(upper)

    def formula(
        self,
        *,
        functions: Sequence[str] | None = None,
        prune: bool = True,
        threshold: float = 0.5,
    ) -> Any:
        """The formula of the output in the names and units of the data, read from the network and refitted to the rows
        of the fit: :class:`Formula`, or a list of them as in the fit.

        Args:
            functions: Names from the library (``"x"``, ``"x^2"``, ``"sin"``, ``"exp"``, ..); all where ``None``.
            prune: Whether a copy without what matters little, refitted, is read instead of the network itself.
            threshold: R2 on held-out rows below which there is no formula.

        Raises:
            InvalidInput: Too few rows, or a value out of range.
            NotFound: No function of that name.

        >>> import numpy as np
        >>> from nis_core.kan import KANRegressor
        >>> X = np.random.default_rng(0).uniform(-1, 1, (300, 2))
        >>> y = np.exp(X[:, 0]) + X[:, 1] ** 2
        >>> print(KANRegressor(hidden=()).fit(X, y).formula())
        y = exp(x1) + x2^2
        """
        check_is_fitted(self, "_model")
        x, y, held = self._kept
        model = self._pruned(0.03, 0.01, 0.01, 50)[0] if prune else self._model
        rows = [int(r) for r in np.flatnonzero(held)]
        options = {"threshold": threshold, "holdout_rows": rows}
        text = model.formula(x, y, functions, json.dumps(options, default=plain), self.callback)
        found = [Formula._of(one) for one in json.loads(text)]
        return found[0] if self._one_column else found

    def latex(self, **options: Any) -> Any:
        """:meth:`formula` for LaTeX; a list as in the fit.

        Raises:
            NotFound: There is no formula; the message says why.
        """
        found = self.formula(**options)
        texts = []
        for one in found if isinstance(found, list) else [found]:
            if one.latex is None:
                raise NotFound(f"formula of {one.target} not found: {one.reason}", field="formula")
            texts.append(one.latex)
        return texts if isinstance(found, list) else texts[0]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


class KANClassifier(ClassifierMixin, _KAN):
    """A Kolmogorov-Arnold network that tells classes apart: one output per class, cross-entropy of their softmax.

    Parameters and attributes are those of :class:`KANRegressor`; ``loss`` is not used.

    Attributes:
        classes_: The classes, sorted.

    >>> import numpy as np
    >>> from nis_core.kan import KANClassifier
    >>> X = np.random.default_rng(0).uniform(-1, 1, (300, 2))
    >>> y = np.where(np.hypot(X[:, 0], X[:, 1]) < 0.7, "in", "out")
    >>> model = KANClassifier(hidden=()).fit(X, y)
    >>> model.predict([[0.0, 0.0], [0.9, 0.9]]).tolist()
    ['in', 'out']
    """

    classes_: NDArray[Any]

    def fit(self, X: Any, y: Any) -> Self:
        """Fits the network to ``X`` of ``(rows, inputs)`` and classes ``y`` of ``(rows,)``.

        Raises:
            InvalidInput: A value is not finite (the message names row and column), or a parameter does not fit.
            Cancelled: ``callback`` said so.
        """
        _finite(y)
        rows, labels = validate_data(self, X, y, dtype=np.float64, ensure_all_finite=False)
        check_classification_targets(labels)
        labels = column_or_1d(labels, warn=True)
        self.classes_, index = np.unique(labels, return_inverse=True)
        names = [str(c) for c in self.classes_]
        if len(set(names)) < len(names) or not all(n and n.isprintable() for n in names):
            names = [f"class {i}" for i in range(len(names))]
        target = index.astype(np.float64).reshape(-1, 1)
        return self._fit(rows, target, [], {"classification": {"classes": names}})

    def predict(self, X: Any) -> NDArray[Any]:
        """The likeliest class of every row, ``(rows,)``.

        Raises:
            InvalidInput: A value is not finite; the message names row and column.
        """
        rows = self._rows(X)
        return self.classes_[self._model.predict(rows)[:, 0].astype(np.intp)]

    def predict_proba(self, X: Any) -> Real:
        """Probabilities of the classes, ``(rows, classes)``.

        Raises:
            InvalidInput: A value is not finite; the message names row and column.
        """
        rows = self._rows(X)
        return self._model.predict_proba(rows)

    def predict_log_proba(self, X: Any) -> Real:
        """Logarithms of :meth:`predict_proba`."""
        with np.errstate(divide="ignore"):
            return cast(Real, np.log(self.predict_proba(X)))
