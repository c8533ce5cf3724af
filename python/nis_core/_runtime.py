"""The runtime: agents, providers and tools behind `Nis`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

from nis_core import _native
from nis_core._provider import Provider, caller
from nis_core._stream import AsyncChatStream, ChatStream, ReplyPart


class _FromJson:
    """A value that the core gives as JSON; a field that this class does not know is left out."""

    @classmethod
    def _of(cls, data: dict[str, Any]) -> Self:
        known = {f.name for f in fields(cls)}  # type: ignore[arg-type]
        return cls(**{key: value for key, value in data.items() if key in known})


@dataclass(frozen=True, slots=True)
class TraceStep(_FromJson):
    """One step of how an answer came about."""

    actor: str
    """Agent, tool or provider that acted."""
    action: str
    """What it did."""
    result: str
    """What came of it."""
    ms: float
    """Wall time in milliseconds."""


@dataclass(frozen=True, slots=True)
class Usage(_FromJson):
    """Tokens as the provider counted them; what it did not say is ``None``, never 0."""

    input: int | None
    """Tokens of the requests, cached ones included."""
    output: int | None
    """Tokens of the completions, reasoning included."""
    cached: int | None
    """Of ``input``, those read from the provider's cache."""
    reasoning: int | None
    """Of ``output``, those of hidden reasoning."""


@dataclass(frozen=True, slots=True)
class ChatReply(_FromJson):
    """The agents' answer. Compares by value and pickles."""

    response: str
    """The answer."""
    user_id: str
    """Who asked."""
    conversation_id: str
    """Hand it to the next :meth:`Nis.chat` to go on with the conversation."""
    timestamp: float
    """Seconds since 1970-01-01 UTC."""
    confidence: float | None
    """In [0, 1], only where it was computed."""
    provider: str
    """Which provider answered."""
    real_ai: bool
    """Whether a language model answered."""
    model: str
    """The model's name."""
    tokens_used: int | None
    """Tokens as the provider counted them; ``None`` where it did not."""
    usage: Usage | None
    """The same by kind, over all calls of the provider."""
    reasoning_trace: list[TraceStep]
    """How the answer came about."""

    @classmethod
    def _read(cls, data: dict[str, Any]) -> ChatReply:
        data["reasoning_trace"] = [TraceStep._of(step) for step in data["reasoning_trace"]]
        if data["usage"] is not None:
            data["usage"] = Usage._of(data["usage"])
        return cls._of(data)

    def __str__(self) -> str:
        return self.response


@dataclass(frozen=True, slots=True)
class Health(_FromJson):
    """What a runtime can do now."""

    status: str
    """``healthy``, or ``degraded`` where a configured part does not work."""
    timestamp: float
    """Seconds since 1970-01-01 UTC."""
    provider: list[str]
    """Providers with a usable key, and ``offline``."""
    model: list[str]
    """Their models, in the same order."""
    real_ai: list[bool]
    """Whether each is a language model, in the same order."""
    conversations_active: int
    """Conversations held."""
    agents_registered: int
    """Registered agents."""
    tools_available: list[str]
    """Names of the tools."""
    pattern: str
    """Name of the pattern of collaboration."""


@dataclass(frozen=True, slots=True)
class AgentInfo(_FromJson):
    """An agent and whether it does its work."""

    name: str
    """Its name."""
    state: str
    """``ready`` or ``unavailable``."""
    description: str
    """What it does."""
    reason: str | None = None
    """Why it is unavailable."""


