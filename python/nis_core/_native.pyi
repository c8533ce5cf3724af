from collections.abc import Callable, Sequence
from os import PathLike
from typing import TypeAlias, final

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "VERSION",
    "INVERSE_METHODS",
    "NativeDecoder",
    "NativeKan",
    "NativeKanModel",
    "NativeKanUncertainty",
    "NativeLinePlan",
    "NativeNis",
    "NativeReport",
    "NativeSystem",
    "analyze_columns",
    "analyze_path",
    "invert_callable",
    "invert_system",
    "invert_text",
    "invert_values",
    "laplace_compress",
    "laplace_decompress",
    "laplace_describe_compressed",
    "laplace_enforce_passivity",
    "laplace_fit_response",
    "laplace_passivity",
    "laplace_shared_modes",
    "laplace_transform",
    "laplace_transform_nonuniform",
    "physics_validate",
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

@final
class NativeSystem:
    def __new__(cls, spec: str) -> NativeSystem: ...
    @staticmethod
    def from_coefficients(
        numerator: Sequence[float], denominator: Sequence[float], dt: float | None
    ) -> tuple[NativeSystem, float, float]: ...
    def to_json(self) -> str: ...
    @property
    def outputs(self) -> int: ...
    @property
    def inputs(self) -> int: ...
    @property
    def dt(self) -> float | None: ...
    @property
    def form(self) -> str: ...
    def evaluate(self, re: float, im: float) -> NDArray[np.complex128]: ...
    def poles(self) -> NDArray[np.complex128]: ...
    def zeros(
        self, progress: Callable[[str, int, int, str], object] | None = None
    ) -> NDArray[np.complex128]: ...
    def dc_gain(self) -> NDArray[np.float64]: ...
    def is_stable(self) -> bool: ...
    def damping(self) -> str: ...
    def default_times(self) -> NDArray[np.float64]: ...
    def default_frequencies(self) -> NDArray[np.float64]: ...
    def frequency_response(
        self,
        omega: NDArray[np.float64],
        progress: Callable[[str, int, int, str], object] | None = None,
    ) -> NDArray[np.complex128]: ...
    def bode(
        self,
        omega: NDArray[np.float64],
        progress: Callable[[str, int, int, str], object] | None = None,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]: ...
    def step(
        self,
        t: NDArray[np.float64],
        progress: Callable[[str, int, int, str], object] | None = None,
    ) -> NDArray[np.float64]: ...
    def impulse(
        self,
        t: NDArray[np.float64],
        progress: Callable[[str, int, int, str], object] | None = None,
    ) -> NDArray[np.float64]: ...
    def initial(
        self,
        x0: Sequence[float],
        t: NDArray[np.float64],
        progress: Callable[[str, int, int, str], object] | None = None,
    ) -> NDArray[np.float64]: ...
    def simulate(
        self,
        t: NDArray[np.float64],
        u: NDArray[np.float64],
        x0: Sequence[float],
        hold: str,
        progress: Callable[[str, int, int, str], object] | None = None,
    ) -> NDArray[np.float64]: ...
    def margins(self) -> str: ...
    def h_infinity_norm(self) -> tuple[float, float]: ...
    def h2_norm(self) -> float: ...
    def reduce(
        self, options: str, progress: Callable[[str, int, int, str], object] | None
    ) -> tuple[NativeSystem, int, int, NDArray[np.float64], float]: ...
    def discretize(self, dt: float, options: str) -> NativeSystem: ...
    def connect(self, other: NativeSystem, how: str) -> NativeSystem: ...
    def scaled(self, factor: float) -> NativeSystem: ...
    def to_state_space(self) -> NativeSystem: ...
    def to_pole_residue(self, tolerance: float) -> tuple[NativeSystem, float]: ...
    def split_stable(self) -> tuple[NativeSystem, NativeSystem]: ...

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

_Samples = (
    NDArray[np.float64] | NDArray[np.float32] | NDArray[np.complex128] | NDArray[np.complex64]
)
_Transforms = list[
    tuple[NDArray[np.complex128], NDArray[np.float64], NDArray[np.float64], float | None]
]
_Progress = Callable[[str, int, int, str], object] | None

@final
class NativeLinePlan:
    @staticmethod
    def line(samples: int, t0: float, dt: float, line: str, options: str) -> NativeLinePlan: ...
    @staticmethod
    def bins(
        samples: int, t0: float, dt: float, sigma: float, length: int, options: str
    ) -> NativeLinePlan: ...
    def points(self) -> NDArray[np.complex128]: ...
    def transform(self, samples: _Samples, progress: _Progress) -> _Transforms: ...

