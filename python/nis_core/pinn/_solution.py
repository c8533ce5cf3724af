"""Solutions: values and derivatives anywhere, with a certificate."""

from __future__ import annotations

import html
import importlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nis_core._errors import Unavailable
from nis_core._native import NativeSolution
from nis_core.laplace._input import invalid

if TYPE_CHECKING:
    from matplotlib.animation import FuncAnimation
    from matplotlib.axes import Axes

Real = NDArray[np.float64]

MOST_VALUES = 20_000_000
"""Most values of a grid."""


@dataclass(frozen=True)
class Parameter:
    """A parameter that was found.

    Attributes:
        name: Its name in the equations.
        value: Its value.
        std_error: Its standard error; ``None`` where the data do not determine it or it was fixed.
    """

    name: str
    value: float
    std_error: float | None

    def __str__(self) -> str:
        error = "?" if self.std_error is None else f"{self.std_error:.2g}"
        return f"{self.name} = {self.value:.8g} +- {error}"


@dataclass(frozen=True)
class EquationCheck:
    """How well an equation holds on points that the solver did not use.

    Attributes:
        equation: Its text.
        residual: Root mean square of left minus right side, relative to :attr:`scale`.
        max_residual: The largest, likewise.
        at: Where that is, by coordinate.
        scale: Root mean square of the equation's largest term.
    """

    equation: str
    residual: float
    max_residual: float
    at: dict[str, float]
    scale: float


@dataclass(frozen=True)
class ConditionCheck:
    """How well a condition holds on points that the solver did not use.

    Attributes:
        condition: Its text.
        error: The largest error, in the condition's unit.
        relative: The same, relative to :attr:`scale`.
        at: Where that is, by coordinate.
        scale: Root mean square of the condition's largest term.
    """

    condition: str
    error: float
    relative: float
    at: dict[str, float]
    scale: float


@dataclass(frozen=True)
class Conservation:
    """Balance of a field's integral over space: what it gained against what flux and source brought.

    Attributes:
        equation: The equation.
        field: The field.
        drift: Largest imbalance at any time, relative to the largest integral of the field's size.
        change: Largest change of the integral, likewise: 0 for a conserved quantity.
        method: How the integrals were taken.
    """

    equation: str
    field: str
    drift: float
    change: float
    method: str


@dataclass(frozen=True)
class Certificate:
    """How far a solution can be trusted, measured on points that the solver did not use.

    Attributes:
        equations: One entry per equation.
        conditions: One entry per condition.
        conservation: Balances, for equations of first order in time on a box.
        error_estimate: Estimated relative error of the fields in the 2-norm, where there is an estimate.
        error_method: How it was estimated, or why not.
        faults: What makes the solution not valid: figures over :attr:`limit`, figures that are not finite.
        limit: The limit of every figure.
        points: Points of the domain that were used.
        seed: Seed of those points.
    """

    equations: tuple[EquationCheck, ...]
    conditions: tuple[ConditionCheck, ...]
    conservation: tuple[Conservation, ...]
    error_estimate: float | None
    error_method: str
    faults: tuple[str, ...]
    limit: float
    points: int
    seed: int

    @classmethod
    def _of(cls, spec: dict[str, Any], names: Sequence[str]) -> Certificate:
        def at(place: Sequence[float]) -> dict[str, float]:
            return dict(zip(names, place, strict=False))

        return cls(
            equations=tuple(
                EquationCheck(e["text"], e["rms"], e["max"], at(e["at"]), e["scale"])
                for e in spec["equations"]
            ),
            conditions=tuple(
                ConditionCheck(c["text"], c["error"], c["relative"], at(c["at"]), c["scale"])
                for c in spec["conditions"]
            ),
            conservation=tuple(
                Conservation(c["text"], c["field"], c["drift"], c["change"], c["method"])
                for c in spec["conservation"]
            ),
            error_estimate=spec["error_estimate"],
            error_method=spec["error_method"],
            faults=tuple(spec["faults"]),
            limit=spec["limit"],
            points=spec["points"],
            seed=spec["seed"],
        )


