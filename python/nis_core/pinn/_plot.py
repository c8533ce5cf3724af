"""Drawings of solutions, by matplotlib."""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nis_core.laplace._input import invalid
from nis_core.laplace._plots import axes, pyplot

if TYPE_CHECKING:
    from matplotlib.animation import FuncAnimation
    from matplotlib.axes import Axes

    from nis_core.pinn._solution import Solution

Real = NDArray[np.float64]

TIME = "t"
LINE, MAP = 601, 181
"""Points along a line, and along each side of a map."""
TIMES = 5
"""Lines drawn beside a map."""
LEVELS = 24


def plot(solution: Solution, field: str | None, at: Mapping[str, float], ax: Axes | None) -> Any:
    fields = _fields(solution, field)
    free, fixed = _free(solution, at)
    title = _title(fixed)
    if len(free) == 1:
        return _lines(solution, fields, free[0], fixed, axes(ax) if ax is not None else _new())
    if len(free) == 3:
        if ax is not None:
            free, fixed = free[:2], {**fixed, free[2]: _middle(solution, free[2])}
            return _map(solution, fields[0], free, fixed, ax, _title(fixed))
        return _snapshots(solution, fields, free, fixed)
    if ax is not None:
        return _map(solution, fields[0], free, fixed, ax, title)
    if free[1] == TIME:
        return _map_and_lines(solution, fields, free, fixed, title)
    count = len(fields)
    _, panels = pyplot().subplots(
        1, count, figsize=(5.4 * count, 4.4), squeeze=False, constrained_layout=True
    )
    for panel, name in zip(panels[0], fields, strict=True):
        _map(solution, name, free, fixed, panel, title)
    return panels[0, 0] if count == 1 else panels[0]


def _new() -> Axes:
    _, ax = pyplot().subplots(figsize=(6.4, 4.2), constrained_layout=True)
    return ax  # type: ignore[no-any-return]


def _fields(solution: Solution, field: str | None) -> list[str]:
    if field is None:
        return solution.fields
    if field not in solution.fields:
        raise invalid("field", field, f"one of {', '.join(solution.fields)}")
    return [field]


def _middle(solution: Solution, name: str) -> float:
    low, high = solution.ranges[name]
    return 0.5 * (low + high)


def _free(solution: Solution, at: Mapping[str, float]) -> tuple[list[str], dict[str, float]]:
    """The coordinates to draw over, space first, and the values of the others."""
    names = solution.coordinates
    for name in at:
        if name not in names:
            raise invalid(f"at.{name}", at[name], f"one of {', '.join(names)}")
    fixed = {name: float(value) for name, value in at.items()}
    # Ranged parameters stand last: they are fixed unless nothing else is there to draw over.
    ranged = set(solution.problem.get("parameters", {}))
    free = [name for name in names if name not in fixed and name not in ranged]
    if not free:
        free = [name for name in names if name not in fixed]
    if not free:
        raise invalid("at", fixed, "at least one coordinate left to draw over")
    while len(free) > 3 or (len(free) == 3 and TIME not in free):
        name = next(n for n in reversed(free) if n != TIME)
        free.remove(name)
    for name in names:
        if name not in free and name not in fixed:
            fixed[name] = _middle(solution, name)
    return free, fixed


def _title(fixed: Mapping[str, float]) -> str:
    return ", ".join(f"{name} = {value:.4g}" for name, value in fixed.items())


def _grid(
    solution: Solution, free: list[str], fixed: Mapping[str, float], points: int
) -> tuple[list[Real], dict[str, Real]]:
    """Axes of the free coordinates, and the fields over them in that order."""
    given: dict[str, Any] = {name: points for name in free}
    grid = solution.on_grid({**given, **{n: np.array([v]) for n, v in fixed.items()}})
    order = [name for name in solution.coordinates if name in free]
    moved = [order.index(name) for name in free]
    keep = tuple(slice(None) if name in free else 0 for name in solution.coordinates)
    values = {f: np.transpose(grid[f][keep], moved) for f in solution.fields}
    return [grid[name] for name in free], values


def _data(solution: Solution) -> tuple[list[str], Real, Real] | None:
    """Fields, points and values of the measurements, where there are some."""
    data = solution.problem.get("data")
    if not data:
        return None
    values = np.array(
        [[np.nan if v is None else v for v in row] for row in data["values"]], dtype=np.float64
    )
    return list(data["fields"]), np.array(data["points"], dtype=np.float64), values


