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
