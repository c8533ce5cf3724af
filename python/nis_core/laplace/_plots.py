"""What the plots share."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, cast

from nis_core._errors import Unavailable

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def pyplot() -> Any:
    """``matplotlib.pyplot``, or a clear error."""
    try:
        return importlib.import_module("matplotlib.pyplot")
    except ImportError as error:
        raise Unavailable(f"plots are unavailable: {error}; pip install matplotlib") from None


def axes(ax: Axes | None) -> Axes:
    """The axes given, or those of a new figure."""
    return cast("Axes", pyplot().subplots()[1]) if ax is None else ax
