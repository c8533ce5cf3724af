from collections.abc import Callable, Sequence
from os import PathLike
from typing import final

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "VERSION",
    "NativeDecoder",
    "NativeNis",
    "NativeReport",
    "analyze_columns",
    "analyze_path",
    "laplace_compress",
    "laplace_decompress",
    "laplace_describe_compressed",
]

VERSION: str

@final
class NativeReport:
    def to_json(self) -> str: ...
    def to_text(self) -> str: ...
    def to_html(self) -> str: ...
    def to_bytes(self) -> bytes: ...
    @staticmethod
    def from_bytes(bytes: bytes) -> NativeReport: ...

@final
class NativeNis:
    def __new__(cls, config: str | None) -> NativeNis: ...
    def chat(self, request: str) -> str: ...
    def health(self) -> str: ...
    def agents(self) -> str: ...
    def metrics(self) -> str: ...

def analyze_path(
    path: str | PathLike[str],
    source: str | None,
    options: str,
    progress: Callable[[str, int, int, str], object] | None,
) -> NativeReport: ...
def analyze_columns(
    source: str,
    columns: Sequence[tuple[str, NDArray[np.float64]]],
    labels: Sequence[str] | None,
    text_columns: Sequence[str],
    options: str,
    progress: Callable[[str, int, int, str], object] | None,
) -> NativeReport: ...
def laplace_compress(
    signal: NDArray[np.float64],
    dt: float,
    options: str,
    progress: Callable[[str, int, int, str], object] | None,
) -> tuple[bytes, str]: ...
def laplace_decompress(data: bytes, max_samples: int) -> NDArray[np.float64]: ...
def laplace_describe_compressed(data: bytes) -> str: ...
@final
class NativeDecoder:
    def __new__(cls) -> NativeDecoder: ...
    def push(self, data: bytes) -> list[NDArray[np.float64]]: ...
    def finish(self) -> int: ...
