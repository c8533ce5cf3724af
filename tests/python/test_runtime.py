"""The runtime from Python."""

from __future__ import annotations

import json
import multiprocessing
import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields

import nis_core
import pytest


def test_chat_without_a_key_answers_and_says_who(nis: nis_core.Nis) -> None:
    reply = nis.chat("What is 2+2?", user_id="me")
    assert "4" in reply.response
    assert str(reply) == reply.response
    assert reply.provider == "offline"
    assert reply.real_ai is False
    assert reply.user_id == "me"
    assert reply.conversation_id.startswith("conv_")
    assert len(reply.conversation_id) == len("conv_") + 12
    assert all(step.ms >= 0 for step in reply.reasoning_trace)
    assert pickle.loads(pickle.dumps(reply)) == reply


def test_a_conversation_goes_on(nis: nis_core.Nis) -> None:
    first = nis.chat("What is 2+2?")
    second = nis.chat("What is 3*7?", conversation_id=first.conversation_id)
    assert second.conversation_id == first.conversation_id
    assert "21" in second.response
    assert nis.health().conversations_active >= 1


@pytest.mark.parametrize("message", ["", "   "])
def test_an_empty_message_is_refused(nis: nis_core.Nis, message: str) -> None:
    with pytest.raises(nis_core.InvalidInput, match="message"):
        nis.chat(message)


def test_an_unknown_provider_is_refused(nis: nis_core.Nis) -> None:
    with pytest.raises(nis_core.InvalidInput, match="provider"):
        nis.chat("hi", provider="no such")


def test_an_unknown_key_of_the_configuration_is_refused() -> None:
    with pytest.raises(nis_core.InvalidInput, match="no_such_key"):
        nis_core.Nis({"no_such_key": 1})


def test_health(nis: nis_core.Nis) -> None:
    health = nis.health()
    assert health.status == "healthy"
    assert "offline" in health.provider
    assert len(health.provider) == len(health.model) == len(health.real_ai)
    assert health.agents_registered == 14
    assert "nis_core.Nis" in repr(nis)
    assert "offline" in repr(nis)
    assert nis.metrics()


def test_agents_say_whether_they_work(nis: nis_core.Nis) -> None:
    agents = {agent.name: agent for agent in nis.agents}
    assert len(agents) == 14
    for name in ("signal", "reasoning", "physics", "memory", "coordination"):
        assert agents[name].state == "ready"
        assert agents[name].reason is None
    for agent in agents.values():
        assert agent.description
        assert (agent.state == "unavailable") == bool(agent.reason)


def test_the_classes_have_the_fields_of_the_core(nis: nis_core.Nis) -> None:
    reply = json.loads(nis._native.chat('{"message": "What is 2+2?"}'))
    assert set(reply) == {f.name for f in fields(nis_core.ChatReply)}
    assert reply["reasoning_trace"]
    assert set(reply["reasoning_trace"][0]) == {f.name for f in fields(nis_core.TraceStep)}
    assert set(json.loads(nis._native.health())) == {f.name for f in fields(nis_core.Health)}


def test_threads_share_a_runtime(nis: nis_core.Nis) -> None:
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda n: nis.chat(f"What is {n}*3?"), range(40)))
    assert all(str(3 * n) in reply.response for n, reply in enumerate(replies))


def test_a_pickle_is_a_runtime_of_the_same_configuration(nis: nis_core.Nis) -> None:
    again = pickle.loads(pickle.dumps(nis))
    assert "4" in again.chat("What is 2+2?").response
    assert again.health().conversations_active == 1


def _ask(nis: nis_core.Nis) -> str:
    return nis.chat("What is 2+2?").response


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_a_forked_child_builds_its_own(nis: nis_core.Nis) -> None:
    nis.chat("What is 2+2?")  # its threads run
    context = multiprocessing.get_context("fork")
    with context.Pool(1) as pool:
        assert "4" in pool.apply_async(_ask, (nis,)).get(timeout=30)
    # Inherited, not pickled.
    queue = context.SimpleQueue()
    child = context.Process(target=lambda: queue.put(_ask(nis)))
    child.start()
    child.join(timeout=30)
    assert child.exitcode == 0
    assert "4" in queue.get()
