"""What came of a fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Progressed:
    """One entry of the course of a fit."""

    grid: int
    """Grid cells."""
    iteration: int
    """Iteration or epoch."""
    train: float
    """Loss on the training rows, penalties left out."""
    holdout: float | None
    """Loss on the held-out rows."""


@dataclass(frozen=True, slots=True)
class FitReport:
    """What came of a fit. Errors are in standard deviations of the outputs, or mean cross-entropies.

    Compares by value and pickles.
    """

    method: str
    """The method that ran."""
    iterations: int
    """Iterations in all."""
    stop: str
    """Why it stopped."""
    grid: int
    """Grid cells of the network kept."""
    smoothness: float
    """Weight of the smoothness penalty."""
    train_error: float
    """Root mean square residual of the training rows, or their mean cross-entropy."""
    holdout_error: float | None
    """The same for the held-out rows; ``None`` without any."""
    holdout_rows: tuple[int, ...]
    """Which rows were held out."""
    history: tuple[Progressed, ...]
    """The course of the fit."""

    @classmethod
    def _of(cls, data: Mapping[str, Any]) -> FitReport:
        known = {name: data[name] for name in cls.__slots__}
        known["holdout_rows"] = tuple(data["holdout_rows"])
        known["history"] = tuple(
            Progressed(**{name: entry[name] for name in Progressed.__slots__})
            for entry in data["history"]
        )
        return cls(**known)

    def __str__(self) -> str:
        held_out = "" if self.holdout_error is None else f", held out {self.holdout_error:.3g}"
        return (
            f"{self.method}: {self.iterations} iterations, grid {self.grid}, "
            f"error {self.train_error:.3g}{held_out} ({self.stop})"
        )


@dataclass(frozen=True, slots=True)
class Constant:
    """A free constant of a formula."""

    name: str
    """What it is."""
    value: float
    """Its value."""
    std_error: float | None
    """Standard error of the last Gauss-Newton matrix; ``None`` where the rows do not determine it."""


@dataclass(frozen=True, slots=True)
class Formula:
    """The formula of one output, or why there is none. ``str`` gives the formula; compares by value and pickles."""

    target: str
    """The output."""
    found: bool
    """Whether a formula was accepted."""
    reason: str
    """Why, with the figures."""
    formula: str | None
    """``target = formula``, simplified, with the digits that matter."""
    latex: str | None
    """The same for LaTeX."""
    constants: tuple[Constant, ...]
    """Its free constants."""
    train_error: float | None
    """Root mean square error on the rows not held out, in the unit of the target."""
    holdout_error: float | None
    """The same on the held-out rows."""
    holdout_r2: float | None
    """R2 on the held-out rows."""
    network_error: float
    """Root mean square error of the network on the held-out rows."""

    @classmethod
    def _of(cls, data: Mapping[str, Any]) -> Formula:
        known = {name: data[name] for name in cls.__slots__}
        known["constants"] = tuple(
            Constant(**{name: entry[name] for name in Constant.__slots__})
            for entry in data["constants"]
        )
        return cls(**known)

    def __str__(self) -> str:
        return f"{self.target} = {self.formula}" if self.found else f"no formula: {self.reason}"


@dataclass(frozen=True, slots=True)
class PruneReport:
    """What pruning did, and its price in standard deviations of the outputs."""

    edges: tuple[tuple[int, ...], ...]
    """Edges removed: layer, input and sum in the network before."""
    nodes: tuple[tuple[int, ...], ...]
    """Hidden nodes removed: layer and node in the network before."""
    unused_inputs: tuple[int, ...]
    """Inputs that no edge leaves any more."""
    before: float
    """Root mean square residual before."""
    after: float
    """The same after the removal."""
    refitted: float | None
    """The same after the refit; ``None`` without one."""

    @classmethod
    def _of(cls, data: Mapping[str, Any]) -> PruneReport:
        known = {name: data[name] for name in cls.__slots__}
        for name in ("edges", "nodes"):
            known[name] = tuple(tuple(place) for place in data[name])
        known["unused_inputs"] = tuple(data["unused_inputs"])
        return cls(**known)
