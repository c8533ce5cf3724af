"""What the plots share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nis_core._errors import Unavailable

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def axes(ax: Axes | None) -> Axes:
    """The axes given, or those of a new figure."""
    if ax is not None:
        return ax
    try:
        import matplotlib.pyplot as plt
    except ImportError as e:
        raise Unavailable(f"plots are unavailable: {e}; pip install matplotlib") from None
    return plt.subplots()[1]
