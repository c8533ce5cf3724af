"""Rational fits of frequency data: poles and residues from measured responses, and passivity."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nis_core import _native
from nis_core.laplace._input import complex_array, invalid
from nis_core.laplace._plots import axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Progress = Callable[[str, int, int, str], object]
Complex = NDArray[np.complex128]
Real = NDArray[np.float64]
Representation = Literal["scattering", "immittance"]


class ResponseFit:
    """A rational fit ``H(s) = D + s E + sum_k R_k/(s - p_k) + conj(R_k)/(s - conj(p_k))`` and its quality.

    Made by :func:`fit_response`. Compares by value and pickles.

    Attributes:
        poles: The poles with non-negative imaginary part, shape ``(k,)``, 1/(time unit), by rising magnitude;
            the conjugates of complex ones are implied.
        pole_se: Standard errors of their real and imaginary parts, as complex numbers; NaN where the data do
            not determine them.
        residues: Residues, shape ``(k, outputs, inputs)``, complex.
        direct: ``D``, shape ``(outputs, inputs)``.
        linear: ``E``, shape ``(outputs, inputs)``.
        order: Number of poles, conjugates included.
        order_reason: What decided the order.
        tried: The orders that were fitted, as dicts with ``order``, ``relative_rms``, ``description_length``.
        rms: Root mean square of the error's magnitude, unweighted.
        relative_rms: ``rms`` against the root mean square of the response.
        max_error: Largest magnitude of the error.
        max_relative_error: Largest magnitude of the error against that of the response at the same place.
        max_error_at: Point ``s`` of the largest error.
        noise_std: Standard deviation of the real and of the imaginary part of the weighted error; ``None``
            where no degrees of freedom are left.
        relocations: Relocations of the poles by vector fitting.
        polish_steps: Gauss-Newton steps.
        converged: Whether these ended at an optimum.
        stable: Whether all poles have a negative real part.
        start: Where the poles started.
        s: The points fitted, shape ``(n,)``, complex.
        response: The responses fitted, shape ``(n, outputs, inputs)``.
    """

    def __init__(self, spec: Mapping[str, Any], s: Complex, response: Complex) -> None:
        self._spec = dict(spec)
        self.s = s
        self.response = response
        system = self._spec["system"]
        shape = (system["outputs"], system["inputs"])
        terms = system["terms"]
        self.poles: Complex = complex_array([t["pole"] for t in terms])
        errors = [p["pole_se"] or (np.nan, np.nan) for p in self._spec["poles"]]
        self.pole_se: Complex = complex_array(errors)
        residues = [complex_array(t["residue"]).reshape(shape) for t in terms]
        self.residues: Complex = np.array(residues, dtype=np.complex128).reshape(len(terms), *shape)
        self.direct: Real = _matrix(system["direct"], shape)
        self.linear: Real = _matrix(system["linear"], shape)
        self.order: int = self._spec["order"]
        self.order_reason: str = self._spec["order_reason"]
        self.tried: list[dict[str, float]] = self._spec["tried"]
        self.rms: float = self._spec["rms"]
        self.relative_rms: float = self._spec["relative_rms"]
        self.max_error: float = self._spec["max_error"]
        self.max_relative_error: float = self._spec["max_relative_error"]
        self.max_error_at: complex = complex(*self._spec["max_error_at"])
        self.noise_std: float | None = self._spec["noise_std"]
        self.relocations: int = self._spec["relocations"]
        self.polish_steps: int = self._spec["polish_steps"]
        self.converged: bool = self._spec["converged"]
        self.stable: bool = self._spec["stable"]
        self.start: str = self._spec["start"]

    @property
    def system(self) -> dict[str, Any]:
        """The fit in pole-residue form: ``outputs``, ``inputs``, ``terms``, ``direct``, ``linear``."""
        return cast(dict[str, Any], json.loads(json.dumps(self._spec["system"])))

    @property
    def all_poles(self) -> Complex:
        """All poles, each complex one followed by its conjugate, shape ``(order,)``."""
        pairs = [(p, p.conjugate()) if p.imag else (p,) for p in self.poles]
        return np.array([p for pair in pairs for p in pair], dtype=np.complex128)

    def to_dict(self) -> dict[str, Any]:
        """All of the result but the data, as plain values."""
        return cast(dict[str, Any], json.loads(self.to_json()))

    def to_json(self) -> str:
        """All of the result but the data, as JSON text."""
        return json.dumps(self._spec)

    def evaluate(self, s: ArrayLike) -> Complex:
        """``H(s)`` at complex points of any shape; the result has shape ``s.shape + (outputs, inputs)``."""
        return _evaluate(self._spec["system"], np.asarray(s, dtype=np.complex128))

    def plot(self, ax: Axes | None = None) -> Axes:
        """Magnitudes of the data (dots) and of the fit (lines) over ``|s| / 2 pi``; returns the axes.

        Raises:
            Unavailable: matplotlib is not installed.
        """
        ax = axes(ax)
        f = np.abs(self.s) / (2 * np.pi)
        at = np.argsort(f, kind="stable")
        fitted = self.evaluate(self.s)
        _, outputs, inputs = self.response.shape
        for i in range(outputs):
            for j in range(inputs):
                (dots,) = ax.plot(f[at], np.abs(self.response[at, i, j]), ".", markersize=3, alpha=0.6)
                label = f"{i + 1},{j + 1}" if outputs * inputs > 1 else "fit"
                ax.plot(f[at], np.abs(fitted[at, i, j]), color=dots.get_color(), linewidth=1, label=label)
        ax.set_yscale("log")
        positive = f[f > 0]
        if positive.size and positive.max() > 30 * positive.min():
            ax.set_xscale("log")
        ax.set_xlabel("frequency (cycles per time unit)")
        ax.set_ylabel("magnitude")
        ax.set_title(f"order {self.order}, rms error {self.rms:.2e}")
        ax.legend(fontsize="small", ncols=min(4, outputs * inputs))
        return ax

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ResponseFit):
            return NotImplemented
        return (
            self._spec == other._spec
            and np.array_equal(self.s, other.s)
            and np.array_equal(self.response, other.response)
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        _, outputs, inputs = self.response.shape
        return (
            f"ResponseFit(order={self.order}, outputs={outputs}, inputs={inputs}, "
            f"relative_rms={self.relative_rms:.3g}, stable={self.stable})"
        )


def fit_response(
    f: ArrayLike,
    response: ArrayLike,
    *,
    angular: bool = False,
    weights: ArrayLike | None = None,
    order: int | None = None,
    max_order: int = 60,
    direct: bool = True,
    linear: bool = False,
    weighting: Literal["uniform", "inverse_magnitude", "inverse_norm"] = "uniform",
    start: Literal["auto", "spread", "aaa"] = "auto",
    stable: bool = True,
    tolerance: float = 0.0,
    max_relocations: int = 20,
    max_polish: int = 60,
    progress: Progress | None = None,
) -> ResponseFit:
    """Fits poles and residues to measured frequency responses of a real system.

    Relaxed vector fitting (Gustavsen, IEEE Trans. Power Delivery 21 (2006) 1587) with the elements of the
    response compressed one after the other (Deschrijver et al., IEEE Microwave Wireless Compon. Lett. 18
    (2008) 383), then Gauss-Newton on the poles by variable projection, which ends at the least-squares optimum.

    Args:
        f: Frequencies, shape ``(n,)``: real, in cycles per time unit (Hz, GHz, ..); with ``angular`` in
            radians per time unit; or complex points ``s``.
        response: Complex responses, shape ``(n,)``, ``(n, outputs)`` or ``(n, outputs, inputs)``.
        angular: ``f`` is in radians per time unit.
        weights: Weights of the errors, shape ``(n,)`` or that of ``response``; the inverse standard deviation
            of the noise where that is known.
        order: Number of poles, a conjugate pair counting 2; chosen from the data where ``None``.
        max_order: Highest order of the automatic choice.
        direct: Fit a constant term ``D``.
        linear: Fit a term ``s E``.
        weighting: Errors as they are, relative to each magnitude, or relative to the matrix norm per point.
        start: Starting poles: spread over the frequencies, from AAA, or both where the first fits badly.
        stable: Mirror unstable poles into the left half plane.
        tolerance: The automatic choice stops at the first order with at most this relative rms error.
        max_relocations: Most relocations of the poles per order.
        max_polish: Most Gauss-Newton steps per order.
        progress: Called with ``(stage, done, total, message)``; ``False`` stops the work.

    Returns:
        The fit, with standard errors of its poles.

    Raises:
        InvalidInput: A value does not fit; ``field`` names it. Also a ``ValueError``.
        Cancelled: ``progress`` said so.

    >>> import numpy as np
    >>> from nis_core import laplace
    >>> f = np.linspace(0.0, 2.0, 100)
    >>> s = 2j * np.pi * f
    >>> fit = laplace.fit_response(f, 0.5 + 1.0 / (s**2 + 0.2 * s + 9.0))
    >>> fit.order
    2
    >>> bool(abs(fit.poles[0].real + 0.1) < 1e-9 and abs(fit.direct[0, 0] - 0.5) < 1e-9)
    True
    """
    points = _points(f, angular)
    h = _array("response", response, "ciufb", np.complex128)
    if h.ndim not in (1, 2, 3):
        raise invalid(
            "response", f"an array of shape {h.shape}", "shape (n,), (n, outputs) or (n, outputs, inputs)"
        )
    values = h.reshape(*h.shape, *([1] * (3 - h.ndim)))
    if values.shape[0] != points.shape[0]:
        raise invalid("response", f"{values.shape[0]} points", f"{points.shape[0]}, as f has")
    w = None
    if weights is not None:
        w = _array("weights", weights, "iufb", np.float64)
        if w.shape != points.shape and w.shape != h.shape:
            raise invalid(
                "weights", f"an array of shape {w.shape}", f"shape {points.shape} or {h.shape}, as response"
            )
        w = np.ascontiguousarray(w).ravel()
    options = {
        "order": order,
        "max_order": max_order,
        "direct": direct,
        "linear": linear,
        "weighting": weighting,
        "start": start,
        "stable": stable,
        "tolerance": tolerance,
        "max_relocations": max_relocations,
        "max_polish": max_polish,
    }
    text = _native.laplace_fit_response(points, values, w, _dumps("options", options), progress)
    return ResponseFit(json.loads(text), points, values)


@dataclass(frozen=True)
class Band:
    """A band of angular frequencies in which a system is not passive.

    Attributes:
        start: Lower edge.
        stop: Upper edge; ``inf`` where the band does not end.
        at: Frequency of the worst value.
        worst: Largest singular value there (scattering), smallest eigenvalue of the Hermitian part (immittance).
    """

    start: float
    stop: float
    at: float
    worst: float


@dataclass(frozen=True)
class Passivity:
    """Result of :func:`passivity`.

    Attributes:
        representation: ``"scattering"`` or ``"immittance"``.
        passive: Whether the system is stable and no frequency violates the condition.
        stable: Whether all poles have a negative real part.
        linear_passive: Whether a passive system may have the term ``s E``.
        bands: The bands of violation.
        worst: The worst value over all frequencies examined.
        worst_at: Its angular frequency.
        method: The eigenvalue test used.
        states: States of the realisation.
    """

    representation: Representation
    passive: bool
    stable: bool
    linear_passive: bool
    bands: tuple[Band, ...]
    worst: float
    worst_at: float
    method: str
    states: int

    @classmethod
    def _of(cls, spec: Mapping[str, Any]) -> Passivity:
        bands = tuple(
            Band(b["from"], _or_inf(b["to"]), _or_inf(b["at"]), b["worst"]) for b in spec["bands"]
        )
        return cls(**{**spec, "bands": bands, "worst_at": _or_inf(spec["worst_at"])})


@dataclass(frozen=True)
class Enforced:
    """Result of :func:`enforce_passivity`.

    Attributes:
        system: The system in pole-residue form, with the poles of the input.
        enforced: Whether it is passive by the eigenvalue test.
        method: ``none`` (was passive), ``perturbation``, ``scaling``, ``shift`` or ``failed``.
        iterations: Perturbations made.
        change_rms: Root mean square change of the response.
        change_relative: The same against the root mean square of the response.
        change_max: Largest change of an element.
        before: Passivity before.
        after: Passivity after.
    """

    system: dict[str, Any]
    enforced: bool
    method: str
    iterations: int
    change_rms: float
    change_relative: float
    change_max: float
    before: Passivity
    after: Passivity

    def evaluate(self, s: ArrayLike) -> Complex:
        """``H(s)`` at complex points of any shape; the result has shape ``s.shape + (outputs, inputs)``."""
        return _evaluate(self.system, np.asarray(s, dtype=np.complex128))


def passivity(
    system: ResponseFit | Enforced | Mapping[str, Any],
    representation: Representation,
    *,
    progress: Progress | None = None,
) -> Passivity:
    """Tests whether a system is passive, and locates every band of frequencies in which it is not.

    Imaginary eigenvalues of a Hamiltonian matrix (Boyd, Balakrishnan and Kabamba, Math. Control Signals Syst.
    2 (1989) 207), or of one of half the size for symmetric responses, divide the axis; each part is judged by the
    response inside it.

    Args:
        system: A fit, or a system in pole-residue form.
        representation: ``"scattering"`` (singular values at most 1) or ``"immittance"`` (Hermitian part
            positive semidefinite).
        progress: Called with ``(stage, done, total, message)``; ``False`` stops the work.

    >>> from nis_core import laplace
    >>> system = {"outputs": 1, "inputs": 1, "terms": [{"pole": [-1.0, 0.0], "residue": [[1.5, 0.0]]}]}
    >>> found = laplace.passivity(system, "scattering")
    >>> found.passive, round(found.bands[0].stop**2, 12)
    (False, 1.25)
    """
    text = _native.laplace_passivity(_system(system), str(representation), progress)
    return Passivity._of(json.loads(text))


def enforce_passivity(
    system: ResponseFit | Enforced | Mapping[str, Any],
    representation: Representation,
    *,
    omega: ArrayLike | None = None,
    max_iterations: int = 40,
    margin: float = 1e-6,
    fallback: bool = True,
    progress: Progress | None = None,
) -> Enforced:
    """Changes residues and ``D`` as little as possible until the system is passive.

    Quadratic programs with the linearised singular values (eigenvalues) at the worst frequencies (Gustavsen,
    IEEE Trans. Power Delivery 23 (2008) 2278). It always ends: what a bounded number of them leaves is removed by
    scaling (scattering) or by raising ``D`` (immittance), or reported as not enforced.

    Args:
        system: A fit, or a system in pole-residue form; stable, with simple poles.
        representation: ``"scattering"`` or ``"immittance"``.
        omega: Angular frequencies at which the change counts, shape ``(n,)``; by default a grid over the poles.
        max_iterations: Most perturbations.
        margin: Distance from the limit that is aimed at.
        fallback: Scale or shift where the perturbations do not succeed.
        progress: Called with ``(stage, done, total, message)``; ``False`` stops the work.

    >>> from nis_core import laplace
    >>> system = {"outputs": 1, "inputs": 1, "terms": [{"pole": [-1.0, 0.0], "residue": [[1.1, 0.0]]}]}
    >>> done = laplace.enforce_passivity(system, "scattering")
    >>> done.enforced, done.method
    (True, 'perturbation')
    """
    grid: list[float] = []
    if omega is not None:
        grid = _array("omega", omega, "iufb", np.float64).ravel().tolist()
    options = {"omega": grid, "max_iterations": max_iterations, "margin": margin, "fallback": fallback}
    spec = json.loads(
        _native.laplace_enforce_passivity(
            _system(system), str(representation), _dumps("options", options), progress
        )
    )
    return Enforced(
        system=spec["system"],
        **spec["report"],
        before=Passivity._of(spec["before"]),
        after=Passivity._of(spec["after"]),
    )


def _or_inf(value: float | None) -> float:
    return float("inf") if value is None else value


def _system(system: object) -> str:
    """Any form of a system as JSON text in pole-residue form."""
    value: Any = system.system if isinstance(system, (ResponseFit, Enforced)) else system
    if not isinstance(value, Mapping) and hasattr(value, "to_dict"):
        value = value.to_dict()
    if not isinstance(value, Mapping):
        raise invalid("system", type(system).__name__, "a fit, or a system in pole-residue form")
    return _dumps("system", value.get("pole_residue", value))


def _evaluate(system: Mapping[str, Any], s: Complex) -> Complex:
    shape = (system["outputs"], system["inputs"])
    at = s[..., np.newaxis, np.newaxis]
    out = np.zeros((*s.shape, *shape), dtype=np.complex128)
    out += _matrix(system.get("direct", []), shape) + at * _matrix(system.get("linear", []), shape)
    for term in system["terms"]:
        pole = complex(*term["pole"])
        power = term.get("power", 1)
        residue = complex_array(term["residue"]).reshape(shape)
        out += residue / (at - pole) ** power
        if pole.imag:
            out += residue.conj() / (at - pole.conjugate()) ** power
    return out


def _matrix(values: Sequence[float], shape: tuple[int, int]) -> Real:
    return np.array(values, dtype=np.float64).reshape(shape) if len(values) else np.zeros(shape)


def _points(f: ArrayLike, angular: bool) -> Complex:
    values = _array("f", f, "ciufb", None)
    if values.ndim != 1:
        raise invalid("f", f"an array of shape {values.shape}", "one of shape (n,)")
    if values.dtype.kind == "c":
        if angular:
            raise invalid("angular", True, "nothing where f holds complex points s")
        return cast(Complex, values.astype(np.complex128, copy=False))
    return cast(Complex, 1j * values.astype(np.float64) * (1.0 if angular else 2.0 * np.pi))


def _array(field: str, value: ArrayLike, kinds: str, dtype: Any) -> NDArray[Any]:
    try:
        values = np.asarray(value)
    except ValueError as e:
        raise invalid(field, type(value).__name__, f"an array ({e})") from None
    if values.dtype.kind not in kinds:
        raise invalid(field, f"values of type {values.dtype}", "numbers" if "c" in kinds else "real numbers")
    return values if dtype is None else values.astype(dtype, copy=False)


def _dumps(field: str, value: object) -> str:
    try:
        return json.dumps(value, default=_plain)
    except (TypeError, ValueError) as e:
        raise invalid(field, repr(value), f"what JSON can hold ({e})") from None


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is no JSON value")
