"""Networks without scaling or names."""

from __future__ import annotations

import copyreg
import json
from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nis_core import _native
from nis_core._errors import InvalidInput
from nis_core.kan._report import FitReport

Real = NDArray[np.float64]
Progress = Callable[[str, int, int, str], object]


def plain(value: Any) -> Any:
    """Numpy's numbers and sequences as JSON knows them."""
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    raise TypeError(f"{value!r} is neither number, text nor None")


def matrix(name: str, x: ArrayLike) -> Real:
    """Rows of doubles; without a copy where they are that already."""
    array = np.asarray(x, dtype=np.float64)
    if array.ndim != 2:
        raise InvalidInput(
            f"{name}: got an array of {array.ndim} dimensions, expected 2: rows and columns", field=name
        )
    return array


def save(native: _native.NativeKan | _native.NativeKanModel, path: str | PathLike[str]) -> None:
    """Writes JSON or safetensors, by the end of the name."""
    target = Path(path)
    if target.suffix == ".json":
        target.write_text(native.to_json(), encoding="utf-8")
    else:
        target.write_bytes(native.to_bytes())


def write_c(
    native: _native.NativeKan | _native.NativeKanModel,
    path: str | PathLike[str],
    prefix: str,
    precision: str,
) -> None:
    """Writes C99 source and, beside it, its header."""
    source, header = native.to_c(json.dumps({"prefix": prefix, "precision": precision}))
    Path(path).write_text(source, encoding="utf-8")
    Path(path).with_suffix(".h").write_text(header, encoding="utf-8")


def _net_from_bytes(data: bytes) -> Kan:
    return Kan._of(_native.NativeKan.from_bytes(data))


def _model_from_bytes(data: bytes) -> _native.NativeKanModel:
    return _native.NativeKanModel.from_bytes(data)


def _reduce_model(model: _native.NativeKanModel) -> tuple[Any, ...]:
    return (_model_from_bytes, (model.to_bytes(),))


# Estimators hold one: pickle, copy and joblib take it through the bytes of its file.
copyreg.pickle(_native.NativeKanModel, _reduce_model)


