"""Drawings of networks."""

from __future__ import annotations

import importlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nis_core import _native
from nis_core._errors import Unavailable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Real = NDArray[np.float64]

# Lengths in sides of a curve's box.
SLOT = 1.35
# Height of the row of factors below nodes that multiply.
FACTORS = 0.9
POINTS = 80
# Below this share of the largest score in its layer an edge is drawn as faint as can be.
FAINTEST = 0.08


@dataclass(frozen=True)
class _Edge:
    """One edge of the drawing."""

    input: int
    sum: int
    x: Real
    y: Real
    alpha: float
    fixed: bool


def pyplot() -> Any:
    """``matplotlib.pyplot``, or a clear error."""
    try:
        return importlib.import_module("matplotlib.pyplot")
    except ImportError as error:
        raise Unavailable(f"plots are unavailable: {error}; pip install matplotlib") from None


def draw(model: _native.NativeKanModel, rows: Real, ax: Axes | None) -> Axes:
    """Nodes in rows, inputs at the bottom, and on every edge a box with its curve."""
    about = json.loads(model.describe())
    layers = about["net"]["layers"]
    scores = json.loads(model.importance(rows))
    all_edges = [_edges(model, l, layer, scores) for l, layer in enumerate(layers)]
    widths: list[int] = about["net"]["widths"]

    slots = [layer["inputs"] * layer["sums"] for layer in layers]
    width = SLOT * max(*slots, *(2 * w for w in widths), 3)
    gap = 0.55 + 0.055 * width
    # Products need a row of their own, of the factors.
    heights = [1 + 2 * gap + (FACTORS if layer["products"] else 0.0) for layer in layers]
    level = np.concatenate([[0.0], np.cumsum(heights)])
    if ax is None:
        total = (width, float(level[-1]) + 2.2)
        inch = min(0.62, 15.0 / total[0])
        inch = max(inch, 3.2 / max(total))
        figure = pyplot().figure(figsize=(total[0] * inch + 0.3, total[1] * inch + 0.3))
        ax = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    assert ax is not None
    unit = _points_per_unit(ax, width, float(level[-1]) + 2.2)
    for l, layer in enumerate(layers):
        _layer(ax, layer, all_edges[l], width, float(level[l]), gap, unit)
    for l, count in enumerate(widths):
        at = _spread(count, width)
        products = len(layers[l - 1]["products"]) if l > 0 else 0
        alive = [1.0 if score > 1e-9 else 0.3 for score in scores["nodes"][l]]
        for i, (x, alpha) in enumerate(zip(at, alive, strict=True)):
            times = i >= count - products
            _node(ax, float(x), float(level[l]), unit, "\N{MULTIPLICATION SIGN}" if times else "", alpha)
    size = float(np.clip(0.42 * unit, 6.0, 15.0))
    for columns, y, side in (
        (about["inputs"], level[0] - 0.35, "top"),
        (about["outputs"], level[-1] + 0.35, "bottom"),
    ):
        room = width / len(columns)
        for x, column in zip(_spread(len(columns), width), columns, strict=True):
            _name(ax, float(x), float(y), column["name"], side, size, room * unit)
    ax.set_xlim(0.0, width)
    ax.set_ylim(float(level[0]) - 1.1, float(level[-1]) + 1.1)
    ax.set_aspect("equal")
    ax.axis("off")
    return ax


def _points_per_unit(ax: Axes, width: float, height: float) -> float:
    """Typographic points that a side of a box will have."""
    box = ax.get_window_extent()
    dpi = ax.figure.dpi
    return float(min(box.width / width, box.height / height)) * 72.0 / float(dpi)


def _spread(count: int, width: float) -> Real:
    middles: Real = (np.arange(count, dtype=np.float64) + 0.5) * (width / count)
    return middles


def _edges(
    model: _native.NativeKanModel, l: int, layer: dict[str, Any], scores: dict[str, Any]
) -> list[_Edge]:
    """The edges of a layer that are not removed, over the values that their inputs take."""
    score = np.array(scores["edges"][l], dtype=float)
    largest = float(score.max(initial=0.0))
    out = []
    for i in range(layer["inputs"]):
        low, high = scores["range"][l][i]
        if not high > low:
            low, high = low - 1.0, high + 1.0
        x = np.linspace(low, high, POINTS)
        for o in range(layer["sums"]):
            kind = layer["edges"][i][o]
            if kind == "removed":
                continue
            y = model.curve(l, i, o, x)
            share = float(score[i * layer["sums"] + o]) / largest if largest > 0 else 0.0
            # As in the figures of Liu et al. (2024), section 2.5.1: tanh of three times the score.
            alpha = max(float(np.tanh(3.0 * share)), FAINTEST)
            out.append(_Edge(i, o, x, y, alpha, kind != "trained"))
    return out