def laplace_transform(
    samples: _Samples,
    t0: float,
    dt: float,
    s: NDArray[np.complex128],
    options: str,
    progress: _Progress,
) -> _Transforms: ...
def laplace_transform_nonuniform(
    samples: _Samples,
    times: NDArray[np.float64],
    s: NDArray[np.complex128],
    options: str,
    progress: _Progress,
) -> _Transforms: ...
def laplace_shared_modes(
    samples: _Samples, t0: float, dt: float, options: str, progress: _Progress
) -> str: ...

def physics_validate(
    spec: str, arrays: Sequence[tuple[str, NDArray[np.float64]]], progress: _Progress
) -> str: ...

INVERSE_METHODS: list[str]

_Inversion: TypeAlias = tuple[
    NDArray[np.float64], NDArray[np.float64], NDArray[np.uint8], float, int, NDArray[np.float64]
]
_InversionSettings: TypeAlias = tuple[str, float | None, float, int | None]

def invert_text(
    formula: str,
    t: NDArray[np.float64],
    settings: _InversionSettings,
    progress: Callable[[str, int, int, str], object] | None,
) -> _Inversion: ...
def invert_values(
    s: NDArray[np.complex128],
    values: NDArray[np.complex128],
    t: NDArray[np.float64],
    settings: _InversionSettings,
    progress: Callable[[str, int, int, str], object] | None,
) -> _Inversion: ...
def invert_system(system: str, t: NDArray[np.float64]) -> _Inversion: ...
def invert_callable(
    function: Callable[[NDArray[np.complex128]], NDArray[np.complex128]],
    t: NDArray[np.float64],
    settings: _InversionSettings,
) -> _Inversion: ...

@final
class NativeKan:
    def __new__(cls, structure: str) -> NativeKan: ...
    def fit(
        self,
        x: NDArray[np.float64],
        y: NDArray[np.float64],
        options: str,
        progress: Callable[[str, int, int, str], object] | None,
    ) -> tuple[NativeKan, str]: ...
    def predict(self, x: NDArray[np.float64], threads: int) -> NDArray[np.float64]: ...
    def predict_f32(self, x: NDArray[np.float32], threads: int) -> NDArray[np.float32]: ...
    @staticmethod
    def from_pykan(
        state: Sequence[tuple[str, NDArray[np.float64]]], options: str
    ) -> NativeKan: ...
    def to_onnx(self, options: str) -> bytes: ...
    def to_c(self, options: str) -> tuple[str, str]: ...
    def jacobian(self, x: NDArray[np.float64]) -> NDArray[np.float64]: ...
    def to_bytes(self) -> bytes: ...
    def to_json(self) -> str: ...
    @staticmethod
    def from_bytes(data: bytes) -> NativeKan: ...
    def describe(self) -> str: ...

@final
class NativeKanModel:
    @staticmethod
    def fit(
        x: NDArray[np.float64],
        y: NDArray[np.float64],
        names: str,
        options: str,
        progress: Callable[[str, int, int, str], object] | None,
    ) -> NativeKanModel: ...
    def predict(self, x: NDArray[np.float64]) -> NDArray[np.float64]: ...
    def scores(self, x: NDArray[np.float64]) -> NDArray[np.float64]: ...
    def predict_proba(self, x: NDArray[np.float64]) -> NDArray[np.float64]: ...
    def jacobian(self, x: NDArray[np.float64]) -> NDArray[np.float64]: ...
    def pruned(
        self,
        x: NDArray[np.float64],
        y: NDArray[np.float64],
        options: str,
        progress: Callable[[str, int, int, str], object] | None,
    ) -> tuple[NativeKanModel, str]: ...
    def formula(
        self,
        x: NDArray[np.float64],
        y: NDArray[np.float64],
        functions: Sequence[str] | None,
        options: str,
        progress: Callable[[str, int, int, str], object] | None,
    ) -> str: ...
    def uncertainty(
        self, laplace: bool, x: NDArray[np.float64], y: NDArray[np.float64]
    ) -> NativeKanUncertainty: ...
    def intervals(
        self, uncertainty: NativeKanUncertainty, x: NDArray[np.float64], level: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]: ...
    def standard_errors(
        self, uncertainty: NativeKanUncertainty, x: NDArray[np.float64]
    ) -> NDArray[np.float64]: ...
    def to_onnx(self, options: str) -> bytes: ...
    def to_c(self, options: str) -> tuple[str, str]: ...
    def importance(self, x: NDArray[np.float64]) -> str: ...
    def nodes(self, x: NDArray[np.float64]) -> list[NDArray[np.float64]]: ...
    def curve(
        self, layer: int, input: int, sum: int, at: NDArray[np.float64]
    ) -> NDArray[np.float64]: ...
    def to_bytes(self) -> bytes: ...
    def to_json(self) -> str: ...
    @staticmethod
    def from_bytes(data: bytes) -> NativeKanModel: ...
    def describe(self) -> str: ...

@final
class NativeKanUncertainty: ...
