from collections.abc import Callable, Sequence
from os import PathLike
from typing import TypeAlias, final

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "VERSION",
    "NativeNis",
    "NativeReport",
    "analyze_columns",
    "analyze_path",
    "invert_callable",
    "invert_system",
    "invert_text",
    "invert_values",
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

_Inversion: TypeAlias = tuple[NDArray[np.float64], NDArray[np.float64], list[str], float, int, list[float]]

def invert_text(
    formula: str,
    t: NDArray[np.float64],
    options: str,
    progress: Callable[[str, int, int, str], object] | None,
) -> _Inversion: ...
def invert_values(
    s: NDArray[np.complex128],
    values: NDArray[np.complex128],
    t: NDArray[np.float64],
    options: str,
    progress: Callable[[str, int, int, str], object] | None,
) -> _Inversion: ...
def invert_system(system: str, t: NDArray[np.float64]) -> _Inversion: ...
def invert_callable(
    function: Callable[[NDArray[np.complex128]], NDArray[np.complex128]],
    t: NDArray[np.float64],
    options: str,
) -> _Inversion: ...