def _layer(
    ax: Axes,
    layer: dict[str, Any],
    edges: list[_Edge],
    width: float,
    bottom: float,
    gap: float,
    unit: float,
) -> None:
    inputs, sums, products = layer["inputs"], layer["sums"], layer["products"]
    from_x, boxes = _spread(inputs, width), _spread(inputs * sums, width)
    plain = sums - sum(products)
    to_x = _spread(plain + len(products), width)
    box_y = bottom + gap + 0.5
    sum_y = bottom + 1 + 2 * gap
    # Where each sum goes: to its node, or to a factor below the node that multiplies.
    ends: list[float] = [float(x) for x in to_x[:plain]]
    spacing = min(0.8, 0.8 * width / max(1, sums))
    for node, factors in zip(to_x[plain:], products, strict=True):
        ends += [float(node) + spacing * (k - 0.5 * (factors - 1)) for k in range(factors)]
    line = float(np.clip(0.07 * unit, 0.4, 1.6))
    for edge in edges:
        at = float(boxes[edge.input * sums + edge.sum])
        colour = "tab:red" if edge.fixed else "black"
        style: dict[str, Any] = {"color": colour, "alpha": edge.alpha, "linewidth": line, "solid_capstyle": "round"}
        ax.plot([from_x[edge.input], at], [bottom, box_y - 0.5], zorder=1, **style)
        top = sum_y + (FACTORS if products and edge.sum < plain else 0.0)
        ax.plot([at, ends[edge.sum]], [box_y + 0.5, top], zorder=1, **style)
        _box(ax, at, box_y, edge, colour, line)
    start = plain
    for node, factors in zip(to_x[plain:], products, strict=True):
        for x in ends[start : start + factors]:
            ax.plot([x, node], [sum_y, sum_y + FACTORS], color="black", linewidth=line, zorder=1)
            _node(ax, x, sum_y, 0.6 * unit, "", 1.0)
        start += factors


def _box(ax: Axes, x: float, y: float, edge: _Edge, colour: str, line: float) -> None:
    """A square of side 1 around `(x, y)` with the curve in it."""
    corners_x, corners_y = [-0.5, 0.5, 0.5, -0.5], [-0.5, -0.5, 0.5, 0.5]
    ax.fill(
        [x + c for c in corners_x],
        [y + c for c in corners_y],
        facecolor="white",
        edgecolor=_faded(colour, edge.alpha),
        linewidth=line,
        zorder=2,
    )
    low, high = float(np.min(edge.y)), float(np.max(edge.y))
    middle, half = 0.5 * (low + high), 0.5 * (high - low)
    # A curve that is constant to rounding is a line through the middle, not noise blown up.
    if half <= 1e-9 * max(abs(low), abs(high)):
        half = np.inf
    across = np.linspace(-0.4, 0.4, len(edge.x))
    ax.plot(
        x + across,
        y + 0.4 * (edge.y - middle) / half,
        color=_faded(colour, edge.alpha),
        linewidth=1.5 * line,
        solid_capstyle="round",
        zorder=3,
    )


def _faded(colour: str, alpha: float) -> tuple[float, float, float]:
    to_rgb = importlib.import_module("matplotlib.colors").to_rgb
    red, green, blue = (1.0 - alpha * (1.0 - c) for c in to_rgb(colour))
    return red, green, blue


def _node(ax: Axes, x: float, y: float, unit: float, text: str, alpha: float) -> None:
    size = float(np.clip((0.5 if text else 0.26) * unit, 2.0, 16.0))
    ax.plot([x], [y], "o", color=_faded("black", alpha), markersize=size, zorder=4)
    if text:
        ax.text(x, y, text, color="white", fontsize=0.8 * size, ha="center", va="center", zorder=5)


def _name(ax: Axes, x: float, y: float, name: str, side: str, size: float, room: float) -> None:
    """A name below or above its node, smaller and turned where there is no room."""
    if 0.62 * size * len(name) <= room:
        ax.text(x, y, name, fontsize=size, ha="center", va=side)
        return
    small = float(np.clip(room / 1.3, 4.0, size))
    if 0.62 * small * len(name) <= room:
        ax.text(x, y, name, fontsize=small, ha="center", va=side)
        return
    right = "right" if side == "top" else "left"
    ax.text(x, y, name, fontsize=small, ha=right, va=side, rotation=35, rotation_mode="anchor")