def _lines(
    solution: Solution, fields: list[str], name: str, fixed: Mapping[str, float], ax: Axes
) -> Axes:
    (x,), values = _grid(solution, [name], fixed, LINE)
    measured = _data(solution) if len(solution.coordinates) == 1 else None
    for i, field in enumerate(fields):
        color = f"C{i}"
        ax.plot(x, values[field], color=color, label=field, linewidth=1.6)
        if measured and field in measured[0]:
            ax.plot(
                measured[1][:, 0],
                measured[2][:, measured[0].index(field)],
                "o",
                color=color,
                markersize=3.5,
                alpha=0.6,
                label=f"{field}, measured",
            )
    ax.set_xlabel(name)
    ax.set_ylabel(fields[0] if len(fields) == 1 else "value")
    ax.margins(x=0.01)
    ax.grid(True, alpha=0.3)
    if len(fields) > 1 or measured:
        ax.legend(fontsize="small")
    if fixed:
        ax.set_title(_title(fixed), fontsize="medium")
    return ax


def _limits(values: Real) -> tuple[float, float, str]:
    """Ends of the colours and the map: symmetric about zero where the values lie on both sides of it."""
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        return 0.0, 1.0, "viridis"
    low, high = float(finite.min()), float(finite.max())
    if low < 0.0 < high and min(-low, high) > 0.2 * max(-low, high):
        reach = max(-low, high)
        return -reach, reach, "RdBu_r"
    if not high > low:
        reach = abs(low) * 1e-3 or 1.0
        return low - reach, high + reach, "viridis"
    return low, high, "viridis"


def _map(
    solution: Solution,
    field: str,
    free: list[str],
    fixed: Mapping[str, float],
    ax: Axes,
    title: str,
    limits: tuple[float, float, str] | None = None,
    bar: bool = True,
) -> Axes:
    """A field over two coordinates: space over time as an image, the plane as contours."""
    (a, b), values = _grid(solution, free, fixed, MAP)
    field_values = values[field]
    low, high, colors = limits or _limits(field_values)
    drawn: Any
    if free[1] == TIME:
        # Time runs to the right.
        drawn = ax.pcolormesh(
            b, a, field_values, shading="gouraud", cmap=colors, vmin=low, vmax=high, rasterized=True
        )
        ax.set_xlabel(free[1])
        ax.set_ylabel(free[0])
        measured = _data(solution)
        if measured and len(solution.coordinates) == 2:
            ax.plot(measured[1][:, 1], measured[1][:, 0], "k.", markersize=2, alpha=0.5)
    else:
        levels = np.linspace(low, high, LEVELS + 1)
        masked = np.ma.masked_invalid(field_values.T)
        drawn = ax.contourf(a, b, masked, levels=levels, cmap=colors, extend="both")
        ax.contour(a, b, masked, levels=levels[::3], colors="black", linewidths=0.4, alpha=0.45)
        _outline(solution, free, ax)
        ax.set_aspect("equal")
        ax.set_xlabel(free[0])
        ax.set_ylabel(free[1])
    ax.set_title(f"{field}, {title}" if title else field, fontsize="medium")
    if bar:
        colorbar = ax.figure.colorbar(drawn, ax=ax, shrink=0.9)
        colorbar.locator = importlib.import_module("matplotlib.ticker").MaxNLocator(7)
        colorbar.update_ticks()
    return ax


def _outline(solution: Solution, free: list[str], ax: Axes) -> None:
    """The boundary of the shape and of its holes; of a box, its sides."""
    domain = solution.problem.get("domain", {})
    shapes = [domain["shape"]] if "shape" in domain else []
    shapes += domain.get("holes", [])
    if free != ["x", "y"]:
        shapes = []
    box = [solution.ranges[name] for name in free]
    margin = [0.03 * (high - low) for low, high in box]
    ax.set_xlim(box[0][0] - margin[0], box[0][1] + margin[0])
    ax.set_ylim(box[1][0] - margin[1], box[1][1] + margin[1])
    if "shape" not in domain:
        shapes.append({"rectangle": [[box[0][0], box[1][0]], [box[0][1], box[1][1]]]})
    style: dict[str, Any] = {"color": "black", "linewidth": 1.1}
    for shape in shapes:
        if "disk" in shape:
            angle = np.linspace(0.0, 2.0 * np.pi, 361)
            (cx, cy), r = shape["disk"]["center"], shape["disk"]["radius"]
            ax.plot(cx + r * np.cos(angle), cy + r * np.sin(angle), **style)
        elif "polygon" in shape:
            corners = np.array([*shape["polygon"], shape["polygon"][0]])
            ax.plot(corners[:, 0], corners[:, 1], **style)
        elif "rectangle" in shape:
            (x0, y0), (x1, y1) = shape["rectangle"]
            ax.plot([x0, x1, x1, x0, x0], [y0, y0, y1, y1, y0], **style)


