"""Compression of sampled signals to damped exponentials with a stated error."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nis_core import _native
from nis_core._report import Record
from nis_core.laplace._input import interval, invalid

__all__ = ["Compressed", "Decoder", "compress", "decompress", "decompress_stream"]

Progress = Callable[[str, int, int, str], object]
_Bytes: TypeAlias = bytes

MAX_SAMPLES = 1 << 27
"""Most samples that :func:`decompress` gives out unless told otherwise: 1 GiB."""


def _signal(x: ArrayLike) -> NDArray[np.float64]:
    try:
        values = np.asarray(x)
    except ValueError as e:
        raise invalid("signal", type(x).__name__, f"an array ({e})") from None
    if values.dtype.kind not in "biuf" and values.size > 0:
        raise invalid("signal", f"values of type {values.dtype}", "real numbers")
    if values.ndim != 1:
        raise invalid("signal", f"an array of shape {values.shape}", "shape (n,)")
    return values.astype(np.float64, copy=False)


class Compressed:
    """A container of compressed samples and what it reached. Compares by its bytes and pickles.

    Attributes:
        ratio: 8 bytes per sample over the container's bytes.
        error: Largest error of a sample, measured on the decoded container (signal units).
        report: Everything measured: ``samples``, ``bytes``, ``ratio``, ``ratio_f32``, ``bits_per_sample``,
            ``max_error``, ``rms_error``, ``relative_rms``, ``max_error_bound``, ``rms_error_bound``,
            ``segments``, ``kinds`` (share per way of writing), ``modes``, ``not_modal``, ``trial`` (bytes with
            modes against bytes without, where both were tried), ``lattice``, ``seconds``.
    """

    __slots__ = ("_data", "_json", "report")

    report: Record

    def __init__(self) -> None:
        raise TypeError("a Compressed comes from nis_core.laplace.compress")

    @classmethod
    def _of(cls, data: _Bytes, report: str) -> Compressed:
        self = object.__new__(cls)
        self._data = data
        self._json = report
        self.report = Record(json.loads(report))
        return self

    _data: _Bytes
    _json: str

    @property
    def ratio(self) -> float:
        return float(self.report["ratio"])

    @property
    def error(self) -> float:
        return float(self.report["max_error"])

    def bytes(self) -> _Bytes:
        """The container (docs/compression.md)."""
        return self._data

    def __bytes__(self) -> _Bytes:
        return self._data

    def __len__(self) -> int:
        return len(self._data)

    def decompress(self) -> NDArray[np.float64]:
        """The samples, shape ``(n,)``."""
        return _native.laplace_decompress(self._data, self.report["samples"])

    def describe(self) -> dict[str, Any]:
        """The segments with their poles (``[re, im]``, 1/time unit) and residues, as plain dicts and lists."""
        value: dict[str, Any] = json.loads(_native.laplace_describe_compressed(self._data))
        return value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Compressed):
            return NotImplemented
        return self._data == other._data

    def __hash__(self) -> int:
        return hash(self._data)

    def __repr__(self) -> str:
        r = self.report
        return (
            f"<nis_core.laplace.Compressed: {r.samples} samples in {r.bytes} bytes, ratio {r.ratio:.1f}, "
            f"largest error {r.max_error:.3g}{', not modal' if r.not_modal else ''}>"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return (Compressed._of, (self._data, self._json))


def compress(
    x: ArrayLike,
    fs: float | None = None,
    *,
    dt: float | None = None,
    max_error: float | None = None,
    rms_error: float | None = None,
    relative_rms: float | None = None,
    ratio: float | None = None,
    bits_per_sample: float | None = None,
    max_order: int = 16,
    max_segment: int = 65536,
    min_segment: int = 256,
    modes: bool = True,
    progress: Progress | None = None,
) -> Compressed:
    """Compresses a signal to segments of damped exponentials and quantised residuals.

    Every stretch is written in the shortest of four ways: modes alone, modes and their residual, a linear
    predictor, raw; the report says which took how much, and whether the signal is modal at all. The error of the
    target holds for every sample of any finite signal: the container is decoded and measured before it is given
    out. The method and its sources are in docs/compression.md.

    Args:
        x: Samples, shape ``(n,)``, real.
        fs: Sampling rate (samples per time unit); default 1.
        dt: Sampling interval, instead of ``fs``.
        max_error: No sample is off by more than this. Give one target at most; default ``relative_rms=1e-3``.
        rms_error: Root mean square of the errors of each segment.
        relative_rms: The same over the root mean square of the signal.
        ratio: At most ``8 n / ratio`` bytes, with as small an rms error as is found.
        bits_per_sample: At most this many bits per sample, likewise.
        max_order: Largest order of the modes of a segment (a pair counts 2).
        max_segment: Longest segment, in samples.
        min_segment: Shortest segment that a cut makes.
        modes: Whether modes are sought; without them it is some ten times as fast.
        progress: Called with ``(stage, done, total, message)``; ``False`` stops the work.

    Raises:
        InvalidInput: A sample is not finite (``field`` is ``signal[index]``), an option does not fit, or the
            ratio cannot be reached. Also a ``ValueError``.
        Cancelled: ``progress`` said so.

    >>> import numpy as np
    >>> from nis_core import laplace
    >>> t = np.arange(2000) / 1000
    >>> x = np.exp(-t) * np.cos(300 * t)
    >>> c = laplace.compress(x, fs=1000, max_error=1e-4)
    >>> bool(c.ratio > 100 and np.abs(c.decompress() - x).max() <= 1e-4)
    True
    """
    targets = {
        "max_error": max_error,
        "rms_error": rms_error,
        "relative_rms": relative_rms,
        "ratio": ratio,
        "bits_per_sample": bits_per_sample,
    }
    given = {name: float(value) for name, value in targets.items() if value is not None}
    if len(given) > 1:
        raise invalid("target", ", ".join(given), "one of them")
    for name, value in given.items():
        if not np.isfinite(value):
            raise invalid(f"target.{name}", value, "a finite number")
    options = {
        "target": given or {"relative_rms": 1e-3},
        "max_order": max_order,
        "max_segment": max_segment,
        "min_segment": min_segment,
        "modes": modes,
    }
    data, report = _native.laplace_compress(_signal(x), interval(dt, fs), json.dumps(options), progress)
    return Compressed._of(data, report)


def decompress(data: bytes | Compressed, *, max_samples: int = MAX_SAMPLES) -> NDArray[np.float64]:
    """The samples of a container, shape ``(n,)``.

    Args:
        data: The container's bytes.
        max_samples: More samples than this are refused: a few bytes of a stranger can stand for very many.

    Raises:
        InvalidInput: The bytes are no whole container.
        LimitError: There are more than ``max_samples``.

    >>> from nis_core import laplace
    >>> laplace.decompress(laplace.compress([1.0, 2.0, 3.0], max_error=0.1).bytes()).tolist()
    [1.0, 2.0, 3.0]
    """
    return _native.laplace_decompress(bytes(data), max_samples)


class Decoder:
    """Decodes a container from pieces of any size; memory is bounded by one segment.

    >>> import numpy as np
    >>> from nis_core import laplace
    >>> data = laplace.compress(np.sin(0.1 * np.arange(1000)), max_error=1e-3).bytes()
    >>> decoder = laplace.Decoder()
    >>> sum(len(s) for i in range(0, len(data), 9) for s in decoder.push(data[i:i + 9]))
    1000
    >>> decoder.finish()
    1000
    """

    def __init__(self) -> None:
        self._native = _native.NativeDecoder()

    def push(self, data: bytes) -> list[NDArray[np.float64]]:
        """The segments that these bytes complete, in order; an empty list where none is whole yet.

        Raises:
            InvalidInput: The bytes are not what an encoder wrote; every later call raises the same.
        """
        return self._native.push(data)

    def finish(self) -> int:
        """The number of samples; raises ``InvalidInput`` where the end of the container is missing."""
        return self._native.finish()

    def __repr__(self) -> str:
        return "<nis_core.laplace.Decoder>"


def decompress_stream(pieces: Iterable[bytes]) -> Iterator[NDArray[np.float64]]:
    """The segments of a container whose bytes come in pieces (chunks of a file, messages of a socket).

    Raises:
        InvalidInput: The bytes are not what an encoder wrote, or end too early.

    >>> from nis_core import laplace
    >>> data = laplace.compress([1.0, 2.0, 3.0], max_error=0.1).bytes()
    >>> [s.tolist() for s in laplace.decompress_stream([data[:10], data[10:]])]
    [[1.0, 2.0, 3.0]]
    """
    decoder = Decoder()
    for piece in pieces:
        yield from decoder.push(piece)
    decoder.finish()
