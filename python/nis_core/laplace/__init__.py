"""Laplace: transforms, modes, rational fits, systems and compression of sampled signals.

* :func:`transform` and :class:`LinePlan`: the transform of samples; :func:`invert`: back from any ``F(s)``.
* :func:`modes`: damped exponentials in one or several channels, with their errors.
* :func:`fit_response`, :func:`passivity`, :func:`enforce_passivity`: poles and residues from frequency data.
* :class:`System`: linear systems, their responses, connections and reduction.
* :func:`compress`, :func:`decompress`: signals as damped exponentials and residuals within a stated error.
"""

from nis_core.laplace._compress import Compressed, Decoder, compress, decompress, decompress_stream
from nis_core.laplace._fit import (
    Band,
    Enforced,
    Passivity,
    ResponseFit,
    enforce_passivity,
    fit_response,
    passivity,
)
from nis_core.laplace._forward import LinePlan, Transform, transform
from nis_core.laplace._inverse import Inversion, invert
from nis_core.laplace._modes import Modes, modes
from nis_core.laplace._system import (
    Bode,
    FrequencyResponse,
    GainMargin,
    Margins,
    PhaseMargin,
    PoleInfo,
    Reduction,
    System,
    TimeResponse,
)

__all__ = [
    "Band",
    "Bode",
    "Compressed",
    "Decoder",
    "Enforced",
    "FrequencyResponse",
    "GainMargin",
    "Inversion",
    "LinePlan",
    "Margins",
    "Modes",
    "Passivity",
    "PhaseMargin",
    "PoleInfo",
    "Reduction",
    "ResponseFit",
    "System",
    "TimeResponse",
    "Transform",
    "compress",
    "decompress",
    "decompress_stream",
    "enforce_passivity",
    "fit_response",
    "invert",
    "modes",
    "passivity",
    "transform",
]
