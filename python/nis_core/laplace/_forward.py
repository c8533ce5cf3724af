"""The Laplace transform of sampled signals."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nis_core import _native
from nis_core._errors import InvalidInput
from nis_core.laplace._input import interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Progress = Callable[[str, int, int, str], object]
Complex = NDArray[np.complex128]
Real = NDArray[np.float64]
Quadrature = Literal["spline", "simpson", "trapezoid", "rectangle"]


@dataclass(frozen=True, eq=False)
class Transform:
    """``F(s)`` of one signal, or of several.

    Attributes:
        s: The points, complex, 1/(time unit).
        values: ``F(s)``, shape ``s.shape`` for one signal, ``(channels, *s.shape)`` for several; signal units
            times time units.
        error: Estimates of the errors that the interpolation between the samples makes, shaped as ``values``.
        tail: Bounds for the part of the integral after the record, shaped as ``values``; NaN where it does not
            converge.
        abscissa: The integral over all time converges right of this real part, as far as the end of the record
            tells; ``None`` where it does everywhere. A list for several signals.
    """

    s: Complex
    values: Complex
    error: Real
    tail: Real
    abscissa: float | None | list[float | None]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Transform):
            return NotImplemented
        parts = ("s", "values", "error", "tail")
        same = all(np.array_equal(getattr(self, p), getattr(other, p), equal_nan=True) for p in parts)
        return same and self.abscissa == other.abscissa

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        worst = float(np.max(self.error)) if self.error.size else 0.0
        return f"<Transform at {self.s.size} points, values {self.values.shape}, error up to {worst:.2e}>"

    def plot(self, ax: Axes | None = None) -> Axes:
        """Magnitude over ``Im(s)``, with the error estimate below it; returns the axes.

        Raises:
            Unavailable: matplotlib is not installed.
        """
        from nis_core.laplace._plots import axes

        ax = axes(ax)
        omega = self.s.imag.ravel()
        for row in self.values.reshape(-1, self.s.size):
            ax.semilogy(omega, np.abs(row))
        for estimate in self.error.reshape(-1, self.s.size):
            ax.semilogy(omega, estimate, lw=0.8, ls=":", color="0.5")
        ax.set_xlabel("Im(s), radians per time unit")
        ax.set_ylabel("|F(s)|; dotted: error estimate")
        return ax


def _channels(x: ArrayLike, field: str = "signal") -> NDArray[Any]:
    """Samples of one of four kinds, shape ``(channels, n)``, contiguous; no copy where they are already."""
    try:
        array = np.asarray(x)
    except ValueError as e:
        raise InvalidInput(f"{field}: {e}; expected numbers, channels of equal length", field=field) from None
    if array.dtype not in (np.float64, np.float32, np.complex128, np.complex64):
        if not (np.issubdtype(array.dtype, np.number) or array.dtype == np.bool_):
            raise InvalidInput(f"{field}: got {array.dtype}, expected numbers", field=field)
        complex_ = np.issubdtype(array.dtype, np.complexfloating)
        array = array.astype(np.complex128 if complex_ else np.float64)
    if array.ndim not in (1, 2):
        raise InvalidInput(
            f"{field}: got {array.ndim} dimensions, expected (n,) or (channels, n)", field=field
        )
    return np.ascontiguousarray(np.atleast_2d(array))


def _points(s: ArrayLike) -> Complex:
    try:
        return np.asarray(s, dtype=np.complex128)
    except (TypeError, ValueError) as e:
        raise InvalidInput(f"s: {e}; expected complex numbers", field="s") from None


def _options(
    quadrature: str, extent: str, tail: str | tuple[float, float], threads: int
) -> str:
    spec: Any = tail
    if not isinstance(tail, str):
        amplitude, rate = tail
        spec = {"given": {"amplitude": float(amplitude), "rate": float(rate)}}
    return json.dumps(
        {"quadrature": quadrature, "extent": extent, "tail": spec, "threads": threads}
    )


def _gather(
    parts: list[tuple[Complex, Real, Real, float | None]], s: Complex, single: bool
) -> Transform:
    if single:
        (values, error, tail, abscissa_of_one) = parts[0]
        shape = s.shape
        return Transform(
            s, values.reshape(shape), error.reshape(shape), tail.reshape(shape), abscissa_of_one
        )
    values, error, tail = (
        np.array([p[i] for p in parts]).reshape((len(parts), *s.shape)) for i in range(3)
    )
    abscissa = [p[3] for p in parts]
    return Transform(s, values, error, tail, abscissa)


def transform(
    x: ArrayLike,
    s: ArrayLike,
    *,
    dt: float | None = None,
    fs: float | None = None,
    t0: float = 0.0,
    times: ArrayLike | None = None,
    quadrature: Quadrature = "spline",
    extent: Literal["record", "signal"] = "record",
    tail: Literal["estimated", "zero"] | tuple[float, float] = "estimated",
    threads: int = 0,
    progress: Progress | None = None,
) -> Transform:
    """The Laplace transform ``F(s) = int x(t) exp(-s t) dt`` of a sampled signal at arbitrary ``s``.

    For many points on a line parallel to the imaginary axis, :class:`LinePlan` is faster.

    Args:
        x: Samples, shape ``(n,)`` or ``(channels, n)``, real or complex; float32 to complex128 arrays are read
            where they lie, and the arithmetic is done in double precision.
        s: Points, any shape, complex, 1/(time unit).
        dt: Sampling interval; default 1.
        fs: Sampling rate, instead of ``dt``.
        t0: Time of the first sample.
        times: Rising times of the samples, shape ``(n,)``, instead of ``dt`` and ``t0``; for ``quadrature``
            ``"spline"`` or ``"trapezoid"``.
        quadrature: What the signal is between its samples: ``"spline"`` (the exact transform of the cubic
            spline), ``"simpson"``, ``"trapezoid"`` or ``"rectangle"`` (``dt`` times the z-transform).
        extent: ``"record"``: the integral ends with the record. ``"signal"``: it goes on, and ``s`` outside
            the region of convergence is refused.
        tail: What is assumed after the record: ``"estimated"`` from its last half, ``"zero"``, or
            ``(amplitude, rate)`` of a bound ``amplitude exp(-rate (t - t_last))``.
        threads: Threads; 0 for as many as the machine has. Results do not depend on it.
        progress: Called with ``(stage, done, total, message)``; ``False`` stops the work.

    Returns:
        Values, error estimates and tail bounds.

    Raises:
        InvalidInput: An empty signal, a value that is not finite, times that do not rise, an ``s`` whose
            exponential overflows or that lies outside the region of convergence.
        Cancelled: ``progress`` said so.

    >>> import numpy as np
    >>> from nis_core import laplace
    >>> t = np.arange(1001) / 100
    >>> f = laplace.transform(np.exp(-t), [1.0, 1 + 2j], dt=0.01)
    >>> bool(np.all(np.abs(f.values - (1 - np.exp(-10 * (f.s + 1))) / (f.s + 1)) < 1e-10))
    True
    """
    channels = _channels(x)
    points = _points(s)
    flat = np.ascontiguousarray(points.ravel())
    options = _options(quadrature, extent, tail, threads)
    if times is not None:
        if dt is not None or fs is not None or t0 != 0.0:
            raise InvalidInput("times: got times and dt, fs or t0, expected one of them", field="times")
        try:
            at = np.ascontiguousarray(times, dtype=np.float64)
        except (TypeError, ValueError) as e:
            raise InvalidInput(f"times: {e}; expected numbers", field="times") from None
        if at.ndim != 1:
            raise InvalidInput(f"times: got {at.ndim} dimensions, expected one", field="times")
        parts = _native.laplace_transform_nonuniform(channels, at, flat, options, progress)
    else:
        step = interval(dt, fs)
        parts = _native.laplace_transform(channels, float(t0), step, flat, options, progress)
    return _gather(parts, points, np.ndim(x) == 1)


class LinePlan:
    """A transform of records of ``samples`` samples on a line of evenly spaced points, made once for many.

    Args:
        samples: Samples of a record.
        dt: Sampling interval; default 1.
        fs: Sampling rate, instead of ``dt``.
        t0: Time of the first sample.
        sigma: Real part of every point.
        omega0: Imaginary part of the first point, radians per time unit.
        step: Distance of the points, radians per time unit.
        count: Number of points.
        bins: Instead of ``omega0``, ``step`` and ``count``: the points ``sigma + 2 pi j k/(bins dt)`` up to the
            Nyquist frequency, by one real FFT.
        quadrature, extent, tail, threads: As in :func:`transform`.

    >>> import numpy as np
    >>> from nis_core import laplace
    >>> plan = laplace.LinePlan(2000, dt=0.01, sigma=0.5, step=0.1, count=50)
    >>> f = plan.transform(np.exp(-0.01 * np.arange(2000)))
    >>> bool(np.all(np.abs(f.values - 1 / (f.s + 1)) < 1e-8))
    True
    """

    def __init__(
        self,
        samples: int,
        *,
        dt: float | None = None,
        fs: float | None = None,
        t0: float = 0.0,
        sigma: float = 0.0,
        omega0: float = 0.0,
        step: float | None = None,
        count: int | None = None,
        bins: int | None = None,
        quadrature: Quadrature = "spline",
        extent: Literal["record", "signal"] = "record",
        tail: Literal["estimated", "zero"] | tuple[float, float] = "estimated",
        threads: int = 0,
    ) -> None:
        self._arguments: dict[str, Any] = {
            "samples": int(samples),
            "dt": interval(dt, fs),
            "t0": float(t0),
            "sigma": float(sigma),
            "omega0": float(omega0),
            "step": step,
            "count": count,
            "bins": bins,
            "quadrature": quadrature,
            "extent": extent,
            "tail": tail,
            "threads": threads,
        }
        self._make()

    def _make(self) -> None:
        a = self._arguments
        if a["samples"] < 1:
            raise InvalidInput(f"samples: got {a['samples']}, expected at least 1", field="samples")
        options = _options(a["quadrature"], a["extent"], a["tail"], a["threads"])
        native = _native.NativeLinePlan
        if a["bins"] is not None:
            if a["step"] is not None or a["count"] is not None or a["omega0"] != 0.0:
                raise InvalidInput("bins: got bins and a line, expected one of them", field="bins")
            if a["bins"] < 1:
                raise InvalidInput(f"bins: got {a['bins']}, expected at least 1", field="bins")
            self._native = native.bins(
                a["samples"], a["t0"], a["dt"], a["sigma"], int(a["bins"]), options
            )
        else:
            if a["step"] is None or a["count"] is None:
                raise InvalidInput("step, count: got neither bins nor both of them", field="step")
            if a["count"] < 1:
                raise InvalidInput(f"count: got {a['count']}, expected at least 1", field="count")
            line = {key: float(a[key]) for key in ("sigma", "omega0", "step")}
            spec = json.dumps({**line, "count": int(a["count"])})
            self._native = native.line(a["samples"], a["t0"], a["dt"], spec, options)
        self.s: Complex = self._native.points()

    def __getstate__(self) -> dict[str, Any]:
        return self._arguments

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._arguments = state
        self._make()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, LinePlan):
            return NotImplemented
        return self._arguments == other._arguments

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<LinePlan of {self._arguments['samples']} samples at {self.s.size} points>"

    def transform(self, x: ArrayLike, *, progress: Progress | None = None) -> Transform:
        """The transform of ``x``, shape ``(samples,)`` or ``(channels, samples)``; as :func:`transform`."""
        channels = _channels(x)
        if channels.shape[1] != self._arguments["samples"]:
            wanted = self._arguments["samples"]
            raise InvalidInput(
                f"signal: got {channels.shape[1]} samples, expected {wanted}, as planned", field="signal"
            )
        return _gather(self._native.transform(channels, progress), self.s, np.ndim(x) == 1)
