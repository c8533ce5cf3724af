"""The exceptions: one class per code, with the numbers of C, Rust and HTTP."""

from __future__ import annotations

import json
from typing import Any, ClassVar


class NisError(Exception):
    """Base of everything that NIS raises.

    Attributes:
        code: The stable number of the kind; see ``CODE`` of each class.
        field: Path of the field that the error is about, for example ``options.kan.grid``; ``None`` where
            it is about none.
        details: ``kind`` and the fields of the kind, for example ``{"kind": "invalid_input", "field": ..,
            "value": .., "expected": ..}``.

    >>> import nis_core
    >>> try:
    ...     nis_core.analyze({"t": [0.0, 1.0, 2.0]}, options={"kan": {"nonsense": 1}})
    ... except nis_core.NisError as e:
    ...     print(e.code, e.field)
    1 options.kan.nonsense
    """

    CODE: ClassVar[int] = 0

    def __init__(
        self,
        message: str,
        *,
        code: int | None = None,
        field: str | None = None,
        details: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = self.CODE if code is None else code
        self.field = field
        self.details: dict[str, Any] = {} if details is None else details

    def __str__(self) -> str:
        return str(self.args[0])

    def __reduce__(self) -> tuple[Any, ...]:
        state = {"code": self.code, "field": self.field, "details": self.details}
        return (type(self), (str(self),), state)


class InvalidInput(NisError, ValueError):
    """A value does not fit; the message names the field, the value and what was expected."""

    CODE = 1


class ParseError(NisError, ValueError):
    """A formula, an equation, a file or JSON could not be read; ``details["column"]`` is 1-based."""

    CODE = 2


class NotFound(NisError, LookupError):
    """The thing named does not exist."""

    CODE = 3


class Unavailable(NisError, RuntimeError):
    """The capability is not there on this machine or in this build; the message says why."""

    CODE = 4


class Cancelled(NisError):
    """The progress callback stopped the work by returning ``False``."""

    CODE = 5


class Timeout(NisError, TimeoutError):
    """A deadline passed."""

    CODE = 6


class NumericalError(NisError, ArithmeticError):
    """A method failed on numbers that were in order as input."""

    CODE = 7


class IoError(NisError, OSError):
    """Reading or writing failed; ``details["path"]`` and ``details["reason"]`` tell more."""

    CODE = 8


class ProviderError(NisError):
    """A language-model provider refused or failed; ``details["status"]`` and ``details["retryable"]``."""

    CODE = 9


class LimitError(NisError):
    """A limit that protects memory or time was reached."""

    CODE = 10


class InternalError(NisError):
    """A defect of NIS; please report it."""

    CODE = 11


_BY_CODE: dict[int, type[NisError]] = {
    cls.CODE: cls
    for cls in (
        InvalidInput,
        ParseError,
        NotFound,
        Unavailable,
        Cancelled,
        Timeout,
        NumericalError,
        IoError,
        ProviderError,
        LimitError,
        InternalError,
    )
}


def from_native(code: int, message: str, field: str | None, details: str) -> NisError:
    """The exception for an error of the core; called by ``_native``."""
    cls = _BY_CODE.get(code, NisError)
    return cls(message, code=code, field=field, details=json.loads(details))