class Kan:
    """A Kolmogorov-Arnold network with small random edges: Liu et al., "KAN: Kolmogorov-Arnold Networks" (2024),
    eqs. (2.5) to (2.12). Inputs are expected in the grid, [-1, 1] by default; outside, edges go on as straight lines.

    Args:
        widths: Nodes of every layer, inputs first, outputs last.
        grid: Grid cells per edge.
        order: Spline order (degree), 1 to 5.
        basis: ``"b_spline"``, ``"chebyshev"``, ``"fourier"``, ``"rbf"`` or ``"rational"``.
        base: Function beside the spline: ``"none"``, ``"silu"`` or ``"identity"``.
        multiplications: Per layer after the inputs the factors of its multiplication nodes.
        outside: ``"linear"`` or ``"natural"``.
        range: Both ends of every grid.
        seed: Seed of the weights.

    Raises:
        InvalidInput: A value does not fit; ``field`` names it.
        LimitError: Over ten million parameters.

    >>> import numpy as np
    >>> from nis_core.kan import Kan
    >>> net = Kan([2, 5, 1])
    >>> net.predict(np.zeros((3, 2))).shape, net.jacobian(np.zeros((3, 2))).shape
    ((3, 1), (3, 1, 2))
    >>> net
    <Kan [2, 5, 1]: 120 parameters>
    """

    def __init__(
        self,
        widths: Sequence[int],
        *,
        grid: int = 5,
        order: int = 3,
        basis: str = "b_spline",
        base: str = "none",
        multiplications: Sequence[Sequence[int]] = (),
        outside: str = "linear",
        range: tuple[float, float] = (-1.0, 1.0),
        seed: int = 0,
    ) -> None:
        structure = {
            "widths": [int(w) for w in widths],
            "products": [[int(p) for p in layer] for layer in multiplications],
            "grid": grid,
            "order": order,
            "family": basis,
            "base": base,
            "outside": outside,
            "range": [float(end) for end in range],
            "seed": seed,
        }
        self._keep(_native.NativeKan(json.dumps(structure)))

    def _keep(self, native: _native.NativeKan) -> None:
        self._native = native
        self._about: dict[str, Any] = json.loads(native.describe())

    @classmethod
    def _of(cls, native: _native.NativeKan) -> Kan:
        net = cls.__new__(cls)
        net._keep(native)
        return net

    @property
    def widths(self) -> list[int]:
        """Nodes of every layer, inputs first."""
        return list(self._about["widths"])

    @property
    def parameters(self) -> int:
        """Number of parameters."""
        return int(self._about["parameters"])

    def fit(
        self, x: ArrayLike, y: ArrayLike, *, progress: Progress | None = None, **options: Any
    ) -> FitReport:
        """Fits the network, from where it stands, to inputs ``(rows, inputs)`` and outputs ``(rows, outputs)`` of about
        unit size.

        Args:
            x: Inputs.
            y: Outputs; ``(rows,)`` for one.
            progress: Called with ``(stage, done, total, message)``; ``False`` stops the fit.
            **options: ``method``, ``loss``, ``max_iterations``, ``tolerance``, ``smoothness``, ``holdout``, ``grids``,
                ``update_grid``, ``l1``, ``entropy``, ``batch``, ``learning_rate``, ``weight_decay``, ``patience``,
                ``seed``, ``threads``, ``precision``: as of :class:`KANRegressor`.

        Raises:
            InvalidInput: Sizes or an option do not fit, or a value is not finite; the network is then as before.
            Cancelled: ``progress`` said so.
        """
        rows = np.asarray(y, dtype=np.float64)
        if rows.ndim == 1:
            rows = rows[:, None]
        native, report = self._native.fit(
            matrix("x", x), matrix("y", rows), json.dumps(options, default=plain), progress
        )
        self._keep(native)
        return FitReport._of(json.loads(report))

    @overload
    def predict(self, x: NDArray[np.float32], *, threads: int = 1) -> NDArray[np.float32]: ...
    @overload
    def predict(self, x: ArrayLike, *, threads: int = 1) -> Real: ...
    def predict(self, x: Any, *, threads: int = 1) -> Any:
        """Outputs ``(rows, outputs)`` for inputs ``(rows, inputs)``: in 32 bits for an array of ``float32``, else in 64.
        The bits do not depend on ``threads``.

        A row with NaN or an infinity gives NaN in its own outputs and leaves the others alone.

        Raises:
            InvalidInput: ``x`` has another number of columns.
        """
        if isinstance(x, np.ndarray) and x.dtype == np.float32 and x.ndim == 2:
            return self._native.predict_f32(x, threads)
        return self._native.predict(matrix("x", x), threads)

    def jacobian(self, x: ArrayLike) -> Real:
        """Derivatives of the outputs with respect to the inputs, ``(rows, outputs, inputs)``.

        Raises:
            InvalidInput: ``x`` has another number of columns.
        """
        return self._native.jacobian(matrix("x", x))

    def to_onnx(self, path: str | PathLike[str], *, precision: str = "f32") -> None:
        """Writes the network as an ONNX file, from ``x`` to ``y``; ``precision`` is ``"f32"`` or ``"f64"``."""
        Path(path).write_bytes(self._native.to_onnx(json.dumps({"precision": precision})))

    def to_c(self, path: str | PathLike[str], *, prefix: str = "kan", precision: str = "f64") -> None:
        """Writes the network as standalone C99: ``path`` and, beside it, its header with the ending ``.h``."""
        write_c(self._native, path, prefix, precision)

    @classmethod
    def from_pykan(cls, state_dict: Mapping[str, Any], **options: Any) -> Kan:
        """The network of a pykan checkpoint with equal outputs.

        Args:
            state_dict: ``model.state_dict()``; tensors or arrays by name.
            **options: What pykan keeps outside it: ``base_fun`` (default ``"silu"``), ``mult_arity``,
                ``symbolic_enabled``, ``funs_name`` (``[layer][output][input]``).

        Raises:
            NotFound: An array is missing.
            InvalidInput: Shapes or names do not fit.
        """
        state = []
        for name, values in state_dict.items():
            values = values.detach().cpu().numpy() if hasattr(values, "detach") else values
            state.append((name, np.asarray(values, dtype=np.float64)))
        return cls._of(_native.NativeKan.from_pykan(state, json.dumps(options, default=plain)))

    def save(self, path: str | PathLike[str]) -> None:
        """Writes the network to a file: JSON where its name ends in ``.json``, else safetensors. All bits are kept."""
        save(self._native, path)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Kan:
        """The network of a file that :meth:`save` or another face of NIS wrote.

        Raises:
            InvalidInput, ParseError, LimitError: The file does not fit.
        """
        return cls._of(_native.NativeKan.from_bytes(Path(path).read_bytes()))

    def __reduce__(self) -> tuple[Any, ...]:
        return (_net_from_bytes, (self._native.to_bytes(),))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Kan) and self._native.to_bytes() == other._native.to_bytes()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<Kan {self.widths}: {self.parameters} parameters>"
