"""The inverse Laplace transform: ``invert`` and what it returns."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nis_core import _native
from nis_core.laplace._input import invalid
from nis_core.laplace._plots import axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Inversion", "invert"]

Transform = Callable[[NDArray[np.complex128]], ArrayLike]
"""Takes a complex array of shape ``(n,)`` and returns ``F`` there."""

Method = Literal["auto", "talbot", "euler", "de_hoog", "cme", "fourier", "weeks", "rational"]

_NAMES = np.array(_native.INVERSE_METHODS)


class Inversion:
    """Values of an inverse Laplace transform, each with an error estimate and the method that gave it.

    Attributes:
        t: The times, shape ``(n,)``.
        value: ``f(t)``; NaN where nothing is known.
        error: Estimate of the absolute error of each value; infinite where nothing is known.
        method: Names of the methods: ``talbot`` (contours), ``de_hoog``, ``euler``, ``cme``, ``fourier``,
            ``weeks``, ``rational`` (residues), ``exact`` (zero before a delay, or a pole-residue form).
        abscissa: The abscissa that was given or found.
        evaluations: Values of ``F`` that were asked for.
        delays: Delays that were split off.
    """

    __slots__ = ("_method", "abscissa", "delays", "error", "evaluations", "t", "value")

    def __init__(
        self,
        t: NDArray[np.float64],
        value: NDArray[np.float64],
        error: NDArray[np.float64],
        method: NDArray[np.str_] | NDArray[np.uint8],
        abscissa: float,
        evaluations: int,
        delays: NDArray[np.float64],
    ) -> None:
        self.t = t
        self.value = value
        self.error = error
        self._method = method
        self.abscissa = abscissa
        self.evaluations = evaluations
        self.delays = delays

    @property
    def method(self) -> NDArray[np.str_]:
        # Names cost as much as a short inversion, so they are made when asked for.
        if self._method.dtype.kind == "u":
            self._method = _NAMES[self._method]
        return cast("NDArray[np.str_]", self._method)

    def __len__(self) -> int:
        return len(self.t)

    def __repr__(self) -> str:
        worst = float(np.max(self.error)) if len(self.t) else 0.0
        used = ", ".join(str(m) for m in np.unique(self.method))
        return f"Inversion(n={len(self.t)}, largest error {worst:.1e}, methods: {used})"

    def _parts(self) -> tuple[Any, ...]:
        return self.t, self.value, self.error, self.method, self.abscissa, self.evaluations, self.delays

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Inversion):
            return NotImplemented
        pairs = zip(self._parts(), other._parts(), strict=True)
        return all(
            np.array_equal(a, b, equal_nan=True)
            if isinstance(a, np.ndarray) and a.dtype.kind == "f"
            else np.array_equal(a, b)
            for a, b in pairs
        )

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self._parts()

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draws ``f(t)`` with its error as a band; needs matplotlib.

        Args:
            ax: Axes to draw on; new ones by default.

        Returns:
            The axes.

        Raises:
            Unavailable: matplotlib is not installed.
        """
        ax = axes(ax)
        order = np.argsort(self.t)
        t, value, error = self.t[order], self.value[order], self.error[order]
        (line,) = ax.plot(t, value)
        known = np.isfinite(error)
        ax.fill_between(
            t[known], (value - error)[known], (value + error)[known], alpha=0.3, color=line.get_color(), lw=0
        )
        ax.set_xlabel("t")
        ax.set_ylabel("f(t)")
        return ax


def _real(name: str, values: ArrayLike) -> NDArray[np.float64]:
    try:
        array = np.asarray(values)
        if array.dtype.kind not in "fiub":
            raise TypeError
        array = np.atleast_1d(np.ascontiguousarray(array, dtype=np.float64))
    except (TypeError, ValueError):
        raise invalid(name, repr(values), "real numbers") from None
    if array.ndim != 1:
        raise invalid(name, f"shape {array.shape}", "(n,)")
    return array


