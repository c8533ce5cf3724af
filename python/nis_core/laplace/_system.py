"""Linear systems in pole-residue and state-space form."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nis_core._errors import InvalidInput
from nis_core._native import NativeSystem

Reals = NDArray[np.float64]
Complexes = NDArray[np.complex128]
Progress = Callable[[str, int, int, str], object]

_LOST = 1e-6
"""Error of a root, relative to the largest, above which coefficients are warned about."""


@dataclass(frozen=True, eq=False)
class FrequencyResponse:
    """``H`` over frequency.

    Attributes:
        omega: Angular frequencies, radians per time unit, shape ``(n,)``.
        response: ``H(j omega)``, complex; shape ``(n,)`` for one input and output, else
            ``(outputs, inputs, n)``. Infinite at a frequency that is a pole.
    """

    omega: Reals
    response: Complexes


@dataclass(frozen=True, eq=False)
class Bode:
    """Magnitude and phase over frequency; arrays as in :class:`FrequencyResponse`.

    Attributes:
        omega: Angular frequencies, radians per time unit.
        magnitude: ``|H|``.
        decibel: ``20 log10 |H|``.
        phase: Unwrapped phase, radians.
    """

    omega: Reals
    magnitude: Reals
    decibel: Reals
    phase: Reals

    @property
    def degrees(self) -> Reals:
        """Unwrapped phase, degrees."""
        return np.asarray(np.rad2deg(self.phase), dtype=np.float64)


@dataclass(frozen=True, eq=False)
class TimeResponse:
    """Outputs over time.

    Attributes:
        t: Times, shape ``(n,)``.
        y: Outputs: shape ``(n,)`` for one channel; for several, ``(outputs, inputs, n)`` of a step or impulse
            response and ``(outputs, n)`` of a simulation.
    """

    t: Reals
    y: Reals


@dataclass(frozen=True)
class PoleInfo:
    """One line of the damping table.

    Attributes:
        pole: The pole, in ``s`` (continuous) or ``z`` (discrete).
        natural_frequency: ``|s|``, radians per time unit.
        damping_ratio: ``-Re(s)/|s|``; ``None`` at ``s = 0``.
        time_constant: ``-1/Re(s)``; ``None`` on the imaginary axis.
    """

    pole: complex
    natural_frequency: float
    damping_ratio: float | None
    time_constant: float | None


@dataclass(frozen=True)
class GainMargin:
    """A phase crossover: the frequency ``omega`` and the factor ``margin`` to ``H = -1``."""

    omega: float
    margin: float
    decibel: float


@dataclass(frozen=True)
class PhaseMargin:
    """A gain crossover: the frequency ``omega``, the phase to ``H = -1`` (radians, degrees) and the delay."""

    omega: float
    margin: float
    degrees: float
    delay: float


@dataclass(frozen=True)
class Margins:
    """All crossovers of an open loop and the margins of its closed loop.

    Attributes:
        closed_loop_stable: Whether the loop with unit negative feedback is stable.
        gain: All phase crossovers.
        phase: All gain crossovers.
        gain_margin: Smallest factor above 1 to the edge of stability, or ``None``.
        gain_reduction: Largest factor below 1 to the edge, or ``None``.
        phase_margin: Smallest phase margin by magnitude, radians, or ``None``.
        delay_margin: Smallest delay margin, time units, or ``None``.
        modulus_margin: Least distance of ``H`` from -1, or ``None`` where the closed loop is unstable.
    """

    closed_loop_stable: bool
    gain: tuple[GainMargin, ...]
    phase: tuple[PhaseMargin, ...]
    gain_margin: float | None
    gain_reduction: float | None
    phase_margin: float | None
    delay_margin: float | None
    modulus_margin: float | None


@dataclass(frozen=True, eq=False)
class Reduction:
    """A reduced system and how far it can be from the original.

    Attributes:
        system: The reduced system, in state-space form.
        order: Its number of states.
        unstable: How many of them are the unstable part, kept as it is.
        hankel_singular_values: Of the stable part, largest first.
        error_bound: Bound on the H-infinity norm of the difference.
    """

    system: System
    order: int
    unstable: int
    hankel_singular_values: Reals
    error_bound: float


def _reals(name: str, values: ArrayLike) -> Reals:
    try:
        array = np.ascontiguousarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidInput(
            f"{name}: got {type(values).__name__}, expected real numbers ({error})", field=name
        ) from None
    return array


def _vector(name: str, values: ArrayLike) -> Reals:
    array = _reals(name, values)
    if array.ndim != 1:
        raise InvalidInput(
            f"{name}: got an array of shape {array.shape}, expected one dimension", field=name
        )
    return array


def _pairs(name: str, values: Iterable[complex]) -> list[list[float]]:
    try:
        return [[complex(v).real, complex(v).imag] for v in values]
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"{name}: {error}, expected complex numbers", field=name) from None


def _text(value: Any) -> str:
    # JSON has no NaN; the core would name a column of the text instead of the field.
    try:
        return json.dumps(value, allow_nan=False)
    except ValueError:
        raise InvalidInput(
            "system: got NaN or infinity, expected finite values", field="system"
        ) from None


class System:
    """A real linear time-invariant system, as poles and residues or as matrices.

    Make one by :meth:`from_poles`, :meth:`from_state_space`, :meth:`zpk`, :meth:`from_coefficients` or
    :meth:`from_dict`. Systems do not change; they pickle, copy and compare. ``G * H`` is ``H`` followed by ``G``
    (the product of their matrices), ``G + H`` the sum, ``G(s)`` the value at a point. Polynomials are never formed:
    responses of poles and residues are sums over poles, those of matrices go through the Schur form and matrix
    exponentials. No call holds the GIL.

    >>> from nis_core.laplace._system import System
    >>> plant = System.zpk([], [-1, -2], 2.0)
    >>> plant
    System(pole_residue, 1 output, 1 input, order 2)
    >>> plant.dc_gain()
    1.0
    >>> closed = plant.feedback()
    >>> bool(abs(closed.dc_gain() - 0.5) < 1e-15)
    True
    """

    __slots__ = ("_native",)

    def __init__(self, native: NativeSystem) -> None:
        if not isinstance(native, NativeSystem):
            raise InvalidInput(
                f"system: got {type(native).__name__}, expected one of System.from_poles, "
                "System.from_state_space, System.zpk, System.from_coefficients, System.from_dict",
                field="system",
            )
        self._native = native

    # -- making ---------------------------------------------------------------------------------------

    @classmethod
    def from_dict(cls, spec: Mapping[str, Any]) -> System:
        """The system of a dict with one key: ``pole_residue``, ``state_space``, ``zpk`` or ``coefficients``.

        Args:
            spec: As :meth:`to_dict` gives it; complex numbers are ``[re, im]``, matrices lists by rows.

        Raises:
            InvalidInput: A part does not fit; ``field`` names it.
        """
        return cls(NativeSystem(_text(dict(spec))))

    @classmethod
    def from_poles(
        cls, poles: Iterable[complex], residues: ArrayLike, direct: ArrayLike = 0.0
    ) -> System:
        """``sum_k R_k / (s - p_k)^m_k + D`` from all poles and residues, conjugates included.

        Args:
            poles: Poles in any order, 1/(time unit). A pole given ``m`` times has the powers 1 to ``m``.
            residues: Complex, shape ``(n,)``, or ``(n, outputs, inputs)`` for several channels.
            direct: ``D``, a number or shape ``(outputs, inputs)``.

        Raises:
            InvalidInput: A complex pole comes without its conjugate, or shapes do not fit.

        >>> System.from_poles([-1 + 2j, -1 - 2j], [-0.5j, 0.5j]).dc_gain()
        0.4
        """
        p = [complex(v) for v in poles]
        r = np.asarray(residues, dtype=np.complex128)
        if r.ndim == 1:
            r = r[:, np.newaxis, np.newaxis]
        if r.ndim != 3 or r.shape[0] != len(p) or 0 in r.shape[1:]:
            raise InvalidInput(
                f"residues: got shape {np.shape(residues)}, expected ({len(p)},) or "
                f"({len(p)}, outputs, inputs)",
                field="residues",
            )
        d = _reals("direct", direct)
        try:
            d = np.broadcast_to(d, r.shape[1:]) if d.ndim in (0, 2) else d.reshape(r.shape[1:])
        except ValueError:
            raise InvalidInput(
                f"direct: got shape {d.shape}, expected {r.shape[1:]}", field="direct"
            ) from None
        lower = [i for i, v in enumerate(p) if v.imag < 0]
        terms: list[dict[str, Any]] = []
        powers: dict[complex, int] = {}
        for i, pole in enumerate(p):
            if pole.imag < 0:
                continue
            if pole.imag > 0:
                near = 1e-9
                size = max(float(np.abs(r[i]).max()), 0.0)
                twin = next(
                    (
                        j
                        for j in lower
                        if abs(p[j] - pole.conjugate()) <= near * abs(pole)
                        and float(np.abs(r[j] - r[i].conj()).max()) <= near * size
                    ),
                    None,
                )
                if twin is None:
                    raise InvalidInput(
                        f"poles[{i}]: got {pole}, expected its conjugate, with the conjugate residue, "
                        "among the poles",
                        field=f"poles[{i}]",
                    )
                lower.remove(twin)
            powers[pole] = powers.get(pole, 0) + 1
            terms.append(
                {
                    "pole": [pole.real, pole.imag],
                    "power": powers[pole],
                    "residue": _pairs("residues", r[i].ravel().tolist()),
                }
            )
        if lower:
            raise InvalidInput(
                f"poles[{lower[0]}]: got {p[lower[0]]}, expected its conjugate, with the conjugate "
                "residue, among the poles",
                field=f"poles[{lower[0]}]",
            )
        body = {
            "outputs": r.shape[1],
            "inputs": r.shape[2],
            "terms": terms,
            "direct": d.ravel().tolist(),
        }
        return cls.from_dict({"pole_residue": body})

    @classmethod
    def from_state_space(
        cls,
        A: ArrayLike,
        B: ArrayLike,
        C: ArrayLike,
        D: ArrayLike | None = None,
        dt: float | None = None,
    ) -> System:
        """``x' = A x + B u, y = C x + D u``, or the recursion with sampling interval ``dt``.

        Args:
            A: Shape ``(n, n)``.
            B: Shape ``(n, inputs)``, or ``(n,)`` for one input.
            C: Shape ``(outputs, n)``, or ``(n,)`` for one output.
            D: Shape ``(outputs, inputs)``, a number, or ``None`` for zero.
            dt: Sampling interval of a discrete system.

        Raises:
            InvalidInput: Shapes do not fit or a value is not finite.

        >>> System.from_state_space([[-2.0]], [[1.0]], [[4.0]]).dc_gain()
        2.0
        """
        a = np.atleast_2d(_reals("A", A))
        n = 0 if a.size == 0 else a.shape[0]
        if n and a.shape != (n, n):
            raise InvalidInput(f"A: got shape {a.shape}, expected a square matrix", field="A")
        b, c = _reals("B", B), _reals("C", C)
        b = b[:, np.newaxis] if b.ndim == 1 else np.atleast_2d(b)
        c = np.atleast_2d(c)
        if b.ndim != 2 or b.shape[0] != n:
            raise InvalidInput(f"B: got shape {b.shape}, expected ({n}, inputs)", field="B")
        if c.ndim != 2 or c.shape[1] != n:
            raise InvalidInput(f"C: got shape {c.shape}, expected (outputs, {n})", field="C")
        shape = (c.shape[0], b.shape[1])
        d = np.zeros(shape) if D is None else _reals("D", D)
        if d.ndim == 0 or d.size == 1:
            d = np.full((1, 1), d.item()) if shape == (1, 1) or d.item() != 0 else np.zeros(shape)
        if d.shape != shape:
            raise InvalidInput(f"D: got shape {d.shape}, expected {shape}", field="D")
        body = {
            "states": n,
            "inputs": shape[1],
            "outputs": shape[0],
            "a": a.ravel().tolist() if n else [],
            "b": b.ravel().tolist(),
            "c": c.ravel().tolist(),
            "d": d.ravel().tolist(),
            "dt": dt,
        }
        return cls.from_dict({"state_space": body})

    @classmethod
    def zpk(
        cls,
        zeros: Iterable[complex],
        poles: Iterable[complex],
        gain: float,
        dt: float | None = None,
    ) -> System:
        """``gain * prod(s - z) / prod(s - p)``; in ``z`` with ``dt``.

        Becomes poles and residues where that is well conditioned, a cascade of second-order sections in
        state-space form where poles lie close together.

        Raises:
            InvalidInput: A complex root comes without its conjugate, or there are too many zeros.
        """
        body = {
            "zeros": _pairs("zeros", zeros),
            "poles": _pairs("poles", poles),
            "gain": gain,
            "dt": dt,
        }
        return cls.from_dict({"zpk": body})

    @classmethod
    def from_coefficients(
        cls, numerator: ArrayLike, denominator: ArrayLike, dt: float | None = None
    ) -> System:
        """From polynomial coefficients, highest power first: a convenience for low orders.

        The roots come from the companion matrix. Rounding of the coefficients alone moves an ``m``-fold root by
        the ``m``-th root of rounding; where the estimate of that is above 1e-6 of the root's size a
        ``UserWarning`` tells it.

        Raises:
            InvalidInput: The denominator is zero or a value is not finite.

        >>> bool(abs(System.from_coefficients([1.0], [1.0, 3.0, 2.0]).dc_gain() - 0.5) < 1e-14)
        True
        """
        num, den = _vector("numerator", numerator), _vector("denominator", denominator)
        native, zeros, poles = NativeSystem.from_coefficients(num.tolist(), den.tolist(), dt)
        system = cls(native)
        size = max(1e-300, float(np.abs(system.poles()).max(initial=0.0)))
        worst = max(zeros, poles) / size
        if worst > _LOST:
            warnings.warn(
                f"rounding of the coefficients leaves roots uncertain by {worst:.1e} of the largest pole; "
                "give zeros and poles, or matrices, instead",
                stacklevel=2,
            )
        return system

    def to_dict(self) -> dict[str, Any]:
        """The system as plain lists and numbers; :meth:`from_dict` reads it, as do C and Rust."""
        spec: dict[str, Any] = json.loads(self._native.to_json())
        return spec

    def __reduce__(self) -> tuple[Any, ...]:
        return (_from_json, (self._native.to_json(),))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, System):
            return NotImplemented
        return self._native.to_json() == other._native.to_json()

    def __hash__(self) -> int:
        return hash(self._native.to_json())

    def __repr__(self) -> str:
        def count(n: int, what: str) -> str:
            return f"{n} {what}" if n == 1 else f"{n} {what}s"

        parts = [
            self.form,
            count(self.outputs, "output"),
            count(self.inputs, "input"),
            f"order {len(self.poles())}",
        ]
        if self.dt is not None:
            parts.append(f"dt = {self.dt!r}")
        return f"System({', '.join(parts)})"

    # -- what it is -----------------------------------------------------------------------------------

    @property
    def outputs(self) -> int:
        """Number of outputs."""
        return self._native.outputs

    @property
    def inputs(self) -> int:
        """Number of inputs."""
        return self._native.inputs

    @property
    def dt(self) -> float | None:
        """Sampling interval; ``None`` for a continuous system."""
        return self._native.dt

    @property
    def form(self) -> str:
        """``pole_residue`` or ``state_space``."""
        return self._native.form

    def _matrix(self, flat: NDArray[Any]) -> NDArray[Any]:
        return flat.reshape(self.outputs, self.inputs)

    def _channels(self, flat: NDArray[Any]) -> NDArray[Any]:
        if self.outputs * self.inputs == 1:
            return flat
        return flat.reshape(self.outputs, self.inputs, -1)

    def __call__(self, s: complex) -> Any:
        """``H(s)``: a complex number, or shape ``(outputs, inputs)``."""
        point = complex(s)
        value = self._native.evaluate(point.real, point.imag)
        return complex(value[0]) if value.size == 1 else self._matrix(value)

    def poles(self) -> Complexes:
        """The poles, conjugates included, 1/(time unit)."""
        return self._native.poles()

    def zeros(self, *, progress: Progress | None = None) -> Complexes:
        """The invariant zeros, by a generalised eigenproblem from which zeros at infinity are deflated
        (Emami-Naeini and Van Dooren 1982).

        Args:
            progress: Called with ``(stage, done, total, message)``; ``False`` stops the work.
        """
        return self._native.zeros(progress)

    def dc_gain(self) -> Any:
        """``H(0)``: a number, or shape ``(outputs, inputs)``; infinite with an integrator."""
        value = self._native.dc_gain()
        return float(value[0]) if value.size == 1 else self._matrix(value)

    def is_stable(self) -> bool:
        """Whether all poles lie left of the imaginary axis (inside the unit circle)."""
        return self._native.is_stable()

    def damping(self) -> list[PoleInfo]:
        """Natural frequency, damping ratio and time constant of each pole."""
        return [
            PoleInfo(
                complex(*row["pole"]),
                row["natural_frequency"],
                row["damping_ratio"],
                row["time_constant"],
            )
            for row in json.loads(self._native.damping())
        ]

    # -- responses ------------------------------------------------------------------------------------

    def _omega(self, omega: ArrayLike | None) -> Reals:
        return self._native.default_frequencies() if omega is None else _vector("omega", omega)

    def _times(self, t: ArrayLike | None) -> Reals:
        return self._native.default_times() if t is None else _vector("t", t)

    def default_frequencies(self) -> Reals:
        """Frequencies for plots: a decade around all poles and zeros, denser at lightly damped ones."""
        return self._native.default_frequencies()

    def default_times(self) -> Reals:
        """Times for plots: until the modes that matter have settled."""
        return self._native.default_times()

    def frequency_response(
        self, omega: ArrayLike | None = None, *, progress: Progress | None = None
    ) -> FrequencyResponse:
        """``H(j omega)`` (``H(e^{j omega dt})``) at angular frequencies, by default a grid from the poles.

        The first call for matrices brings them to Schur form; the system keeps it for the next ones.

        Args:
            omega: Angular frequencies, radians per time unit, shape ``(n,)``.
            progress: Called with ``(stage, done, total, message)``; ``False`` stops the work.

        Raises:
            InvalidInput: A frequency is not finite.
            Cancelled: ``progress`` said so.
        """
        w = self._omega(omega)
        return FrequencyResponse(w, self._channels(self._native.frequency_response(w, progress)))

    nyquist = frequency_response

    def bode(self, omega: ArrayLike | None = None, *, progress: Progress | None = None) -> Bode:
        """Magnitude, decibels and unwrapped phase, as :meth:`frequency_response`.

        >>> bode = System.zpk([], [-1], 1.0).bode([1.0])
        >>> bool(abs(bode.degrees[0] + 45.0) < 1e-12)
        True
        """
        w = self._omega(omega)
        magnitude, decibel, phase = self._native.bode(w, progress)
        return Bode(
            w, self._channels(magnitude), self._channels(decibel), self._channels(phase)
        )

    def step(self, t: ArrayLike | None = None, *, progress: Progress | None = None) -> TimeResponse:
        """Exact response to a unit step in each input, at increasing times from 0 (default: from the poles).

        Args:
            t: Times, shape ``(n,)``; even ones cost least.
            progress: Called with ``(stage, done, total, message)``; ``False`` stops the work.

        Raises:
            Cancelled: ``progress`` said so.
            InvalidInput: The times do not fit; ``field`` names the first.
            NumericalError: An unstable response overflows.

        >>> y = System.zpk([], [-1], 1.0).step([0.0, 1.0]).y
        >>> bool(abs(y[1] - (1 - np.exp(-1))) < 1e-15)
        True
        """
        times = self._times(t)
        return TimeResponse(times, self._channels(self._native.step(times, progress)))

    def impulse(self, t: ArrayLike | None = None, *, progress: Progress | None = None) -> TimeResponse:
        """Exact impulse response, without the Dirac impulse of a direct term; as :meth:`step`."""
        times = self._times(t)
        return TimeResponse(times, self._channels(self._native.impulse(times, progress)))

    def simulate(
        self,
        t: ArrayLike,
        u: ArrayLike,
        x0: ArrayLike | None = None,
        hold: Literal["first", "zero"] = "first",
        *,
        progress: Progress | None = None,
    ) -> TimeResponse:
        """Response to an input, exact where it is linear (``first``) or constant (``zero``) between its samples.

        Args:
            t: Increasing times, shape ``(n,)``, even or not.
            u: Shape ``(n,)``, or ``(inputs, n)``.
            x0: State at ``t[0]`` of :meth:`to_state_space`; at rest where ``None``.
            hold: What the input does between samples.
            progress: Called with ``(stage, done, total, message)``; ``False`` stops the work.
        """
        times = _vector("t", t)
        drive = _reals("u", u)
        if drive.shape not in ((self.inputs, times.size), (times.size,)) or (
            drive.ndim == 1 and self.inputs != 1
        ):
            raise InvalidInput(
                f"u: got shape {drive.shape}, expected ({self.inputs}, {times.size})", field="u"
            )
        start = [] if x0 is None else _vector("x0", x0).tolist()
        y = self._native.simulate(times, drive.ravel(), start, hold, progress)
        return TimeResponse(times, y if self.outputs == 1 else y.reshape(self.outputs, -1))

    def initial(
        self, x0: ArrayLike, t: ArrayLike | None = None, *, progress: Progress | None = None
    ) -> TimeResponse:
        """Free response from the state ``x0`` of :meth:`to_state_space`; ``progress`` as for :meth:`step`."""
        times = self._times(t)
        y = self._native.initial(_vector("x0", x0).tolist(), times, progress)
        return TimeResponse(times, y if self.outputs == 1 else y.reshape(self.outputs, -1))

    # -- design ---------------------------------------------------------------------------------------

    def margins(self) -> Margins:
        """Gain, phase, delay and modulus margins under unit negative feedback; one input and output.

        All crossovers come from eigenproblems and are refined to working precision; no grid is involved.

        >>> m = System.zpk([], [0, -1, -2], 4.0).margins()
        >>> bool(abs(m.gain_margin - 1.5) < 1e-12)
        True
        """
        found = json.loads(self._native.margins())
        gain = tuple(GainMargin(**g) for g in found.pop("gain"))
        phase = tuple(PhaseMargin(**p) for p in found.pop("phase"))
        return Margins(gain=gain, phase=phase, **found)

    def h_infinity_norm(self) -> tuple[float, float]:
        """The largest gain over all frequencies and where it is reached (Bruinsma and Steinbuch 1990)."""
        return self._native.h_infinity_norm()

    def h2_norm(self) -> float:
        """Root of the summed squares of the impulse responses."""
        return self._native.h2_norm()

    def reduce(
        self,
        order: int | None = None,
        *,
        tolerance: float = 1e-6,
        match_dc: bool = False,
        progress: Progress | None = None,
    ) -> Reduction:
        """Balanced truncation by the square-root method, the unstable part kept.

        Args:
            order: States of the result; by ``tolerance`` where ``None``.
            tolerance: Largest error bound, against the largest Hankel singular value.
            match_dc: Keep the gain at zero frequency instead of that at infinity.
            progress: Called with ``(stage, done, total, message)``; ``False`` stops the work.

        Raises:
            InvalidInput: The order does not fit.
            Cancelled: ``progress`` said so.
        """
        options = {"tolerance": tolerance, "match_dc": match_dc}
        if order is not None:
            options["order"] = order
        native, got, unstable, hankel, bound = self._native.reduce(_text(options), progress)
        return Reduction(System(native), got, unstable, hankel, bound)

    def discretize(
        self,
        dt: float,
        method: Literal["zoh", "foh", "tustin", "matched"] = "zoh",
        *,
        prewarp: float | None = None,
    ) -> System:
        """The discrete system with sampling interval ``dt``.

        Args:
            dt: Sampling interval.
            method: ``zoh`` and ``foh`` are exact for inputs constant or linear between samples; ``tustin`` keeps
                the response at the angular frequency ``prewarp`` (default 0); ``matched`` maps poles and zeros.
            prewarp: For ``tustin`` only.
        """
        options = {"method": method, "prewarp": prewarp}
        if not math.isfinite(dt):
            raise InvalidInput(f"dt: got {dt}, expected a positive sampling interval", field="dt")
        return System(self._native.discretize(dt, _text(options)))

    def to_state_space(self) -> System:
        """The state-space form, with real blocks for pairs of poles where it is made from residues."""
        return System(self._native.to_state_space())

    def to_pole_residue(self, tolerance: float = 1e-9) -> System:
        """The pole-residue form; eigenvalues too close to separate become repeated poles.

        Raises:
            NumericalError: No grouping agrees with the matrices within ``tolerance``; the message tells how
                close the best one comes.
        """
        return System(self._native.to_pole_residue(tolerance)[0])

    def split_stable(self) -> tuple[System, System]:
        """The stable part and the rest; they add up to the system."""
        stable, rest = self._native.split_stable()
        return System(stable), System(rest)

    # -- interconnection ------------------------------------------------------------------------------

    def _constant(self, value: float) -> System:
        if self.outputs != self.inputs:
            raise InvalidInput(
                f"other: got a number with {self.outputs} outputs and {self.inputs} inputs, expected a "
                "System",
                field="other",
            )
        eye = np.eye(self.outputs) * value
        empty = np.zeros((0, 0))
        return System.from_state_space(
            empty, np.zeros((0, self.inputs)), np.zeros((self.outputs, 0)), eye, self.dt
        )

    def series(self, next: System) -> System:
        """This system followed by ``next``."""
        return System(self._native.connect(next._native, "series"))

    def parallel(self, other: System) -> System:
        """The sum of two systems on the same inputs."""
        return System(self._native.connect(other._native, "parallel"))

    def append(self, other: System) -> System:
        """Both systems side by side."""
        return System(self._native.connect(other._native, "append"))

    def feedback(self, back: System | float = 1.0, sign: Literal[-1, 1] = -1) -> System:
        """The closed loop ``H/(1 + H K)`` with ``back`` as ``K`` (``H/(1 - H K)`` for ``sign`` 1)."""
        if sign not in (-1, 1):
            raise InvalidInput(f"sign: got {sign}, expected -1 or 1", field="sign")
        other = back if isinstance(back, System) else self._constant(float(back))
        how = "feedback" if sign == -1 else "positive_feedback"
        return System(self._native.connect(other._native, how))

    def __mul__(self, other: object) -> System:
        if isinstance(other, System):
            return other.series(self)
        if isinstance(other, (int, float, np.integer, np.floating)):
            return System(self._native.scaled(float(other)))
        return NotImplemented

    def __rmul__(self, other: object) -> System:
        if isinstance(other, (int, float, np.integer, np.floating)):
            return System(self._native.scaled(float(other)))
        return NotImplemented

    def __truediv__(self, other: object) -> System:
        if isinstance(other, (int, float, np.integer, np.floating)):
            return System(self._native.scaled(1.0 / float(other)))
        return NotImplemented

    def __neg__(self) -> System:
        return System(self._native.scaled(-1.0))

    def __add__(self, other: object) -> System:
        if isinstance(other, System):
            return self.parallel(other)
        if isinstance(other, (int, float, np.integer, np.floating)):
            return self.parallel(self._constant(float(other)))
        return NotImplemented

    __radd__ = __add__

    def __sub__(self, other: object) -> System:
        if isinstance(other, System):
            return self.parallel(-other)
        if isinstance(other, (int, float, np.integer, np.floating)):
            return self + (-float(other))
        return NotImplemented

    def __rsub__(self, other: object) -> System:
        return (-self) + other

    # -- plots ----------------------------------------------------------------------------------------

    def plot_bode(self, omega: ArrayLike | None = None, *, ax: Any = None) -> Any:
        """Draws magnitude and phase; ``ax`` is a pair of matplotlib axes. Returns the pair."""
        from nis_core.laplace import _system_plots

        return _system_plots.bode(self, omega, ax)

    def plot_nyquist(self, omega: ArrayLike | None = None, *, ax: Any = None) -> Any:
        """Draws ``H(j omega)`` in the complex plane with the point -1. Returns the axes."""
        from nis_core.laplace import _system_plots

        return _system_plots.nyquist(self, omega, ax)

    def plot_pole_map(self, *, ax: Any = None) -> Any:
        """Draws poles (crosses) and zeros (circles). Returns the axes."""
        from nis_core.laplace import _system_plots

        return _system_plots.pole_map(self, ax)

    def plot_step(self, t: ArrayLike | None = None, *, ax: Any = None) -> Any:
        """Draws the step response. Returns the axes."""
        from nis_core.laplace import _system_plots

        return _system_plots.time(self, self.step(t), "step response", ax)

    def plot_impulse(self, t: ArrayLike | None = None, *, ax: Any = None) -> Any:
        """Draws the impulse response. Returns the axes."""
        from nis_core.laplace import _system_plots

        return _system_plots.time(self, self.impulse(t), "impulse response", ax)


def _from_json(text: str) -> System:
    return System(NativeSystem(text))
