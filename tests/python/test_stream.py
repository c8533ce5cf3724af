"""Answers heard while they are made, from Python."""

from __future__ import annotations

import asyncio
import gc
import json
import pickle
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import nis_core
import pytest

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"


def _event(delta: str, finish: str | None = None) -> bytes:
    data = {"choices": [{"index": 0, "delta": {"content": delta}, "finish_reason": finish}]}
    return f"data: {json.dumps(data)}\n\n".encode()


class _Upstream:
    """Sends pieces with pauses, then waits for the client to go away."""

    def __init__(self, pieces: list[bytes], pause: float) -> None:
        self.pieces, self.pause = pieces, pause
        self.closed: list[float] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.base = f"http://127.0.0.1:{self.listener.getsockname()[1]}/v1"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            connection.recv(65536)
            try:
                for piece in self.pieces:
                    connection.sendall(piece)
                    time.sleep(self.pause)
                while connection.recv(65536):
                    pass
            except OSError:
                pass
            self.closed.append(time.monotonic())

    def wait_closed(self, since: float, within: float) -> None:
        end = time.monotonic() + 10
        while not self.closed and time.monotonic() < end:
            time.sleep(0.001)
        assert self.closed, "the connection stayed open"
        assert self.closed[0] - since <= within


@contextmanager
def upstream(pieces: list[bytes], pause: float = 0.0) -> Iterator[tuple[_Upstream, nis_core.Nis]]:
    server = _Upstream(pieces, pause)
    provider = {"name": "up", "kind": "compatible", "base_url": server.base, "model": "m"}
    try:
        yield server, nis_core.Nis({"providers": [provider]})
    finally:
        server.listener.close()


ENDLESS = [HEAD, _event("a"), _event("b")]


def _kinds(parts: list[nis_core.Part]) -> list[str]:
    return [type(part).__name__ for part in parts]


def _check(parts: list[nis_core.Part]) -> None:
    assert _kinds(parts) == [
        "BeginPart",
        "ToolCallPart",
        "ToolResultPart",
        "TextPart",
        "ClaimsPart",
        "ReplyPart",
    ]
    begin, _, result, text, claims, last = parts
    assert isinstance(begin, nis_core.BeginPart) and begin.real_ai is False
    assert isinstance(result, nis_core.ToolResultPart) and result.result["value"] == 4.0
    assert isinstance(claims, nis_core.ClaimsPart)
    assert claims.claims == [nis_core.Claim(text="2+2 = 4", stated=4.0, computed=4.0, holds=True)]
    assert isinstance(last, nis_core.ReplyPart) and isinstance(text, nis_core.TextPart)
    assert last.reply.response == text.text == "2+2 = 4"
    assert isinstance(last.reply.reasoning_trace[0], nis_core.TraceStep)
    assert pickle.loads(pickle.dumps(parts)) == parts


def test_parts_come_in_order(nis: nis_core.Nis) -> None:
    stream = nis.stream("What is 2+2?")
    _check(list(stream))
    assert list(stream) == []


def test_parts_come_in_order_on_an_event_loop(nis: nis_core.Nis) -> None:
    async def ask() -> list[nis_core.Part]:
        return [part async for part in nis.astream("What is 2+2?")]

    _check(asyncio.run(ask()))


def test_many_answers_at_once_on_one_loop(nis: nis_core.Nis) -> None:
    async def ask() -> list[nis_core.ChatReply]:
        return await asyncio.gather(*(nis.achat(f"What is {n}*3?") for n in range(40)))

    replies = asyncio.run(ask())
    assert all(str(3 * n) in reply.response for n, reply in enumerate(replies))


def test_bad_input_raises_where_it_is_iterated(nis: nis_core.Nis) -> None:
    with pytest.raises(nis_core.InvalidInput) as caught:
        next(nis.stream(" "))
    assert caught.value.field == "message"
    with pytest.raises(nis_core.InvalidInput):
        asyncio.run(nis.achat("hi", provider="no such"))


def test_what_came_before_an_error_is_given_first() -> None:
    with upstream([HEAD, _event("half") + b"data: {\"error\": {\"message\": \"broken\"}}\n\n"]) as (_, nis):
        parts: list[nis_core.Part] = []
        with pytest.raises(nis_core.ProviderError, match="broken"):
            for part in nis.stream("hi"):
                parts.append(part)  # noqa: PERF402: those before the error count
        assert _kinds(parts) == ["BeginPart", "TextPart"]

        async def ask() -> None:
            async for part in nis.astream("hi"):
                parts.append(part)

        with pytest.raises(nis_core.ProviderError, match="broken"):
            asyncio.run(ask())
        assert _kinds(parts[2:]) == ["BeginPart", "TextPart"]


def test_parts_come_while_the_answer_is_made() -> None:
    with upstream(ENDLESS, pause=0.02) as (server, nis):
        with nis.stream("hi") as stream:
            said = ""
            for part in stream:
                if isinstance(part, nis_core.TextPart):
                    said += part.text
                if said == "ab":
                    break
            assert not server.closed
        server.wait_closed(time.monotonic(), 0.1)
        assert list(stream) == []


def test_a_dropped_stream_closes_its_connection() -> None:
    async def ask(nis: nis_core.Nis, how: str) -> float:
        stream = nis.astream("hi")
        async for part in stream:
            if isinstance(part, nis_core.TextPart):
                break
        if how == "aclose":
            await stream.aclose()
        del stream
        gc.collect()
        return time.monotonic()

    for how in ("aclose", "drop"):
        with upstream(ENDLESS) as (server, nis):
            since = asyncio.run(ask(nis, how))
            server.wait_closed(since, 0.1)


@pytest.mark.parametrize("form", ["astream", "achat"])
def test_cancelling_the_task_closes_the_connection(form: str) -> None:
    async def ask(nis: nis_core.Nis) -> float:
        async def work() -> None:
            if form == "achat":
                await nis.achat("hi")
            else:
                async for _ in nis.astream("hi"):
                    pass

        task = asyncio.create_task(work())
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return time.monotonic()

    with upstream(ENDLESS) as (server, nis):
        server.wait_closed(asyncio.run(ask(nis)), 0.1)


def test_a_deadline_of_asyncio_stops_the_answer() -> None:
    async def ask(nis: nis_core.Nis) -> None:
        async with asyncio.timeout(0.05):
            await nis.achat("hi")

    with upstream(ENDLESS) as (_, nis), pytest.raises(TimeoutError):
        asyncio.run(ask(nis))


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timer signals here")
def test_signals_are_heard_while_nothing_comes() -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, stop)
    try:
        with upstream(ENDLESS) as (_, nis):
            signal.setitimer(signal.ITIMER_REAL, 0.1)
            with pytest.raises(KeyboardInterrupt):
                list(nis.stream("hi"))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_the_loop_goes_on_meanwhile() -> None:
    async def ask(nis: nis_core.Nis) -> int:
        ticks = 0
        task = asyncio.create_task(nis.achat("hi"))
        while ticks < 20:
            await asyncio.sleep(0.001)
            ticks += 1
        assert not task.done()
        task.cancel()
        return ticks

    with upstream(ENDLESS) as (_, nis):
        assert asyncio.run(ask(nis)) == 20
