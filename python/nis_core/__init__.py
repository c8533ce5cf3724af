"""NIS: signal -> modes -> law -> equation -> verdict, and agents that compute what they say.

* :func:`analyze` runs the scientific path on arrays, columns or a CSV file and returns a :class:`Report`.
* :mod:`nis_core.laplace`: transforms, modes, rational fits, systems and compression, one at a time.
* :mod:`nis_core.kan`: Kolmogorov-Arnold networks as estimators, with formulas and drawings.
* :mod:`nis_core.pinn`: differential equations as text, solved or fitted to data, with a certificate.
* :mod:`nis_core.physics`: checks of trajectories, fields and numbers against the laws declared for them.
* :class:`Nis` is the runtime: :meth:`Nis.chat` answers a message, without any key from the built-in
  offline provider.
* Every failure is a :class:`NisError`; its ``code`` is the same number as in C, Rust and HTTP.

All native work runs without the GIL, and Ctrl-C stops it.
"""

from nis_core import kan, laplace, physics, pinn
from nis_core._analyze import analyze
from nis_core._errors import (
    Cancelled,
    InternalError,
    InvalidInput,
    IoError,
    LimitError,
    NisError,
    NotFound,
    NumericalError,
    ParseError,
    ProviderError,
    Timeout,
    Unavailable,
)
from nis_core._native import VERSION as __version__
from nis_core._provider import Provider
from nis_core._report import Record, Report
from nis_core._runtime import AgentInfo, ChatReply, Health, Nis, TraceStep, Usage
from nis_core._stream import (
    AsyncChatStream,
    BeginPart,
    ChatStream,
    Claim,
    ClaimsPart,
    Part,
    ReasoningPart,
    ReplyPart,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)

__all__ = [
    "AgentInfo",
    "AsyncChatStream",
    "BeginPart",
    "Cancelled",
    "ChatReply",
    "ChatStream",
    "Claim",
    "ClaimsPart",
    "Health",
    "InternalError",
    "InvalidInput",
    "IoError",
    "LimitError",
    "Nis",
    "NisError",
    "NotFound",
    "NumericalError",
    "ParseError",
    "Part",
    "Provider",
    "ProviderError",
    "ReasoningPart",
    "Record",
    "ReplyPart",
    "Report",
    "TextPart",
    "Timeout",
    "ToolCallPart",
    "ToolResultPart",
    "TraceStep",
    "Unavailable",
    "Usage",
    "__version__",
    "analyze",
    "kan",
    "laplace",
    "physics",
    "pinn",
]
