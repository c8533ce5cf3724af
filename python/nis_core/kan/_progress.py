"""Progress of a fit as a bar of tqdm."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from nis_core._errors import Unavailable

Progress = Callable[[str, int, int, str], object]


class Bars:
    """One bar per stage; then the caller's function."""

    def __init__(self, also: Progress | None) -> None:
        try:
            self._tqdm: Any = importlib.import_module("tqdm.auto").tqdm
        except ImportError as error:
            raise Unavailable(f"progress bars are unavailable: {error}; pip install tqdm") from None
        self._also = also
        self._stage: str | None = None
        self._bar: Any = None

    def __call__(self, stage: str, done: int, total: int, message: str) -> object:
        if stage != self._stage or (self._bar is not None and done < self._bar.n):
            self.close()
            self._stage = stage
            self._bar = self._tqdm(desc=stage, total=total or None)
        self._bar.n = done
        if message:
            self._bar.set_postfix_str(message, refresh=False)
        self._bar.refresh()
        return None if self._also is None else self._also(stage, done, total, message)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
