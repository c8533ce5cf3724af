"""What the functions of this package share: refusals, sampling intervals, complex numbers of JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from nis_core._errors import InvalidInput

SHOWN = 120
"""Longest text of a value in a message."""


def invalid(field: str, value: object, expected: str) -> InvalidInput:
    """The error for a value that does not fit, as the native code makes it."""
    shown = str(value)
    shown = shown if len(shown) <= SHOWN else shown[:SHOWN] + "..."
    details = {"kind": "invalid_input", "field": field, "value": shown, "expected": expected}
    return InvalidInput(f"{field}: got {shown}, expected {expected}", field=field, details=details)


def interval(dt: float | None, fs: float | None) -> float:
    """The sampling interval from either; 1 where neither is given."""
    if dt is not None and fs is not None:
        raise invalid("dt", dt, "nothing where fs is given")
    for name, given in (("fs", fs), ("dt", dt)):
        if given is not None and not (np.isfinite(given) and given > 0):
            raise invalid(name, given, "a positive, finite number")
    return float(dt) if dt is not None else 1.0 / float(fs) if fs is not None else 1.0


def complex_array(pairs: Iterable[Sequence[float]]) -> NDArray[np.complex128]:
    """Complex numbers from pairs ``[re, im]``, shape ``(n,)``; ``None`` stands for NaN."""
    flat = np.array([tuple(p) for p in pairs], dtype=np.float64).reshape(-1, 2)
    return flat.view(np.complex128)[:, 0]
