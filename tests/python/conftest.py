"""Fixtures of the Python tests."""

from __future__ import annotations

from pathlib import Path

import nis_core
import numpy as np
import pytest
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "examples" / "data"


@pytest.fixture(scope="session")
def t() -> NDArray[np.float64]:
    """200 times, 0.05 s apart."""
    return 0.05 * np.arange(200, dtype=np.float64)


@pytest.fixture(scope="session")
def y(t: NDArray[np.float64]) -> NDArray[np.float64]:
    """A damped oscillation with the poles -0.1 +- 2i."""
    return np.asarray(np.exp(-0.1 * t) * np.cos(2.0 * t), dtype=np.float64)


@pytest.fixture(scope="session")
def report(t: NDArray[np.float64], y: NDArray[np.float64]) -> nis_core.Report:
    """The report of that oscillation."""
    return nis_core.analyze({"t": t, "y": y}, source="oscillation")


@pytest.fixture(scope="session")
def sunspots() -> Path:
    return DATA / "sunspots.csv"


@pytest.fixture(scope="session")
def nis() -> nis_core.Nis:
    """A runtime that sees no environment."""
    return nis_core.Nis({})
