"""Modes of sampled signals: poles, residues, and their errors."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nis_core import _native
from nis_core._errors import InvalidInput
from nis_core.laplace._forward import _channels
from nis_core.laplace._input import complex_array, interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Progress = Callable[[str, int, int, str], object]
Complex = NDArray[np.complex128]
Real = NDArray[np.float64]


class Modes:
    """The damped modes of a signal or of several, strongest first; made by :func:`modes`.

    Arrays run over the modes first. Of real signals only poles with non-negative imaginary part are listed; the
    conjugates are implied. Compares by value and pickles.

    Attributes:
        poles: Poles, shape ``(k,)``, 1/(time unit).
        pole_se: Standard errors of their real and imaginary parts, as complex numbers, with the noise as strong
            as it is around each mode.
        pole_bound: Cramer-Rao bounds of the same, for white noise.
        residues: Complex amplitudes at the first sample, shape ``(k,)``, or ``(k, channels)`` for several
            channels: a pair of poles is ``2 Re(residue exp(pole (t - t0)))``.
        frequency: Cycles per time unit, shape ``(k,)``.
        damping_ratio: ``-Re(pole)/|pole|``, shape ``(k,)``.
        power_share: Share of each mode in the mean square of the detrended signal, shaped as ``residues``.
        pairs: Which modes are conjugate pairs, shape ``(k,)``.
        order: Degrees of freedom of the pole set: pairs count 2.
        order_reason: What decided the order, with the figure.
        order_rule: ``"given"``, ``"gap"``, ``"description_length"`` or ``"stability"``.
        offset, slope: The baseline: value at ``t0`` and slope per time unit; of shape ``(channels,)`` for
            several channels.
        noise_std: Standard deviation of the noise, likewise.
        explained: Share of the variance that the modes explain, likewise.
    """

    def __init__(self, spec: Mapping[str, Any], single: bool, samples: NDArray[Any]) -> None:
        self._spec = dict(spec)
        self._single = single
        self._samples = samples
        listed = self._spec["modes"]
        self.poles: Complex = complex_array([m["pole"] for m in listed])
        self.pole_se: Complex = complex_array([m["pole_se"] for m in listed])
        self.pole_bound: Complex = complex_array([m["pole_bound"] for m in listed])
        self.frequency: Real = np.array([m["frequency"] for m in listed], dtype=float)
        self.damping_ratio: Real = np.array([m["damping_ratio"] for m in listed], dtype=float)
        self.order: int = self._spec["order"]
        self.order_reason: str = self._spec["order_reason"]
        self.order_rule: str = self._spec["order_rule"]
        self.t0: float = self._spec["t0"]
        self.dt: float = self._spec["dt"]
        self.n: int = self._spec["n"]
        k, channels = len(listed), samples.shape[0]
        residues = complex_array([r for m in listed for r in m["residues"]]).reshape(k, channels)
        share = np.array([m["power_share"] for m in listed], dtype=float).reshape(k, channels)
        self.pairs: NDArray[np.bool_] = np.array([m["pair"] for m in listed], dtype=bool)
        self.residues: Complex = residues[:, 0] if single else residues
        self.power_share: Real = share[:, 0] if single else share
        real = not np.iscomplexobj(samples)
        offset, slope = complex_array(self._spec["offset"]), complex_array(self._spec["slope"])
        self.offset: Any = _one(offset.real if real else offset, single)
        self.slope: Any = _one(slope.real if real else slope, single)
        self.noise_std: Any = _one(np.array(self._spec["noise_std"]), single)
        self.explained: Any = _one(np.array(self._spec["explained"]), single)

    def __len__(self) -> int:
        return len(self.poles)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Modes):
            return NotImplemented
        same = self._spec == other._spec and self._single == other._single
        return same and np.array_equal(self._samples, other._samples)

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self._spec, self._single, self._samples))

    def __repr__(self) -> str:
        lines = [f"<Modes: order {self.order}, {self.order_reason}"]
        for p, e, f in zip(self.poles, self.pole_se, self.frequency, strict=True):
            lines.append(
                f"  pole {p.real:.6g} +- {e.real:.1e}, {p.imag:+.6g} +- {e.imag:.1e} j; frequency {f:.6g}"
            )
        return "\n".join(lines) + ">"

    def to_dict(self) -> dict[str, Any]:
        """The result as plain values; complex numbers are pairs."""
        return cast(dict[str, Any], json.loads(json.dumps(self._spec)))

    def evaluate(self, t: ArrayLike) -> NDArray[Any]:
        """The model at times ``t``, shape ``(m,)``, also outside the record; ``(channels, m)`` for several."""
        since = np.asarray(t, dtype=np.float64) - self.t0
        waves = np.exp(np.multiply.outer(self.poles, since))
        residues = self.residues[:, None] if self._single else self.residues
        offset, slope = np.atleast_1d(self.offset), np.atleast_1d(self.slope)
        out: NDArray[Any] = offset[:, None] + slope[:, None] * since + 0j
        for r, w, pair in zip(residues, waves, self.pairs, strict=True):
            term = np.multiply.outer(r, w)
            out = out + (2 * term.real if pair else term)
        if not np.iscomplexobj(self._samples):
            out = out.real
        return out[0] if self._single else out

    def plot(self, ax: Axes | None = None) -> Axes:
        """The model over the samples of the first channel; returns the axes.

        Raises:
            Unavailable: matplotlib is not installed.
        """
        from nis_core.laplace._plots import axes

        ax = axes(ax)
        t = self.t0 + self.dt * np.arange(self.n)
        model = self.evaluate(t)
        first = model if self._single else model[0]
        ax.plot(t, self._samples[0].real, ".", ms=3, color="0.6", label="samples")
        ax.plot(t, first.real, lw=1.2, label=f"model of order {self.order}")
        ax.set_xlabel("time")
        ax.legend(loc="best", frameon=False)
        return ax

    def plot_poles(self, ax: Axes | None = None) -> Axes:
        """The poles in the s-plane with bars of two standard errors; returns the axes."""
        from nis_core.laplace._plots import axes

        ax = axes(ax)
        all_poles = [(p, e) for p, e in zip(self.poles, self.pole_se, strict=True)]
        all_poles += [
            (p.conjugate(), e)
            for p, e, pair in zip(self.poles, self.pole_se, self.pairs, strict=True)
            if pair
        ]
        for p, e in all_poles:
            ax.errorbar(p.real, p.imag, 2 * e.imag, 2 * e.real, "x", color="C0", ecolor="0.6", ms=6)
        ax.axvline(0, lw=0.8, color="0.4")
        ax.axhline(0, lw=0.8, color="0.8")
        ax.set_xlabel("Re(s), growth per time unit")
        ax.set_ylabel("Im(s), radians per time unit")
        return ax


def _one(values: NDArray[Any], single: bool) -> Any:
    return values[0].item() if single else values


def modes(
    x: ArrayLike,
    fs: float | None = None,
    *,
    dt: float | None = None,
    t0: float = 0.0,
    order: int | None = None,
    max_order: int = 20,
    detrend: Literal["none", "mean", "linear"] = "mean",
    progress: Progress | None = None,
) -> Modes:
    """Finds the damped modes of a uniformly sampled signal, or those that several channels share.

    Method: ESPRIT (Roy and Kailath 1989) on the randomised singular vectors of the Hankel matrix, then
    variable projection and Gauss-Newton to the maximum of likelihood in white noise.

    Args:
        x: Samples, shape ``(n,)`` or ``(channels, n)``, real or complex, at least 8.
        fs: Sampling rate.
        dt: Sampling interval, instead of ``fs``; default 1.
        t0: Time of the first sample.
        order: Degrees of freedom of the pole set (a pair of a real signal counts 2); chosen where ``None``.
        max_order: Largest order that is tried.
        detrend: Baseline that is fitted beside the modes.
        progress: Called with ``(stage, done, total, message)``; ``False`` stops the work.

    Raises:
        InvalidInput: Too few samples, a value that is not finite, a constant, an order that does not fit.
        NumericalError: The signal has no modes of the given order that can be told apart.
        Cancelled: ``progress`` said so.

    >>> import numpy as np
    >>> from nis_core import laplace
    >>> t = np.arange(400) / 20
    >>> found = laplace.modes(np.exp(-0.1 * t) * np.cos(2 * t) + 3, fs=20)
    >>> print(len(found), f"{found.poles[0]:.6f} {found.offset:.6f}")
    1 -0.100000+2.000000j 3.000000
    """
    channels = _channels(x)
    single = np.ndim(x) == 1
    if order is not None and order < 1:
        raise InvalidInput(f"order: got {order}, expected at least 1", field="order")
    options = json.dumps({"order": order, "max_order": max_order, "detrend": detrend})
    text = _native.laplace_shared_modes(channels, float(t0), interval(dt, fs), options, progress)
    return Modes(json.loads(text), single, channels)
