"""Problems: equations, conditions and a domain as text, with parameters and measured values."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nis_core import _native
from nis_core.laplace._input import invalid

if TYPE_CHECKING:
    from nis_core.pinn._solution import Solution

Real = NDArray[np.float64]
Progress = Callable[[str, int, int, str], object]
Parameter: TypeAlias = (
    "float | str | tuple[float, float] | Mapping[str, float] | Callable[..., float]"
)
NativeData: TypeAlias = "tuple[list[tuple[str, Real]], str | None]"

SHAPES = ("shape", "holes")


class Problem:
    """A differential equation with its domain and conditions, read and checked.

    Args:
        equations: One text or several, each with ``=``; derivatives are ``u_t``, ``u_xx``, ``u'``, ``u''``.
        domain: Ranges by coordinate, ``{"x": (0, 1), "t": (0, 2)}``; ``t`` is time. In the plane ``"shape"`` may hold
            ``{"disk": {"center": [0, 0], "radius": 1}}``, ``{"polygon": [[x, y], ..]}``,
            ``{"rectangle": [[x0, y0], [x1, y1]]}`` or ``{"below": "x^2 + 4*y^2 - 1"}`` (where the formula is negative),
            and ``"holes"`` a list of such shapes; ``x`` and ``y`` then need no range. ``"inside"`` may hold a Python
            function of the space coordinates that is negative inside, within the ranges.
        conditions: ``"u(x,0) = sin(pi*x)"``, ``"u_x(0,t) = 0"``, ``"u + 2*u_x = 1 at x=1"``, ``"u = 0 on boundary"``,
            ``"periodic x"``.
        fields: Fields that stand in the equations without a derivative; the others are found.
        parameters: By name: a number, a formula of numbers (``"0.01/pi"``), ``"?"`` or ``{"start": 2.0}`` for one that
            is to be found from data, ``(low, high)`` for a family of problems.
        data: Measured values, for parameters to be found: columns by name (a mapping or a DataFrame), the coordinates
            and one or more fields, shape ``(n,)`` each; NaN where a field was not measured.
        noise: Known standard deviation of the measured values, in their unit: one number, or one per field by name.
        **constants: More parameters: ``a=0.4`` is ``parameters={"a": 0.4}``.

    Raises:
        ParseError: A text cannot be read; the message has the column.
        InvalidInput: Something does not fit; ``field`` names it and the message quotes the text. Also a ``ValueError``.

    >>> from nis_core import pinn
    >>> problem = pinn.Problem(
    ...     "u_t = a*u_xx",
    ...     domain={"x": (0, 1), "t": (0, 1)},
    ...     conditions=["u(x,0) = sin(pi*x)", "u(0,t) = 0", "u(1,t) = 0"],
    ...     a=0.4,
    ... )
    >>> problem.fields, problem.coordinates, problem.is_linear
    (['u'], ['x', 't'], True)
    """

    def __init__(
        self,
        equations: str | Sequence[str],
        *,
        domain: Mapping[str, Any],
        conditions: str | Sequence[str] = (),
        fields: str | Sequence[str] = (),
        parameters: Mapping[str, Parameter] | None = None,
        data: Any = None,
        noise: float | Mapping[str, float] | None = None,
        **constants: Parameter,
    ) -> None:
        known, functions = _parameters(parameters or {}, constants)
        spec: dict[str, Any] = {
            "equations": _texts("equations", equations),
            "domain": _domain(domain),
            "conditions": _texts("conditions", conditions),
            "fields": _texts("fields", fields),
            "parameters": known,
        }
        self._read(spec, _data(data, noise), functions, domain.get("inside"))

    @classmethod
    def from_dict(cls, spec: Mapping[str, Any]) -> Problem:
        """The problem of a dict with ``equations``, ``domain``, ``conditions``, ``parameters`` and ``data``
        (``fields``, ``points``, ``values``, ``noise``): what the JSON text of C, HTTP and the files hold.

        Raises:
            InvalidInput, ParseError: As the constructor.
        """
        problem = cls.__new__(cls)
        problem._read(dict(spec), None)
        return problem

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Problem:
        """The problem of a TOML or JSON file, as ``nis solve`` reads it; its ``options`` are left out.

        Raises:
            OSError: The file cannot be opened.
            InvalidInput, ParseError: As the constructor.
        """
        path = Path(path)
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".json":
            try:
                spec = json.loads(text)
            except ValueError as error:
                raise invalid(str(path), error, "JSON") from None
        else:
            import tomllib

            try:
                spec = tomllib.loads(text)
            except tomllib.TOMLDecodeError as error:
                raise invalid(str(path), error, "TOML") from None
        if not isinstance(spec, dict):
            raise invalid(str(path), type(spec).__name__, "a table of equations, domain and conditions")
        spec.pop("options", None)
        data = spec.get("data")
        if not (isinstance(data, dict) and "file" in data):
            return cls.from_dict(spec)
        columns = _csv(path.parent / str(data["file"]))
        problem = cls.__new__(cls)
        del spec["data"]
        problem._read(spec, _data(columns, data.get("noise")))
        return problem

    def _read(
        self,
        spec: dict[str, Any],
        data: NativeData | None,
        functions: Mapping[str, Callable[..., float]] | None = None,
        inside: Callable[..., float] | None = None,
    ) -> None:
        try:
            text = json.dumps(spec, default=_plain, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise invalid("problem", error, "text, finite numbers, lists and mappings") from None
        self._functions = dict(functions or {})
        self._inside = inside
        self._native = _native.NativeProblem(text, data, list(self._functions.items()), inside)
        self._about: dict[str, Any] = json.loads(self._native.describe())

    @property
    def fields(self) -> list[str]:
        """Names of the fields, in the order of their first appearance."""
        return list(self._about["fields"])

    @property
    def coordinates(self) -> list[str]:
        """Names of the coordinates: space, then time, then parameters with a range."""
        return list(self._about["coordinates"])

    @property
    def unknowns(self) -> list[str]:
        """Names of the parameters to be found."""
        return list(self._about["unknowns"])

    @property
    def is_linear(self) -> bool:
        """Whether equations and conditions are linear in the fields, and nothing else is unknown."""
        return bool(self._about["linear"])

    @property
    def is_eigenproblem(self) -> bool:
        """Whether a parameter to be found is an eigenvalue."""
        return bool(self._about["eigen"])

    @property
    def notes(self) -> list[str]:
        """What the reader of the problem may have to know, for example a condition that may be missing."""
        return list(self._about["notes"])

    def to_dict(self) -> dict[str, Any]:
        """The problem as dicts, lists and numbers; :meth:`from_dict` reads it."""
        value: dict[str, Any] = json.loads(self._native.to_json())
        return value

    def solve(self, **options: Any) -> Solution:
        """Solves the problem; options as of :func:`solve`."""
        from nis_core.pinn._solve import run

        return run(self, **options)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Problem) and self.to_dict() == other.to_dict()

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Any, ...]:
        return (_again, (self._native.to_json(), self._functions, self._inside))

    def __repr__(self) -> str:
        what = "; ".join(self.to_dict()["equations"])
        kind = "linear" if self.is_linear else "nonlinear"
        return f"<Problem {what!r}: {', '.join(self.fields)} over {', '.join(self.coordinates)}, {kind}>"


def _again(
    text: str, functions: Mapping[str, Callable[..., float]], inside: Callable[..., float] | None
) -> Problem:
    problem = Problem.__new__(Problem)
    problem._read(json.loads(text), None, functions, inside)
    return problem


def _texts(field: str, texts: str | Sequence[str]) -> list[str]:
    if isinstance(texts, str):
        return [texts]
    found = list(texts)
    for i, text in enumerate(found):
        if not isinstance(text, str):
            raise invalid(f"{field}[{i}]", repr(text), "text")
    return found


def _number(field: str, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise invalid(field, repr(value), "a number") from None


def _range(field: str, value: Any) -> list[float]:
    try:
        low, high = value
    except (TypeError, ValueError):
        raise invalid(field, repr(value), "a pair (low, high)") from None
    return [_number(f"{field}[0]", low), _number(f"{field}[1]", high)]


def _domain(domain: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(domain, Mapping):
        raise invalid("domain", type(domain).__name__, "a mapping from coordinates to (low, high)")
    inside = domain.get("inside")
    if inside is not None and not callable(inside):
        raise invalid("domain.inside", repr(inside), "a function of the space coordinates")
    return {
        str(name): value if name in SHAPES else _range(f"domain.{name}", value)
        for name, value in domain.items()
        if name != "inside"
    }


def _parameters(
    given: Mapping[str, Parameter], more: Mapping[str, Parameter]
) -> tuple[dict[str, Any], dict[str, Callable[..., float]]]:
    """Parameters that JSON can hold, and functions."""
    for name in more:
        if name in given:
            raise invalid(f"parameters.{name}", more[name], "the parameter once")
    out: dict[str, Any] = {}
    functions: dict[str, Callable[..., float]] = {}
    for name, value in {**given, **more}.items():
        field = f"parameters.{name}"
        if isinstance(value, (str, Mapping)):
            out[name] = value
        elif isinstance(value, (tuple, list)):
            out[name] = _range(field, value)
        elif callable(value):
            functions[name] = value
        elif isinstance(value, (bool, type(None))):
            raise invalid(field, repr(value), "a number, a formula, '?', (low, high) or {'start': number}")
        else:
            out[name] = _number(field, value)
    return out, functions


def _data(data: Any, noise: Any) -> NativeData | None:
    """Columns by name, and the noise of those that are named."""
    if data is None:
        if noise is not None:
            raise invalid("noise", repr(noise), "nothing where no data are given")
        return None
    if not hasattr(data, "keys") or not hasattr(data, "__getitem__"):
        raise invalid("data", type(data).__name__, "columns by name: a mapping or a DataFrame")
    columns: list[tuple[str, Real]] = []
    for key in data.keys():  # noqa: SIM118: a DataFrame iterates over its columns, other tables over rows.
        try:
            column = np.asarray(data[key], dtype=np.float64)
        except (TypeError, ValueError):
            raise invalid(f"data.{key}", "values that are no real numbers", "real numbers") from None
        if column.ndim != 1:
            raise invalid(f"data.{key}", f"an array of shape {column.shape}", "shape (n,)")
        columns.append((str(key), column))
    if noise is None:
        return columns, None
    if isinstance(noise, Mapping):
        each = {str(name): _number(f"noise.{name}", value) for name, value in noise.items()}
        return columns, json.dumps(each)
    return columns, json.dumps(_number("noise", noise))


def _csv(path: Path) -> dict[str, Real]:
    """The columns of a CSV file with a header; an empty cell is NaN."""
    import csv

    with path.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.reader(file) if row]
    if not rows:
        raise invalid(str(path), "an empty file", "a header and rows of numbers")
    head = [name.strip() for name in rows[0]]
    columns: dict[str, Real] = {}
    for i, name in enumerate(head):
        try:
            cells = [row[i].strip() for row in rows[1:]]
            columns[name] = np.array([float(cell) if cell else np.nan for cell in cells])
        except (IndexError, ValueError) as error:
            raise invalid(f"{path}: column {name}", error, "a number in every row") from None
    return columns


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is no JSON value")