@dataclass(frozen=True)
class Comparison:
    """A solution against reference values.

    Attributes:
        fields: The fields compared.
        relative_l2: Per field, the 2-norm of the difference relative to that of the reference.
        max_error: Per field, the largest difference.
        at: Per field, the coordinates of that point.
        points: How many points were compared.
    """

    fields: tuple[str, ...]
    relative_l2: tuple[float, ...]
    max_error: tuple[float, ...]
    at: tuple[dict[str, float], ...]
    points: int

    def __str__(self) -> str:
        rows = zip(self.fields, self.relative_l2, self.max_error, strict=True)
        return "; ".join(f"{f}: relative L2 {r:.3g}, largest {m:.3g}" for f, r, m in rows)


def _real(value: float | None) -> float:
    return float("nan") if value is None else float(value)


class Solution:
    """A solved problem: made by :func:`solve`, :meth:`load` or pickle. Read-only, compares by value.

    Call it for values: ``solution(x=0.5, t=t)`` with numbers or arrays that broadcast, or ``solution(points)`` with an
    array of shape ``(..., d)``, the ``d`` coordinates in the order of :attr:`coordinates` along the last axis (of one
    coordinate: any shape). The result has the shape of the points; where the problem has several fields, they stand
    along one more axis at the end, in the order of :attr:`fields`. Points outside the domain raise
    :class:`InvalidInput`, unless ``outside=True``, which extrapolates.

    >>> from nis_core import pinn
    >>> swing = pinn.solve(
    ...     "u'' + 0.4*u' + 16*u = 0", domain={"t": (0, 4)}, conditions=["u(0) = 1", "u'(0) = 0"]
    ... )
    >>> swing([0.0, 1.0, 2.0]).shape
    (3,)
    >>> bool(swing.certificate.equations[0].residual < 1e-6)
    True
    """

    _native: NativeSolution

    def __init__(self) -> None:
        raise TypeError("a Solution comes from nis_core.pinn.solve, Problem.solve or Solution.load")

    @classmethod
    def _of(cls, native: NativeSolution) -> Solution:
        solution = object.__new__(cls)
        solution._native = native
        solution._about = json.loads(native.summary())
        return solution

    _about: dict[str, Any]

    @property
    def problem(self) -> dict[str, Any]:
        """The problem, as :meth:`Problem.from_dict` reads it."""
        return dict(self._about["problem"])

    @property
    def coordinates(self) -> list[str]:
        """Names of the coordinates, in the order of points."""
        return list(self._about["coordinates"])

    @property
    def fields(self) -> list[str]:
        """Names of the fields, in the order of values."""
        return list(self._about["fields"])

    @property
    def ranges(self) -> dict[str, tuple[float, float]]:
        """Range of each coordinate; of a shape, of the box around it."""
        pairs = zip(self.coordinates, self._about["ranges"], strict=True)
        return {name: (float(low), float(high)) for name, (low, high) in pairs}

    @property
    def parameters(self) -> dict[str, Parameter]:
        """The parameters that were found, by name."""
        return {
            p["name"]: Parameter(p["name"], _real(p["value"]), p["std_error"])
            for p in self._about["parameters"]
        }

    @property
    def method(self) -> str:
        """The method in words, with its sizes."""
        return str(self._about["method"])

    @property
    def iterations(self) -> int:
        """Iterations of the solver."""
        return int(self._about["iterations"])

    @property
    def converged(self) -> bool:
        """Whether the solver reached what was asked."""
        return bool(self._about["converged"])

    @property
    def valid(self) -> bool:
        """Whether it converged and its certificate holds: residuals and errors of the conditions are small."""
        return bool(self._about["valid"])

    @property
    def notes(self) -> list[str]:
        """What the reader should know: what was tried, what was refused, why it ended."""
        return list(self._about["notes"])

    @property
    def certificate(self) -> Certificate:
        """Residuals and errors on fresh points, and an estimate of the error."""
        return Certificate._of(self._about["certificate"], self.coordinates)

    @property
    def seed(self) -> int:
        """Seed of everything that was drawn."""
        return int(self._about["seed"])

    @property
    def seconds(self) -> float:
        """Seconds that the solver took."""
        return float(self._about["seconds"])

    def __call__(
        self, points: ArrayLike | None = None, /, *, outside: bool = False, **coordinates: ArrayLike
    ) -> Any:
        """Values at points: see the class."""
        rows, shape = self._points(points, coordinates)
        values = self._native.evaluate(rows, outside)
        if len(self.fields) == 1:
            return values.reshape(shape)[()]
        return values.reshape((*shape, len(self.fields)))

    def derivative(
        self,
        name: str,
        points: ArrayLike | None = None,
        /,
        **coordinates: ArrayLike,
    ) -> Any:
        """A derivative at points, exact for the solution's own form (no differences).

        Args:
            name: As in the equations: ``"u_x"``, ``"u_xt"``, ``"u'"``.
            points: As for the call of a solution; or each coordinate by name.
            **coordinates: Numbers or arrays that broadcast.

        Returns:
            Numbers in the shape of the points.

        Raises:
            NotFound: No such field or coordinate.
            LimitError: Too high an order.
            InvalidInput: A point outside the domain.
        """
        rows, shape = self._points(points, coordinates)
        return self._native.derivative(name, rows).reshape(shape)[()]

    def residual(self, points: ArrayLike | None = None, /, **coordinates: ArrayLike) -> Any:
        """Left minus right side of each equation at points.

        Returns:
            Shape of the points; where there are several equations, with one more axis at the end.
        """
        rows, shape = self._points(points, coordinates)
        values = self._native.residual(rows)
        if values.shape[1] == 1:
            return values.reshape(shape)[()]
        return values.reshape((*shape, values.shape[1]))

    def inside(
        self, points: ArrayLike | None = None, /, **coordinates: ArrayLike
    ) -> NDArray[np.bool_] | np.bool_:
        """Whether points lie in the domain; shape of the points."""
        rows, shape = self._points(points, coordinates)
        found: NDArray[np.bool_] = self._native.inside(rows).reshape(shape)
        return found[()]

    def _points(
        self, points: ArrayLike | None, coordinates: Mapping[str, ArrayLike]
    ) -> tuple[Real, tuple[int, ...]]:
        """Rows of coordinates, and the shape that results have."""
        names = self.coordinates
        if points is not None:
            if coordinates:
                raise invalid(next(iter(coordinates)), "a coordinate", "points or coordinates by name, not both")
            array = _floats("points", points)
            if len(names) == 1 and (array.ndim == 0 or array.shape[-1] != 1):
                array = array[..., np.newaxis]
            if array.ndim == 0 or array.shape[-1] != len(names):
                raise invalid(
                    "points",
                    f"an array of shape {array.shape}",
                    f"{len(names)} along the last axis: {', '.join(names)}",
                )
            return np.ascontiguousarray(array.reshape(-1, len(names))), array.shape[:-1]
        for name in coordinates:
            if name not in names:
                raise invalid(name, "a coordinate", f"one of {', '.join(names)}")
        for name in names:
            if name not in coordinates:
                raise invalid(name, "nothing", f"a value for each of {', '.join(names)}")
        given = [_floats(name, coordinates[name]) for name in names]
        try:
            axes = np.broadcast_arrays(*given)
        except ValueError:
            shapes = ", ".join(f"{n} {a.shape}" for n, a in zip(names, given, strict=True))
            raise invalid("coordinates", shapes, "shapes that broadcast") from None
        rows = np.stack([axis.ravel() for axis in axes], axis=-1)
        return np.ascontiguousarray(rows), axes[0].shape

    def on_grid(
        self, n: int | Sequence[int] | Mapping[str, int | ArrayLike] = 65, **at: ArrayLike
    ) -> dict[str, Real]:
        """Values on a grid.

        Args:
            n: Points per coordinate: one number, one per coordinate, or by name; by name also the values themselves.
            **at: Values of single coordinates: ``x=[0.1, 0.2]``, ``t=1.0``.

        Returns:
            Each coordinate's values, shape ``(n,)``, and each field with the axes in the order of the coordinates;
            NaN outside the domain (holes, corners cut out).

        >>> from nis_core import pinn
        >>> decay = pinn.solve("u' = -u", domain={"t": (0, 1)}, conditions="u(0) = 1")
        >>> grid = decay.on_grid(5)
        >>> grid["t"].tolist(), grid["u"].shape
        ([0.0, 0.25, 0.5, 0.75, 1.0], (5,))
        """
        names = self.coordinates
        if isinstance(n, Mapping):
            counts: dict[str, Any] = dict(n)
        elif isinstance(n, (int, np.integer)):
            counts = dict.fromkeys(names, int(n))
        else:
            many = list(n)
            if len(many) != len(names):
                raise invalid("n", many, f"one number for each of {', '.join(names)}")
            counts = dict(zip(names, many, strict=True))
        for name, values in at.items():
            counts[name] = np.atleast_1d(_floats(name, values))
        for name in counts:
            if name not in names:
                raise invalid(name, "a coordinate", f"one of {', '.join(names)}")
        axes: dict[str, Real] = {}
        for name in names:
            count = counts.get(name, 65)
            if isinstance(count, (int, np.integer)):
                if count < 1:
                    raise invalid(f"n.{name}" if isinstance(n, Mapping) else "n", count, "1 or more")
                low, high = self.ranges[name]
                axes[name] = np.linspace(low, high, int(count))
            else:
                axes[name] = np.atleast_1d(_floats(name, count))
            if axes[name].ndim != 1:
                raise invalid(name, f"an array of shape {axes[name].shape}", "shape (n,)")
        total = float(np.prod([float(a.size) for a in axes.values()])) * len(self.fields)
        if total > MOST_VALUES:
            raise invalid("n", f"{total:.0f} values", f"at most {MOST_VALUES}")
        mesh = np.meshgrid(*axes.values(), indexing="ij")
        rows = np.stack([m.ravel() for m in mesh], axis=-1)
        inside = self._native.inside(rows)
        values = np.full((rows.shape[0], len(self.fields)), np.nan)
        if inside.any():
            values[inside] = self._native.evaluate(np.ascontiguousarray(rows[inside]), False)
        shape = mesh[0].shape
        fields = {f: np.ascontiguousarray(values[:, i]).reshape(shape) for i, f in enumerate(self.fields)}
        return {**axes, **fields}

    def to_xarray(self, n: int | Sequence[int] | Mapping[str, int | ArrayLike] = 65, **at: ArrayLike) -> Any:
        """The grid of :meth:`on_grid` as an ``xarray.Dataset``, with method and error estimate as attributes.

        Raises:
            Unavailable: xarray is not installed.
        """
        try:
            xarray: Any = importlib.import_module("xarray")
        except ImportError as error:
            raise Unavailable(f"xarray is unavailable: {error}; pip install xarray") from None
        grid = self.on_grid(n, **at)
        return xarray.Dataset(
            {field: (self.coordinates, grid[field]) for field in self.fields},
            coords={name: grid[name] for name in self.coordinates},
            attrs={
                "equations": "; ".join(self._about["problem"]["equations"]),
                "method": self.method,
                "converged": int(self.converged),
                "error_estimate": _real(self.certificate.error_estimate),
                **{p.name: p.value for p in self.parameters.values()},
            },
        )

    def compare(
        self,
        reference: Callable[..., Any] | Mapping[str, ArrayLike],
        n: int | Sequence[int] = 65,
    ) -> Comparison:
        """The solution against reference values.

        Args:
            reference: Columns by name, the coordinates and one field or more, of equal length; or a function of the
                coordinates (by name, arrays) that gives an array of the same shape, or a mapping of such by field.
            n: Points of the grid on which a function is compared.

        Raises:
            InvalidInput: A name or a shape does not fit, a value is not finite, a point lies outside the domain.

        >>> import numpy as np
        >>> from nis_core import pinn
        >>> decay = pinn.solve("u' = -u", domain={"t": (0, 1)}, conditions="u(0) = 1")
        >>> bool(decay.compare(lambda t: np.exp(-t)).relative_l2[0] < 1e-6)
        True
        """
        names = self.coordinates
        if callable(reference):
            axes = self.on_grid(n)
            mesh = np.meshgrid(*(axes[name] for name in names), indexing="ij")
            keep = np.ravel(self.inside(np.stack(mesh, axis=-1)))
            columns: dict[str, Any] = {
                name: m.ravel()[keep] for name, m in zip(names, mesh, strict=True)
            }
            found: Any = reference(**columns)
            by_field = found if isinstance(found, Mapping) else {self.fields[0]: found}
            size = int(keep.sum())
            columns.update({f: np.broadcast_to(_floats(f, v), (size,)) for f, v in by_field.items()})
        else:
            columns = {str(key): _floats(str(key), reference[key]).ravel() for key in reference.keys()}
        missing = [name for name in names if name not in columns]
        if missing:
            raise invalid("reference", f"no column {missing[0]!r}", "a column for every coordinate")
        fields = [name for name in columns if name not in names]
        wrong = [name for name in fields if name not in self.fields]
        if wrong or not fields:
            raise invalid("reference", wrong or "no field", f"columns of {', '.join(self.fields)}")
        if len({len(c) for c in columns.values()}) != 1:
            raise invalid("reference", "columns of different length", "columns of equal length")
        rows = np.ascontiguousarray(np.stack([columns[name] for name in names], axis=-1))
        values = self._native.evaluate(rows, False)
        l2, largest, at = [], [], []
        for field in fields:
            wanted = columns[field]
            if not np.isfinite(wanted).all() or wanted.size == 0:
                raise invalid(f"reference.{field}", "no values, or some that are not finite", "finite numbers")
            difference = values[:, self.fields.index(field)] - wanted
            norm = float(np.linalg.norm(wanted))
            l2.append(float(np.linalg.norm(difference)) / norm if norm > 0 else float("nan"))
            worst = int(np.argmax(np.abs(difference)))
            largest.append(float(np.abs(difference[worst])))
            at.append({name: float(v) for name, v in zip(names, rows[worst], strict=True)})
        return Comparison(tuple(fields), tuple(l2), tuple(largest), tuple(at), int(rows.shape[0]))

    def plot(
        self,
        field: str | None = None,
        *,
        at: Mapping[str, float] | None = None,
        ax: Axes | None = None,
    ) -> Any:
        """Draws the solution with matplotlib.

        One coordinate: lines, with the data where there are some. One space coordinate and time: a map, and beside it
        lines at some times. Two space coordinates: filled contours in the shape of the domain; with time, at its
        beginning, middle and end.

        Args:
            field: The field; by default all of them, each in its own axes (of one coordinate: in one).
            at: Values of coordinates that are not to be drawn; those that there is no room for, such as ranged
                parameters, are put at the middle of their range.
            ax: Axes to draw one field in, without the lines beside the map.

        Returns:
            The axes: one, or an array of them.

        Raises:
            Unavailable: matplotlib is not installed.
        """
        from nis_core.pinn import _plot

        return _plot.plot(self, field, at or {}, ax)

    def plot_residual(
        self, equation: int = 0, *, at: Mapping[str, float] | None = None, ax: Axes | None = None
    ) -> Axes:
        """Draws the size of left minus right side of an equation on the domain, on a logarithmic scale.

        Args:
            equation: Which one, from 0.
            at: Values of coordinates that are not to be drawn.
            ax: Axes to draw in.
        """
        from nis_core.pinn import _plot

        return _plot.residual(self, equation, at or {}, ax)

    def animate(
        self,
        field: str | None = None,
        *,
        at: Mapping[str, float] | None = None,
        frames: int = 60,
        interval: float = 50.0,
        path: str | os.PathLike[str] | None = None,
    ) -> FuncAnimation:
        """The solution as it changes with time: a line over one space coordinate, or a map over two.

        Args:
            field: The field; by default the first.
            at: Values of coordinates that are not to be drawn.
            frames: Number of times.
            interval: Milliseconds between two.
            path: File to write; a name that ends in ``.gif`` needs pillow alone, others need ffmpeg.

        Returns:
            The animation; keep it as long as it shall run.

        Raises:
            Unavailable: matplotlib is not installed.
            InvalidInput: The problem has no time, or only time.
        """
        from nis_core.pinn import _plot

        return _plot.animate(self, field, at or {}, frames, interval, path)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the solution, with its problem and certificate, to a JSON file that every face of NIS reads."""
        Path(path).write_text(self._native.to_json(), encoding="utf-8")

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Solution:
        """The solution of a file that :meth:`save` or another face of NIS wrote.

        Raises:
            OSError: The file cannot be read.
            ParseError, InvalidInput, LimitError: It does not hold a solution.
        """
        return cls._of(NativeSolution.from_json(Path(path).read_text(encoding="utf-8")))

    def to_html(self) -> str:
        """The solution as one self-contained HTML page with drawings: what ``nis solve --html`` writes."""
        return self._native.to_html()

    def to_dict(self) -> dict[str, Any]:
        """Method, residuals, errors, parameters and notes as dicts, lists and numbers; not finite is ``None``."""
        value: dict[str, Any] = json.loads(self._native.summary())
        return value

    def __reduce__(self) -> tuple[Any, ...]:
        return (_unpickle, (self._native.to_json(),))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Solution) and self._native.to_json() == other._native.to_json()

    __hash__ = None  # type: ignore[assignment]

    def _verdict(self) -> str:
        if self.valid:
            return "valid"
        return "not valid" if self.converged else "not converged"

    def __repr__(self) -> str:
        residual = max((c.residual for c in self.certificate.equations), default=float("nan"), key=_rank)
        error = max((c.relative for c in self.certificate.conditions), default=float("nan"), key=_rank)
        return (
            f"<Solution of {'; '.join(self._about['problem']['equations'])!r}: {self.method}; "
            f"residual {residual:.2g}, conditions {error:.2g}, {self._verdict()}>"
        )

    def __str__(self) -> str:
        lines = [repr(self)[1:-1]]
        lines += [f"  {p}" for p in self.parameters.values()]
        lines += [f"  residual {c.residual:.3e}  {c.equation}" for c in self.certificate.equations]
        lines += [f"  error    {c.relative:.3e}  {c.condition}" for c in self.certificate.conditions]
        if self.certificate.error_estimate is not None:
            lines.append(
                f"  estimated error {self.certificate.error_estimate:.2e} ({self.certificate.error_method})"
            )
        lines += [f"  fault: {fault}" for fault in self.certificate.faults]
        lines += [f"  {note}" for note in self.notes]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        def row(cells: Sequence[str], tag: str = "td") -> str:
            inner = "".join(f"<{tag} style='text-align:left'>{html.escape(c)}</{tag}>" for c in cells)
            return f"<tr>{inner}</tr>"

        rows = [row(("equation or condition", "residual or error"), "th")]
        rows += [row((c.equation, f"{c.residual:.3e}")) for c in self.certificate.equations]
        rows += [row((c.condition, f"{c.relative:.3e}")) for c in self.certificate.conditions]
        for p in self.parameters.values():
            error = "?" if p.std_error is None else f"{p.std_error:.2g}"
            rows.append(row((p.name, f"{p.value:.8g} ± {error}")))
        if self.certificate.error_estimate is not None:
            rows.append(
                row(
                    (
                        f"estimated error ({self.certificate.error_method})",
                        f"{self.certificate.error_estimate:.2e}",
                    )
                )
            )
        head = f"<b>{html.escape(self._verdict())}</b>: {html.escape(self.method)}, {self.iterations} iterations, {self.seconds:.2f} s"
        notes = "".join(f"<li>{html.escape(n)}</li>" for n in [*self.certificate.faults, *self.notes])
        return f"<div><p>{head}</p><table>{''.join(rows)}</table>{f'<ul>{notes}</ul>' if notes else ''}</div>"


def _rank(value: float) -> float:
    """NaN is worse than any number."""
    return float("inf") if value != value else value


def _floats(field: str, value: ArrayLike) -> Real:
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise invalid(field, type(value).__name__, f"numbers ({error})") from None
    if array.dtype.kind not in "biuf":
        try:
            if array.dtype.kind == "c":
                raise ValueError
            return np.asarray(array, dtype=np.float64)
        except (TypeError, ValueError):
            raise invalid(field, f"values of type {array.dtype}", "real numbers") from None
    return array.astype(np.float64, copy=False)


def _unpickle(text: str) -> Solution:
    return Solution._of(NativeSolution.from_json(text))
