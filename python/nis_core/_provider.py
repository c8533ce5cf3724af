"""Providers written in Python."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from nis_core import _native


class Provider(Protocol):
    """What :meth:`Nis.register_provider` takes: any object with these.

    ``complete`` is called on threads of the runtime, several at once. What it may return:

    * a text;
    * an iterable (for example by being a generator) of pieces of text, heard at once where the chat is
      streamed; closed early where nobody waits for the reply any more;
    * a dict: ``text``, ``tool_calls`` (each ``id``, ``name``, and ``arguments`` as JSON text), ``finish``,
      ``usage``, ``refusal``, ``model``, ``reasoning``; an iterable may end in one, without ``text``;
    * an awaitable of a text or a dict (for example by being ``async def``), run on an event loop of its own.

    What it raises fails the chat with :class:`ProviderError`; attributes ``status`` and ``retryable`` of the
    exception are passed on.
    """

    name: str
    """Its name in requests: 1 to 64 letters, digits, ``_``, ``-``, ``.``."""

    def complete(self, request: dict[str, Any]) -> Any:
        """Completes the conversation ``request["messages"]``, with ``request["tools"]`` on offer."""


def _completion(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        return {"text": value}
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(
        f"a provider's reply: got {type(value).__name__}, expected a text, a dict or pieces of text"
    )


async def _awaited(value: Any) -> Any:
    return await value


def _made(value: Any, saying: _native.NativeSaying) -> dict[str, Any]:
    if inspect.isawaitable(value):
        value = asyncio.run(_awaited(value))
    if isinstance(value, (str, Mapping)) or not isinstance(value, Iterable):
        return _completion(value)
    last: dict[str, Any] = {}
    pieces = iter(value)
    try:
        for piece in pieces:
            if not isinstance(piece, str):
                last = _completion(piece)
            elif not saying.text(piece):
                break
    finally:
        close = getattr(pieces, "close", None)
        if close is not None:
            close()
    return last


def caller(provider: Provider) -> Callable[[str, _native.NativeSaying], str]:
    """What the native side calls: JSON in, JSON out, never an exception."""

    def call(request: str, saying: _native.NativeSaying) -> str:
        try:
            return json.dumps({"completion": _made(provider.complete(json.loads(request)), saying)})
        except BaseException as error:  # noqa: BLE001: nobody is above to hear it
            status = getattr(error, "status", None)
            answer = {
                "message": f"{type(error).__name__}: {error}",
                "status": status if type(status) is int and 100 <= status < 600 else None,
                "retryable": bool(getattr(error, "retryable", False)),
            }
            return json.dumps({"error": answer})

    return call