def _map_and_lines(
    solution: Solution, fields: list[str], free: list[str], fixed: Mapping[str, float], title: str
) -> Any:
    """Per field a map over space and time, and lines over space at some times."""
    plt = pyplot()
    rows = len(fields)
    _, panels = plt.subplots(
        rows,
        2,
        figsize=(9.6, 3.6 * rows),
        squeeze=False,
        constrained_layout=True,
        gridspec_kw={"width_ratios": [1.25, 1.0]},
    )
    space, time = free
    low, high = solution.ranges[time]
    times = np.linspace(low, high, TIMES)
    x = np.linspace(*solution.ranges[space], LINE)
    shades = plt.get_cmap("viridis")(np.linspace(0.0, 0.85, TIMES))
    grid = solution.on_grid({space: x, time: times, **{n: np.array([v]) for n, v in fixed.items()}})
    keep = tuple(slice(None) if name in free else 0 for name in solution.coordinates)
    for row, field in zip(panels, fields, strict=True):
        _map(solution, field, free, fixed, row[0], title)
        lines = grid[field][keep]
        if solution.coordinates.index(space) > solution.coordinates.index(time):
            lines = lines.T
        for i, t in enumerate(times):
            row[1].plot(x, lines[:, i], color=shades[i], label=f"{time} = {t:.4g}", linewidth=1.4)
            row[0].axvline(t, color=shades[i], linewidth=0.8, linestyle=":")
        row[1].set_xlabel(space)
        row[1].set_ylabel(field)
        row[1].margins(x=0.01)
        row[1].grid(True, alpha=0.3)
        row[1].legend(fontsize="small")
    return panels[0] if rows == 1 else panels


def _snapshots(
    solution: Solution, fields: list[str], free: list[str], fixed: Mapping[str, float]
) -> Any:
    """Per field the plane at the beginning, in the middle and at the end of time."""
    low, high = solution.ranges[TIME]
    plane = [name for name in free if name != TIME]
    times = [low, 0.5 * (low + high), high]
    _, panels = pyplot().subplots(
        len(fields),
        3,
        figsize=(13.0, 4.0 * len(fields)),
        squeeze=False,
        constrained_layout=True,
    )
    for row, field in zip(panels, fields, strict=True):
        every = np.concatenate(
            [_grid(solution, plane, {**fixed, TIME: t}, 61)[1][field].ravel() for t in times]
        )
        limits = _limits(every)
        for panel, t in zip(row, times, strict=True):
            here = {**fixed, TIME: t}
            _map(solution, field, plane, here, panel, _title(here), limits)
    return panels[0] if len(fields) == 1 else panels


def residual(solution: Solution, equation: int, at: Mapping[str, float], ax: Axes | None) -> Axes:
    texts = [check.equation for check in solution.certificate.equations]
    if not 0 <= equation < max(1, len(texts)):
        raise invalid("equation", equation, f"0 to {len(texts) - 1}")
    free, fixed = _free(solution, at)
    if len(free) == 3:
        fixed = {**fixed, free[2]: _middle(solution, free[2])}
        free = free[:2]
    ax = axes(ax) if ax is not None else _new()
    # Off the grid lines of ends and corners, where conditions and equations may disagree.
    sides = [np.linspace(*solution.ranges[name], MAP if len(free) == 2 else LINE) for name in free]
    sides = [0.5 * (side[1:] + side[:-1]) for side in sides]
    mesh = np.meshgrid(*sides, indexing="ij")
    by_name = dict(zip(free, mesh, strict=True))
    columns = [by_name.get(n, np.full(mesh[0].shape, fixed.get(n, 0.0))) for n in solution.coordinates]
    points = np.stack(columns, axis=-1)
    inside = np.asarray(solution.inside(points))
    size = np.full(mesh[0].shape, np.nan)
    found = np.asarray(solution.residual(points[inside]))
    size[inside] = np.abs(found if found.ndim == 1 else found[:, equation])
    finite = size[np.isfinite(size) & (size > 0.0)]
    least = float(np.quantile(finite, 0.02)) if finite.size else 1e-16
    what = f"|residual| of {texts[equation]}" if texts else "|residual|"
    if len(free) == 1:
        ax.semilogy(sides[0], np.maximum(size, least * 1e-2), linewidth=1.2)
        ax.set_xlabel(free[0])
        ax.set_ylabel("|left - right|")
        ax.grid(True, alpha=0.3)
        ax.margins(x=0.01)
        ax.set_title(what, fontsize="medium")
        return ax
    colors = importlib.import_module("matplotlib.colors")
    high = float(finite.max()) if finite.size else 1.0
    norm = colors.LogNorm(vmin=least, vmax=max(high, least * 10.0))
    masked = np.ma.masked_invalid(np.maximum(size, least))
    timed = free[1] == TIME
    across, up, values = (sides[1], sides[0], masked) if timed else (sides[0], sides[1], masked.T)
    drawn = ax.pcolormesh(across, up, values, shading="nearest", cmap="magma", norm=norm, rasterized=True)
    ax.set_xlabel(free[1] if timed else free[0])
    ax.set_ylabel(free[0] if timed else free[1])
    if not timed:
        _outline(solution, free, ax)
        ax.set_aspect("equal")
    ax.figure.colorbar(drawn, ax=ax, shrink=0.9)
    ax.set_title(what, fontsize="medium")
    return ax


