"""What an analysis found."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import numpy as np

from nis_core._native import NativeReport


class Record(Mapping[str, Any]):
    """A read-only mapping whose keys are also attributes.

    Lists of numbers are float64 arrays of shape ``(n,)``; a missing number is NaN there, and ``None``
    elsewhere. Where a key has the name of a mapping's method, as ``values``, use ``record["values"]``.

    >>> from nis_core import Record
    >>> r = Record({"period": 10.8, "times": [0.0, 0.5]})
    >>> r.period == r["period"]
    True
    >>> r.times.dtype
    dtype('float64')
    """

    __slots__ = ("_data",)
    _data: dict[str, Any]

    def __init__(self, data: Mapping[str, Any]) -> None:
        object.__setattr__(self, "_data", {key: _wrap(value) for key, value in data.items()})

    def __getitem__(self, key: str) -> Any:
        return self._data[key]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return self._data[name]
        except KeyError:
            raise AttributeError(f"no field {name!r}; there are: {', '.join(self._data)}") from None

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a record is read-only")

    def __iter__(self) -> Iterator[str]:
        return iter(self._data)

    def __len__(self) -> int:
        return len(self._data)

    def __dir__(self) -> list[str]:
        return sorted({*object.__dir__(self), *self._data})

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Record):
            return NotImplemented
        return _same(self._data, other._data)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Record({', '.join(f'{k}={_brief(v)}' for k, v in self._data.items())})"

    def __reduce__(self) -> tuple[Any, ...]:
        return (Record, (self._data,))


def _wrap(value: Any) -> Any:
    if isinstance(value, Mapping):
        return value if isinstance(value, Record) else Record(value)
    if isinstance(value, list):
        if value and all(_is_number(v) for v in value) and any(isinstance(v, float) for v in value):
            return np.array(value, dtype=np.float64)
        return [_wrap(v) for v in value]
    return value


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, (int, float)) and not isinstance(value, bool))


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return (
            isinstance(a, np.ndarray)
            and isinstance(b, np.ndarray)
            and np.array_equal(a, b, equal_nan=True)
        )
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_same(a[k], b[k]) for k in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(_same, a, b))
    return bool(a == b)


def _brief(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"<array {value.shape}>"
    if isinstance(value, list) and len(value) > 3:
        return f"<list of {len(value)}>"
    return repr(value)


class Report:
    """What :func:`nis_core.analyze` found. Read-only; compares by value and pickles.

    Every field of the report is an attribute and a key: ``report.findings`` is ``report["findings"]``. Parts
    are :class:`Record`; series of numbers are float64 arrays. In a notebook the report shows its page.

    Fields: ``schema``, ``version``, ``source``, ``mode`` (``"series"`` or ``"law"``), ``data`` (rows,
    columns, time axis), ``series`` (name, t, y for plots), ``modes`` (per column: modes with their standard
    errors), ``laws`` (formulas), ``fit`` (equations fitted, parameters), ``verdicts`` (physics checks),
    ``findings`` (sentences), ``run`` (seed, device, timings, options).

    >>> import numpy as np
    >>> import nis_core
    >>> t = 0.05 * np.arange(200)
    >>> report = nis_core.analyze({"t": t, "y": np.exp(-0.1 * t) * np.cos(2.0 * t)})
    >>> report.series[0].y.shape
    (200,)
    """

    _native: NativeReport

    def __init__(self) -> None:
        raise TypeError("a Report comes from nis_core.analyze")

    @classmethod
    def _of(cls, native: NativeReport) -> Report:
        report = object.__new__(cls)
        report._native = native
        return report

    @cached_property
    def _record(self) -> Record:
        return Record(self.to_dict())

    def __getitem__(self, key: str) -> Any:
        return self._record[key]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._record, name)

    def __dir__(self) -> list[str]:
        return sorted({*object.__dir__(self), *self._record})

    def keys(self) -> list[str]:
        """Names of the fields."""
        return list(self._record)

    def __contains__(self, key: object) -> bool:
        return key in self._record

    def to_dict(self) -> dict[str, Any]:
        """The report as plain dicts, lists and numbers; a number that is not finite is ``None``."""
        value: dict[str, Any] = json.loads(self.to_json())
        return value

    def to_json(self) -> str:
        """The report as JSON text, the same as in C, Rust and HTTP; not finite is ``null``."""
        return self._native.to_json()

    def to_text(self) -> str:
        """The report as text for a terminal."""
        return self._native.to_text()

    def to_html(self) -> str:
        """The report as one self-contained HTML page with plots."""
        return self._native.to_html()

    def _repr_html_(self) -> str:
        # The page has styles of its own; a frame keeps them from the notebook's.
        page = self.to_html().replace("&", "&amp;").replace('"', "&quot;")
        return f'<iframe srcdoc="{page}" style="width:100%;height:720px;border:0"></iframe>'

    def __str__(self) -> str:
        return self.to_text()

    def __repr__(self) -> str:
        return f"<nis_core.Report of {self.source!r}: {self.data.rows} rows, {len(self.findings)} findings>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Report):
            return NotImplemented
        return self._native.to_bytes() == other._native.to_bytes()

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Any, ...]:
        return (_unpickle, (self._native.to_bytes(),))


def _unpickle(data: bytes) -> Report:
    return Report._of(NativeReport.from_bytes(data))