def _complex(name: str, values: ArrayLike) -> NDArray[np.complex128]:
    try:
        array = np.ascontiguousarray(values, dtype=np.complex128)
    except (TypeError, ValueError):
        raise invalid(name, repr(values), "complex numbers") from None
    if array.ndim != 1:
        raise invalid(name, f"shape {array.shape}", "(n,)")
    return array


def invert(
    F: str | Transform | tuple[ArrayLike, ArrayLike] | dict[str, Any],
    t: ArrayLike,
    *,
    method: Method = "auto",
    abscissa: float | None = None,
    delay: float = 0.0,
    nodes: int | None = None,
    progress: Callable[[str, int, int, str], object] | None = None,
) -> Inversion:
    """Inverts the Laplace transform of a real function of time.

    By default each time is computed by residues where ``F`` is rational, else by contours around the
    singularities (Talbot's, in Weideman's optimal form and widened) and along a vertical line (de Hoog, Knight
    and Stokes, SIAM J. Sci. Stat. Comput. 3 (1982) 357; where ``f`` jumps by a series with a smooth cut-off,
    Tanner, J. Comput. Phys. 213 (2006) 30); the answer of least estimated error that an independent one confirms
    is returned.

    Args:
        F: One of

            * a formula in ``s``: delays ``exp(-a*s)`` are split off exactly;
            * a function that takes a complex array of shape ``(n,)`` and returns ``F`` there; called on this
              thread;
            * a pair ``(s, values)`` of samples, inverted through a rational fit;
            * a dict in the form of a pole-residue system (``outputs``, ``inputs``, ``terms``, ..), inverted
              exactly.
        t: Times above 0, shape ``(n,)``, in the unit of ``1/s``.
        method: A single method instead of the choice.
        abscissa: A real number right of all singularities; found by itself where not given.
        delay: A known delay ``a`` of a function or of samples, ``F(s) = exp(-a*s) G(s)``.
        nodes: Number of nodes of a single method.
        progress: Called with ``(stage, done, total, message)``; returning ``False`` stops the work. Not called
            where ``F`` is a function: raise in it to stop.

    Returns:
        The values with ``.error`` and ``.method`` for each.

    Raises:
        InvalidInput: A time is not positive and finite, an option does not fit, the function returns something
            else, or a formula calls what is not analytic.
        ParseError: The formula could not be read.
        NotFound: The formula holds a name other than ``s``.
        NumericalError: ``F`` is nowhere finite.

    >>> from nis_core.laplace import invert
    >>> found = invert("exp(-2*s)/(s^2 + 1)", [1.0, 3.0])
    >>> [round(float(v), 10) for v in found.value]
    [0.0, 0.8414709848]
    >>> found = invert(lambda s: 1 / s**0.5, [0.25])
    >>> round(float(found.value[0]), 10), bool(found.error[0] < 1e-11)
    (1.1283791671, True)
    """
    times = _real("t", t)
    settings = (
        str(method),
        None if abscissa is None else float(abscissa),
        float(delay),
        None if nodes is None else max(-1, min(int(nodes), 2**31)),
    )
    if isinstance(F, str):
        raw = _native.invert_text(F, times, settings, progress)
    elif callable(F):

        def function(s: NDArray[np.complex128]) -> NDArray[np.complex128]:
            values = np.asarray(F(s))
            if values.ndim == 0:
                values = np.broadcast_to(values, s.shape)
            return _complex("F", values)

        raw = _native.invert_callable(function, times, settings)
    elif isinstance(F, dict):
        raw = _native.invert_system(json.dumps(F), times)
    elif isinstance(F, tuple) and len(F) == 2:
        raw = _native.invert_values(_complex("s", F[0]), _complex("values", F[1]), times, settings, progress)
    else:
        raise invalid("F", type(F).__name__, "a formula, a function, a pair (s, values) or a dict")
    value, error, methods, found, evaluations, delays = raw
    return Inversion(times.copy(), value, error, methods, found, evaluations, delays)