class Nis:
    """A runtime inside this process. Threads may share it; a forked child builds its own from the same
    configuration; pickling carries the configuration that was given, so mind keys in it.

    Args:
        config: The configuration as nested dicts. With ``None`` the defaults, with what the environment
            variables say (docs/configuration.md).

    Raises:
        InvalidInput: A value does not fit; ``field`` names the key.

    >>> import nis_core
    >>> nis = nis_core.Nis({})
    >>> reply = nis.chat("What is 2+2?")
    >>> "4" in reply.response, reply.real_ai
    (True, False)
    """

    def __init__(self, config: Mapping[str, Any] | None = None) -> None:
        self._config = None if config is None else json.dumps(dict(config))
        self._native = _native.NativeNis(self._config)

    def chat(
        self,
        message: str,
        *,
        conversation_id: str | None = None,
        user_id: str | None = None,
        provider: str | None = None,
        task: str | None = None,
    ) -> ChatReply:
        """Answers one message.

        Args:
            message: The question.
            conversation_id: Continues this conversation; a new one where ``None``.
            user_id: Who asks; ``anonymous`` where ``None``.
            provider: Name of the provider or route to use; that of the task, else the configured default, where
                ``None``.
            task: What the question is about; chooses the route that the configuration gives this task.

        Raises:
            InvalidInput: The message is empty or too long, or there is no such provider.
            ProviderError: The provider refused or failed.
            Timeout: The provider took too long. Also a ``TimeoutError``.
            KeyboardInterrupt: Ctrl-C; the answer is given up.
        """
        request = _request(message, conversation_id, user_id, provider, task)
        return ChatReply._read(json.loads(self._native.chat(request)))

    async def achat(
        self,
        message: str,
        *,
        conversation_id: str | None = None,
        user_id: str | None = None,
        provider: str | None = None,
        task: str | None = None,
    ) -> ChatReply:
        """:meth:`chat` for asyncio: the answer is made on the runtime's threads while the event loop goes on.
        Cancelling the task stops the work.

        >>> import asyncio, nis_core
        >>> asyncio.run(nis_core.Nis({}).achat("What is 2+2?")).response
        '2+2 = 4'
        """
        request = _request(message, conversation_id, user_id, provider, task)
        async with AsyncChatStream(self._native, request) as stream:
            async for part in stream:
                if isinstance(part, ReplyPart):
                    return part.reply
        raise AssertionError("a stream ends with its reply or raises")

    def stream(
        self,
        message: str,
        *,
        conversation_id: str | None = None,
        user_id: str | None = None,
        provider: str | None = None,
        task: str | None = None,
    ) -> ChatStream:
        """Answers one message as :meth:`chat` does, heard while the answer is made: an iterator of parts, the
        first a :class:`BeginPart`, the last a :class:`ReplyPart`. The GIL is free while it waits.

        Raises (while it is iterated):
            What :meth:`chat` raises; parts that came before are given first. ``KeyboardInterrupt``: Ctrl-C.

        >>> import nis_core
        >>> for part in nis_core.Nis({}).stream("What is 2+2?"):
        ...     if isinstance(part, nis_core.TextPart):
        ...         print(part.text)
        2+2 = 4
        """
        return ChatStream(
            self._native.stream(_request(message, conversation_id, user_id, provider, task))
        )

    def astream(
        self,
        message: str,
        *,
        conversation_id: str | None = None,
        user_id: str | None = None,
        provider: str | None = None,
        task: str | None = None,
    ) -> AsyncChatStream:
        """:meth:`stream` for asyncio, called inside a running event loop. Cancelling the task that waits stops the
        work.

        >>> import asyncio, nis_core
        >>> async def main():
        ...     async for part in nis_core.Nis({}).astream("What is 2+2?"):
        ...         if isinstance(part, nis_core.ReplyPart):
        ...             print(part.reply)
        >>> asyncio.run(main())
        2+2 = 4
        """
        return AsyncChatStream(
            self._native, _request(message, conversation_id, user_id, provider, task)
        )

    def register_provider(self, provider: Provider) -> None:
        """Adds a provider that is a Python object; requests name it. See :class:`Provider` for what it must have.
        ``model`` (its name by default) and ``real_ai`` (``True`` by default) are read once, now. A forked child has
        it too; a pickle does not.

        Raises:
            InvalidInput: The name is taken, or does not fit.

        >>> import nis_core
        >>> class Echo:
        ...     name = "echo"
        ...     real_ai = False
        ...     def complete(self, request):
        ...         yield from request["messages"][-1]["content"]
        >>> nis = nis_core.Nis({})
        >>> nis.register_provider(Echo())
        >>> nis.chat("hello", provider="echo").response
        'hello'
        """
        name = provider.name
        model = getattr(provider, "model", name)
        real_ai = bool(getattr(provider, "real_ai", True))
        if not callable(getattr(provider, "complete", None)):
            raise TypeError("a provider needs a method complete(request)")
        self._native.register_provider(name, model, real_ai, caller(provider))

    def health(self) -> Health:
        """What this runtime can do now."""
        return Health._of(json.loads(self._native.health()))

    @property
    def agents(self) -> list[AgentInfo]:
        """The registered agents, with those that refuse work and why."""
        return [AgentInfo._of(agent) for agent in json.loads(self._native.agents())]

    def metrics(self) -> str:
        """The counters in Prometheus text format."""
        return self._native.metrics()

    def __repr__(self) -> str:
        return f"<nis_core.Nis: providers {', '.join(self.health().provider)}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (self._config,))


def _request(
    message: str,
    conversation_id: str | None,
    user_id: str | None,
    provider: str | None,
    task: str | None,
) -> str:
    request = {
        "message": message,
        "conversation_id": conversation_id,
        "user_id": user_id,
        "provider": provider,
        "task": task,
    }
    return json.dumps(request)


def _rebuild(config: str | None) -> Nis:
    return Nis(None if config is None else json.loads(config))
