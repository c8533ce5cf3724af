from collections.abc import Callable, Sequence
from os import PathLike
from typing import final

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "VERSION",
    "NativeNis",
    "NativeReport",
    "analyze_columns",
    "analyze_path",
    "laplace_enforce_passivity",
    "laplace_fit_response",
    "laplace_passivity",
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
def laplace_fit_response(
    s: NDArray[np.complex128],
    response: NDArray[np.complex128],
    weights: NDArray[np.float64] | None,
    options: str,
    progress: Callable[[str, int, int, str], object] | None,
) -> str: ...
def laplace_passivity(
    system: str,
    kind: str,
    progress: Callable[[str, int, int, str], object] | None,
) -> str: ...
def laplace_enforce_passivity(
    system: str,
    kind: str,
    options: str,
    progress: Callable[[str, int, int, str], object] | None,
) -> str: ...