def animate(
    solution: Solution,
    field: str | None,
    at: Mapping[str, float],
    frames: int,
    interval: float,
    path: str | os.PathLike[str] | None,
) -> FuncAnimation:
    name = _fields(solution, field)[0]
    if TIME not in solution.coordinates or len(solution.coordinates) < 2 or TIME in at:
        raise invalid("animate", solution.coordinates, "a problem in space and time")
    if frames < 2:
        raise invalid("frames", frames, "2 or more")
    plt = pyplot()
    animation = importlib.import_module("matplotlib.animation")
    free, fixed = _free(solution, at)
    space = [n for n in free if n != TIME]
    times = np.linspace(*solution.ranges[TIME], frames)
    figure, ax = plt.subplots(figsize=(6.0, 4.2), constrained_layout=True)
    if len(space) == 1:
        x = np.linspace(*solution.ranges[space[0]], LINE)
        shots = _over_time(solution, name, {space[0]: x}, times, fixed)
        (line,) = ax.plot(x, shots[0], linewidth=1.8)
        finite = shots[np.isfinite(shots)]
        room = 0.05 * (float(np.ptp(finite)) or 1.0)
        ax.set_ylim(float(finite.min()) - room, float(finite.max()) + room)
        ax.set_xlim(float(x[0]), float(x[-1]))
        ax.set_xlabel(space[0])
        ax.set_ylabel(name)
        ax.grid(True, alpha=0.3)

        def draw(values: Real) -> Any:
            line.set_ydata(values)
            return line

    else:
        sides = {n: np.linspace(*solution.ranges[n], 101) for n in space}
        shots = _over_time(solution, name, sides, times, fixed)
        low, high, colors = _limits(shots)
        image = ax.pcolormesh(
            sides[space[0]],
            sides[space[1]],
            np.ma.masked_invalid(shots[0].T),
            shading="nearest",
            cmap=colors,
            vmin=low,
            vmax=high,
        )
        figure.colorbar(image, ax=ax, shrink=0.9)
        _outline(solution, space, ax)
        ax.set_aspect("equal")
        ax.set_xlabel(space[0])
        ax.set_ylabel(space[1])

        def draw(values: Real) -> Any:
            image.set_array(np.ma.masked_invalid(values.T))
            return image

    def frame(i: int) -> Any:
        ax.set_title(f"{name}, {_title({**fixed, TIME: float(times[i])})}", fontsize="medium")
        return (draw(shots[i]),)

    made = animation.FuncAnimation(figure, frame, frames=frames, interval=interval, blit=False)
    if path is not None:
        gif = os.fspath(path).endswith(".gif")
        rate = max(1, round(1000.0 / interval))
        made.save(path, writer=animation.PillowWriter(fps=rate) if gif else None)
    return made  # type: ignore[no-any-return]


def _over_time(
    solution: Solution,
    field: str,
    sides: Mapping[str, Real],
    times: Real,
    fixed: Mapping[str, float],
) -> Real:
    """The field over space at each time: times first."""
    rest = {n: np.array([v]) for n, v in fixed.items()}
    grid = solution.on_grid({**sides, TIME: times, **rest})
    names = solution.coordinates
    keep = tuple(slice(None) if n in sides or n == TIME else 0 for n in names)
    left = [n for n in names if n in sides or n == TIME]
    return np.transpose(grid[field][keep], [left.index(TIME), *(left.index(n) for n in sides)])
