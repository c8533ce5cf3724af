"""Providers that are Python objects."""

from __future__ import annotations

import asyncio
import multiprocessing
import threading
from collections.abc import Iterator
from typing import Any

import nis_core
import pytest


class Says:
    real_ai = False

    def __init__(self, name: str, what: Any) -> None:
        self.name, self.what = name, what
        self.requests: list[dict[str, Any]] = []

    def complete(self, request: dict[str, Any]) -> Any:
        self.requests.append(request)
        return self.what() if callable(self.what) else self.what


@pytest.fixture
def own() -> nis_core.Nis:
    return nis_core.Nis({})


def _ask(nis: nis_core.Nis, what: Any) -> nis_core.ChatReply:
    provider = Says("own", what)
    nis.register_provider(provider)
    reply = nis.chat("hello", provider="own")
    assert provider.requests[0]["messages"][-1]["content"] == "hello"
    assert "calculate" in [tool["name"] for tool in provider.requests[0]["tools"]]
    return reply


async def _later() -> str:
    await asyncio.sleep(0)
    return "yes"


@pytest.mark.parametrize(
    "what",
    ["yes", {"text": "yes"}, lambda: iter(["y", "es"]), lambda: ["y", "es"], _later],
    ids=["text", "dict", "iterator", "list", "async"],
)
def test_a_reply_may_have_many_forms(own: nis_core.Nis, what: Any) -> None:
    reply = _ask(own, what)
    assert (reply.response, reply.provider, reply.real_ai) == ("yes", "own", False)


def test_pieces_are_heard_one_by_one_and_tokens_counted(own: nis_core.Nis) -> None:
    def pieces() -> Iterator[Any]:
        yield "6*7 "
        yield "= 42"
        yield {"usage": {"input": 3, "output": 4}, "model": "own-2"}

    own.register_provider(Says("own", pieces))
    parts = list(own.stream("hello", provider="own"))
    assert [p.text for p in parts if isinstance(p, nis_core.TextPart)] == ["6*7 ", "= 42"]
    last = parts[-1]
    assert isinstance(last, nis_core.ReplyPart)
    assert (last.reply.tokens_used, last.reply.model, last.reply.confidence) == (7, "own-2", 1.0)
    assert last.reply.usage == nis_core.Usage(input=3, output=4, cached=None, reasoning=None)


def test_tools_run_between_its_calls(own: nis_core.Nis) -> None:
    class Asks:
        name = "asks"

        def complete(self, request: dict[str, Any]) -> Any:
            last = request["messages"][-1]
            if last["role"] == "tool":
                return f"it is {last['content']}"
            call = {"id": "c1", "name": "calculate", "arguments": '{"expression": "6*7"}'}
            return {"tool_calls": [call], "finish": "tool_calls"}

    own.register_provider(Asks())
    assert '"value":42.0' in own.chat("six times seven", provider="asks").response


def test_what_it_raises_fails_the_chat(own: nis_core.Nis) -> None:
    class Busy(Exception):
        status = 429
        retryable = True

    def fails() -> str:
        raise Busy("come back later")

    with pytest.raises(nis_core.ProviderError, match="Busy: come back later") as caught:
        _ask(own, fails)
    assert caught.value.details["status"] == 429
    assert caught.value.details["retryable"] is True
    def exits() -> str:
        raise SystemExit(3)

    own.register_provider(Says("exits", exits))
    with pytest.raises(nis_core.ProviderError, match="SystemExit"):
        own.chat("hello", provider="exits")
    own.register_provider(Says("none", None))
    with pytest.raises(nis_core.ProviderError, match="NoneType"):
        own.chat("hello", provider="none")
    own.register_provider(Says("unfit", {"text": 3}))
    with pytest.raises(nis_core.InvalidInput) as unfit:
        own.chat("hello", provider="unfit")
    assert unfit.value.field is not None and unfit.value.field.endswith("text")


def test_a_generator_is_closed_when_nobody_waits(own: nis_core.Nis) -> None:
    closed = threading.Event()

    def endless() -> Iterator[str]:
        try:
            while True:
                yield "x"
        finally:
            closed.set()

    own.register_provider(Says("own", endless))
    stream = own.stream("hello", provider="own")
    while not isinstance(next(stream), nis_core.TextPart):
        pass
    stream.close()
    assert closed.wait(5)


def test_many_calls_at_once(own: nis_core.Nis) -> None:
    own.register_provider(Says("own", "yes"))

    async def ask() -> list[nis_core.ChatReply]:
        return await asyncio.gather(*(own.achat("hello", provider="own") for _ in range(20)))

    assert {reply.response for reply in asyncio.run(ask())} == {"yes"}


@pytest.mark.parametrize("name", ["offline", "", "a b", "x" * 65])
def test_a_name_must_be_free_and_fit(own: nis_core.Nis, name: str) -> None:
    with pytest.raises(nis_core.InvalidInput) as caught:
        own.register_provider(Says(name, "yes"))
    assert caught.value.field == "provider"


def test_it_needs_its_method(own: nis_core.Nis) -> None:
    class Nothing:
        name = "nothing"

    with pytest.raises(TypeError, match="complete"):
        own.register_provider(Nothing())  # type: ignore[arg-type]


def _in_child(nis: nis_core.Nis) -> str:
    return nis.chat("hello", provider="own").response


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_a_forked_child_has_it_too(own: nis_core.Nis) -> None:
    assert _ask(own, "yes").response == "yes"
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=lambda: sender.send(_in_child(own)))
    child.start()
    assert receiver.poll(30) and receiver.recv() == "yes"
    child.join(30)
    assert child.exitcode == 0
