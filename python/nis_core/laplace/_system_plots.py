"""Plots of systems, by matplotlib."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nis_core.laplace._plots import pyplot

if TYPE_CHECKING:
    from nis_core.laplace._system import System, TimeResponse


def _channels(system: System, values: NDArray[Any]) -> list[tuple[str | None, NDArray[Any]]]:
    if values.ndim == 1:
        return [(None, values)]
    return [
        (f"output {o}, input {i}", values[o, i])
        for o in range(system.outputs)
        for i in range(system.inputs)
    ]


def _finish(ax: Any, labelled: bool) -> None:
    ax.grid(True, which="major", alpha=0.3)
    if labelled:
        ax.legend(fontsize="small")


def bode(system: System, omega: ArrayLike | None, ax: Any) -> Any:
    if ax is None:
        _, ax = pyplot().subplots(2, 1, sharex=True, constrained_layout=True)
    top, bottom = ax
    found = system.bode(omega)
    labelled = found.decibel.ndim > 1
    for (label, decibel), (_, phase) in zip(
        _channels(system, found.decibel), _channels(system, found.degrees), strict=True
    ):
        top.semilogx(found.omega, decibel, label=label)
        bottom.semilogx(found.omega, phase, label=label)
    top.set_ylabel("magnitude, dB")
    bottom.set_ylabel("phase, degrees")
    bottom.set_xlabel("angular frequency, rad per time unit")
    # Ticks at multiples of 45 degrees, as many as fit.
    ticker = importlib.import_module("matplotlib.ticker")
    bottom.yaxis.set_major_locator(ticker.MaxNLocator(nbins=6, steps=[1, 1.5, 3, 4.5, 9, 10]))
    _finish(top, labelled)
    _finish(bottom, False)
    return ax


def nyquist(system: System, omega: ArrayLike | None, ax: Any) -> Any:
    if ax is None:
        _, ax = pyplot().subplots(constrained_layout=True)
    found = system.frequency_response(omega)
    reach = 2.0
    for label, h in _channels(system, found.response):
        finite = h[np.isfinite(h)]
        (line,) = ax.plot(finite.real, finite.imag, label=label)
        ax.plot(finite.real, -finite.imag, color=line.get_color(), linestyle=":")
        if finite.size:
            # An integrator runs off to infinity: show what lies near -1.
            near = np.abs(finite)
            reach = max(reach, min(float(near.max()), 10.0) * 1.1)
    ax.plot([-1.0], [0.0], marker="+", color="black", markersize=10, linestyle="none")
    ax.set_xlim(-reach, reach)
    ax.set_ylim(-reach, reach)
    ax.set_aspect("equal")
    ax.axhline(0.0, color="black", linewidth=0.5)
    ax.axvline(0.0, color="black", linewidth=0.5)
    ax.set_xlabel("Re H")
    ax.set_ylabel("Im H")
    _finish(ax, found.response.ndim > 1)
    return ax


def pole_map(system: System, ax: Any) -> Any:
    if ax is None:
        _, ax = pyplot().subplots(constrained_layout=True)
    poles, zeros = system.poles(), system.zeros()
    ax.plot(poles.real, poles.imag, "x", label="poles")
    if zeros.size:
        ax.plot(zeros.real, zeros.imag, "o", fillstyle="none", label="zeros")
    if system.dt is not None:
        angle = np.linspace(0.0, 2.0 * np.pi, 361)
        ax.plot(np.cos(angle), np.sin(angle), color="black", linewidth=0.5)
        ax.set_aspect("equal")
    ax.axhline(0.0, color="black", linewidth=0.5)
    ax.axvline(0.0, color="black", linewidth=0.5)
    ax.margins(0.1)
    ax.set_xlabel("Re, 1/time unit" if system.dt is None else "Re")
    ax.set_ylabel("Im, rad per time unit" if system.dt is None else "Im")
    _finish(ax, True)
    return ax


def time(system: System, found: TimeResponse, what: str, ax: Any) -> Any:
    if ax is None:
        _, ax = pyplot().subplots(constrained_layout=True)
    style = {} if system.dt is None else {"drawstyle": "steps-post"}
    for label, y in _channels(system, found.y):
        ax.plot(found.t, y, label=label, **style)
    ax.set_xlabel("time")
    ax.set_ylabel(what)
    _finish(ax, found.y.ndim > 1)
    return ax
