"""`analyze`: arguments to columns, columns to the core."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeGuard, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nis_core import _native
from nis_core._errors import InvalidInput
from nis_core._report import Report

Progress = Callable[[str, int, int, str], object]
"""Called with stage, done, total (0 where not known) and a message; ``False`` stops the work."""


def analyze(
    data: str | os.PathLike[str] | Mapping[str, Any] | ArrayLike,
    *,
    dt: float | None = None,
    fs: float | None = None,
    names: Sequence[str] | None = None,
    time: str | None = None,
    law: bool = False,
    target: str | None = None,
    equation: str | None = None,
    options: Mapping[str, Any] | None = None,
    source: str | None = None,
    progress: Progress | None = None,
) -> Report:
    """Runs the scientific path on a data set: modes, law, equation, verdicts.

    Args:
        data: One of

            * the path of a CSV file with a header;
            * columns by name: a dict or a pandas DataFrame; arrays of shape ``(n,)``, real numbers (NaN is a
              missing value), or text, of which the first column labels the rows;
            * an array of shape ``(n,)``, a signal, or ``(n, m)``, ``m`` signals in its columns.
        dt: Sampling interval of an array, in the unit that the results shall have (seconds, years, ..);
            default 1.
        fs: Sampling rate of an array, instead of ``dt``.
        names: Names of an array's columns; default ``y``, or ``y0``, ``y1``, ..
        time: Name of the time column; by default the first monotonic column.
        law: Take the rows as unordered and learn ``target`` from the other columns.
        target: The column to explain in a law; by default the last.
        equation: Equations to fit, for example ``"y'' = -w2*y - g*y'"``; several stand apart by ``;``.
        options: More options as nested dicts, for example ``{"modes": {"order": 3}, "fit": {"seed": 7}}``.
        source: What the report calls the data.
        progress: Called on the calling thread with ``(stage, done, total, message)``; returning ``False``
            stops the work, which then raises :class:`Cancelled`; what it raises is raised here.

    Returns:
        The report; deterministic for given data, options and seed, but for its timings.

    Raises:
        InvalidInput: A value does not fit; ``field`` names it. Also a ``ValueError``.
        ParseError: The file or the equation cannot be read.
        IoError: The file cannot be opened. Also an ``OSError``.
        Cancelled: ``progress`` said so.
        KeyboardInterrupt: Ctrl-C; the native work stops.

    >>> import numpy as np
    >>> import nis_core
    >>> t = 0.05 * np.arange(400)
    >>> report = nis_core.analyze(np.exp(-0.1 * t) * np.cos(2.0 * t), dt=0.05)
    >>> pole = report.modes[0].modes.modes[0].pole
    >>> bool(abs(pole[0] + 0.1) < 1e-6 and abs(pole[1] - 2.0) < 1e-6)
    True
    """
    wanted = dict(options or {})
    for key, value in (
        ("time", time),
        ("law", law or None),
        ("target", target),
        ("equation", equation),
    ):
        if value is not None:
            if key in wanted and wanted[key] != value:
                raise _invalid(key, value, f"no other value than options has, {wanted[key]!r}")
            wanted[key] = value
    try:
        spec = json.dumps(wanted, default=_plain)
    except (TypeError, ValueError) as e:
        raise _invalid("options", repr(options), f"what JSON can hold ({e})") from None

    if isinstance(data, (str, os.PathLike)):
        for name, given in (("dt", dt), ("fs", fs), ("names", names)):
            if given is not None:
                raise _invalid(name, given, "nothing where data is a file")
        return Report._of(_native.analyze_path(data, source, spec, progress))

    if _has_columns(data):
        for name, given in (("dt", dt), ("fs", fs), ("names", names)):
            if given is not None:
                raise _invalid(name, given, "nothing where data has named columns")
        numeric, text = _split(data)
    else:
        numeric, text = _from_array(cast(ArrayLike, data), dt, fs, names), []
    labels = text[0][1] if text else None
    native = _native.analyze_columns(
        source if source is not None else "data",
        numeric,
        labels,
        [name for name, _ in text],
        spec,
        progress,
    )
    return Report._of(native)


Column = tuple[str, NDArray[np.float64]]


def _invalid(field: str, value: object, expected: str) -> InvalidInput:
    shown = str(value)
    shown = shown if len(shown) <= 120 else shown[:120] + "..."
    details = {"kind": "invalid_input", "field": field, "value": shown, "expected": expected}
    return InvalidInput(f"{field}: got {shown}, expected {expected}", field=field, details=details)


def _plain(value: Any) -> Any:
    """numpy scalars and arrays inside options."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is no option value")


def _has_columns(data: object) -> TypeGuard[Mapping[str, Any]]:
    # A DataFrame is no Mapping, but for what is done with it here it is as good as one.
    return isinstance(data, Mapping) or (hasattr(data, "columns") and hasattr(data, "__getitem__"))


def _split(data: Any) -> tuple[list[Column], list[tuple[str, list[str]]]]:
    """Numeric columns, and text columns."""
    numeric: list[Column] = []
    text: list[tuple[str, list[str]]] = []
    rows: int | None = None
    for key in data if isinstance(data, Mapping) else data.columns:
        name = str(key)
        values = np.asarray(data[key])
        if values.ndim != 1:
            raise _invalid(name, f"an array of shape {values.shape}", "one of shape (n,)")
        if rows is not None and len(values) != rows:
            raise _invalid(name, f"{len(values)} values", f"{rows}, as the column before")
        rows = len(values)
        if values.dtype.kind in "UT" or (
            values.dtype.kind == "O" and any(isinstance(v, str) for v in values)
        ):
            text.append((name, [str(v) for v in values]))
        else:
            numeric.append((name, _real(name, values)))
    return numeric, text


def _from_array(
    data: ArrayLike, dt: float | None, fs: float | None, names: Sequence[str] | None
) -> list[Column]:
    """A time column and the columns of an array."""
    if dt is not None and fs is not None:
        raise _invalid("fs", fs, "nothing where dt is given")
    for name, given in (("dt", dt), ("fs", fs)):
        if given is not None and not (np.isfinite(given) and given > 0):
            raise _invalid(name, given, "a positive, finite number")
    step = dt if dt is not None else 1.0 / fs if fs is not None else 1.0
    try:
        values = np.asarray(data)
    except ValueError as e:
        raise _invalid("data", type(data).__name__, f"an array ({e})") from None
    if values.ndim not in (1, 2):
        raise _invalid("data", f"an array of shape {values.shape}", "shape (n,) or (n, m)")
    real = _real("data", values)
    columns = [real] if real.ndim == 1 else [real[:, i] for i in range(real.shape[1])]
    if names is None:
        names = ["y"] if real.ndim == 1 else [f"y{i}" for i in range(len(columns))]
    elif isinstance(names, str) or len(names) != len(columns):
        raise _invalid("names", names, f"a sequence of {len(columns)} names")
    time = "t"
    while time in names:
        time += "_"
    t = step * np.arange(len(real), dtype=np.float64)
    return [(time, t), *zip(map(str, names), columns, strict=True)]


def _real(field: str, values: NDArray[Any]) -> NDArray[np.float64]:
    """Real numbers as float64, without a copy where they are that already."""
    if values.dtype.kind in "biuf":
        return values.astype(np.float64, copy=False)
    if values.dtype.kind == "O":
        try:
            return np.array([np.nan if v is None else float(v) for v in values.flat]).reshape(values.shape)
        except (TypeError, ValueError):
            pass
    raise _invalid(field, f"values of type {values.dtype}", "real numbers")
