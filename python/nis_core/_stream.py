"""Answers heard while they are made: parts, and the streams that give them."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from nis_core import _native

if TYPE_CHECKING:
    from nis_core._runtime import ChatReply


@dataclass(frozen=True, slots=True)
class BeginPart:
    """The question was accepted. Always the first part."""

    conversation_id: str
    """The conversation that it belongs to."""
    user_id: str
    """Who asks."""
    provider: str
    """Which provider is asked."""
    model: str
    """Its model."""
    real_ai: bool
    """Whether a language model answers."""


@dataclass(frozen=True, slots=True)
class TextPart:
    """More text. What comes after the last :class:`ToolResultPart` is the answer."""

    text: str
    """The text."""


@dataclass(frozen=True, slots=True)
class ReasoningPart:
    """More of the reasoning that the model shows."""

    text: str
    """The text."""


@dataclass(frozen=True, slots=True)
class ToolCallPart:
    """A tool is called."""

    id: str
    """Names the call."""
    name: str
    """The tool."""
    arguments: str
    """JSON text as the model wrote it."""


@dataclass(frozen=True, slots=True)
class ToolResultPart:
    """What a tool gave."""

    id: str
    """The call."""
    name: str
    """The tool."""
    result: Any
    """Its result, or ``{"error": {"code": .., "message": ..}}``."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Something that the answer states and that was computed again."""

    text: str
    """The equality as it was understood."""
    stated: float
    """The value stated on the right."""
    computed: float | None
    """The value of the left side, in the unit of the right; ``None`` where the units do not fit."""
    holds: bool
    """Whether they agree."""


@dataclass(frozen=True, slots=True)
class ClaimsPart:
    """What the answer states and was computed again."""

    claims: list[Claim]
    """The claims; empty where nothing could be checked."""
    confidence: float | None
    """The share that holds; ``None`` where there are none."""


@dataclass(frozen=True, slots=True)
class ReplyPart:
    """The whole answer. Always the last part."""

    reply: ChatReply
    """What :meth:`Nis.chat` would have returned."""


Part = BeginPart | TextPart | ReasoningPart | ToolCallPart | ToolResultPart | ClaimsPart | ReplyPart
"""What a stream gives, in order: first :class:`BeginPart`, last :class:`ReplyPart`."""

_KINDS: dict[str, Any] = {
    "begin": BeginPart,
    "text": TextPart,
    "reasoning": ReasoningPart,
    "tool_call": ToolCallPart,
    "tool_result": ToolResultPart,
}


def _part(data: dict[str, Any]) -> Part | None:
    """The part that the core gave as an object; ``None`` for a kind that this package does not know."""
    from nis_core._runtime import ChatReply

    kind = data.pop("type")
    if kind == "reply":
        return ReplyPart(ChatReply._read(data))
    if kind == "claims":
        return ClaimsPart([Claim(**claim) for claim in data["claims"]], data["confidence"])
    cls = _KINDS.get(kind)
    return None if cls is None else cls(**data)


def _parts(text: str) -> Iterator[Part]:
    return (part for part in map(_part, json.loads(text)) if part is not None)


class ChatStream(Iterator[Part]):
    """The parts of one answer, in order; see :meth:`Nis.stream`. The work goes on only while parts are asked for.

    Closing it, leaving its ``with`` block, or dropping it stops the work and closes the connection.
    """

    def __init__(self, native: _native.NativeStream) -> None:
        self._native = native
        self._ready: deque[Part] = deque()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Part:
        while not self._ready:
            batch = self._native.next_batch()
            if batch is None:
                raise StopIteration
            self._ready.extend(_parts(batch))
        return self._ready.popleft()

    def close(self) -> None:
        """Stops the work; nothing comes after it."""
        self._ready.clear()
        self._native.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class AsyncChatStream(AsyncIterator[Part]):
    """The parts of one answer on an asyncio event loop; see :meth:`Nis.astream`.

    The answer is made on the runtime's threads; the loop is woken once for all parts that arrived meanwhile.
    Cancelling the task that waits, :meth:`aclose`, leaving the ``async with`` block, or dropping the stream stops
    the work and closes the connection.
    """

    def __init__(self, native: _native.NativeNis, request: str) -> None:
        loop = asyncio.get_running_loop()
        event = asyncio.Event()
        self._woken = event
        # Holds the event only: a dropped stream goes at once, and takes the work with it.
        self._native = native.answer(request, lambda: loop.call_soon_threadsafe(event.set))
        self._ready: deque[Part] = deque()
        self._ended = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Part:
        try:
            while not self._ready:
                if self._ended:
                    raise StopAsyncIteration
                if not self._native.ready():
                    await self._woken.wait()
                self._woken.clear()
                batch, self._ended = self._native.take()
                self._ready.extend(_parts(batch))
        except StopAsyncIteration:
            raise
        except BaseException:
            # Also a cancelled task.
            self._close()
            raise
        return self._ready.popleft()

    def _close(self) -> None:
        self._ended = True
        self._ready.clear()
        self._native.close()

    async def aclose(self) -> None:
        """Stops the work; nothing comes after it."""
        self._close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()
