"""OpenAI's own Python client against `nis serve`: with the offline provider, and with one upstream on loopback."""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import openai
import pytest

ROOT = Path(__file__).resolve().parents[2]
KEY = "sk-up-0123456789abcdefghijklmnop"


def _program() -> Path:
    given = os.environ.get("NIS_PROGRAM")
    if given:
        return Path(given)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    built = [p for p in (target / "debug" / "nis", target / "release" / "nis") if p.is_file()]
    if not built:
        pytest.skip("the program nis is not built: cargo build -p nis-example, or set NIS_PROGRAM")
    return max(built, key=lambda p: p.stat().st_mtime)


class _Upstream(BaseHTTPRequestHandler):
    """Chat completions that say what they are told, whole or streamed."""

    protocol_version = "HTTP/1.0"
    asked: list[dict[str, Any]]
    acts: list[Any]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.asked.append(body)
        act = self.acts.pop(0)
        if isinstance(act, int):
            self._send(act, "application/json", json.dumps({"error": {"message": f"SECRET {KEY}"}}))
        elif self.path.endswith("/embeddings"):
            data = [{"index": n, "embedding": v} for n, v in enumerate(act)]
            usage = {"prompt_tokens": 5, "total_tokens": 5}
            self._send(200, "application/json", json.dumps({"data": data, "model": "e-1", "usage": usage}))
        elif body.get("stream"):
            events = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in act)
            self._send(200, "text/event-stream", events + "data: [DONE]\n\n")
        else:
            self._send(200, "application/json", json.dumps(act))

    def _send(self, status: int, kind: str, text: str) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def upstream() -> Iterator[ThreadingHTTPServer]:
    _Upstream.asked, _Upstream.acts = [], []
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Upstream)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def client(upstream: ThreadingHTTPServer) -> Iterator[openai.OpenAI]:
    variables = {
        "PATH": os.environ["PATH"],
        "OPENAI_API_KEY": KEY,
        "OPENAI_MODEL": "up-1",
        "OPENAI_BASE_URL": f"http://127.0.0.1:{upstream.server_address[1]}/v1",
        "NIS_DEFAULT_PROVIDER": "offline",
    }
    command = [str(_program()), "serve", "--port", "0"]
    with subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        found = re.search(r"http://\S+", server.stdout.readline())
        assert found is not None
        yield openai.OpenAI(base_url=f"{found[0]}/v1", api_key="unused", timeout=30)
        server.terminate()


@pytest.fixture(autouse=True)
def _fresh() -> None:
    if hasattr(_Upstream, "asked"):
        _Upstream.asked.clear()
        _Upstream.acts.clear()


def _user(text: str) -> Any:
    return [{"role": "user", "content": text}]


def test_models_are_listed(client: openai.OpenAI) -> None:
    names = [model.id for model in client.models.list()]
    assert {"nis", "nis/offline", "nis/openai", "offline", "openai"} <= set(names)


def test_the_agents_answer(client: openai.OpenAI) -> None:
    messages = [{"role": "system", "content": "Be brief."}, *_user("What is 2+2?")]
    made = client.chat.completions.create(model="nis", messages=messages)
    choice = made.choices[0]
    assert (choice.message.content, choice.message.role) == ("2+2 = 4", "assistant")
    assert (choice.finish_reason, made.object, made.model) == ("stop", "chat.completion", "nis")
    assert made.id.startswith("chatcmpl-")
    assert made.usage is None, "nobody counted tokens"
    beside = made.to_dict()["nis"]
    assert isinstance(beside, dict)
    assert (beside["confidence"], beside["real_ai"]) == (1.0, False)


def test_the_agents_answer_streamed(client: openai.OpenAI) -> None:
    options: Any = {"include_usage": True}
    stream = client.chat.completions.create(
        model="nis", messages=_user("What is 2+2?"), stream=True, stream_options=options
    )
    chunks = list(stream)
    assert chunks[0].choices[0].delta.role == "assistant"
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == "2+2 = 4"
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert (chunks[-1].choices, chunks[-1].usage) == ([], None)
    assert len({c.id for c in chunks}) == 1


TOOL: Any = {
    "type": "function",
    "function": {
        "name": "calculate",
        "description": "Calculates.",
        "parameters": {"type": "object", "properties": {"expression": {"type": "string"}}},
    },
}


@pytest.mark.parametrize("streamed", [False, True])
def test_a_model_alone_uses_the_callers_tools(client: openai.OpenAI, streamed: bool) -> None:
    messages = _user("What is 2+2?")
    if streamed:
        with client.chat.completions.stream(
            model="offline", messages=messages, tools=[TOOL]
        ) as stream:
            choice: Any = stream.get_final_completion().choices[0]
    else:
        choice = client.chat.completions.create(
            model="offline", messages=messages, tools=[TOOL]
        ).choices[0]
    assert choice.finish_reason == "tool_calls"
    (call,) = choice.message.tool_calls
    assert call.function.name == "calculate"
    assert json.loads(call.function.arguments) == {"expression": "2+2"}
    messages += [
        {"role": "assistant", "content": None, "tool_calls": [
            {"id": call.id, "type": "function",
             "function": {"name": call.function.name, "arguments": call.function.arguments}}]},
        {"role": "tool", "tool_call_id": call.id, "content": '{"expression": "2+2", "value": 4.0}'},
    ]  # fmt: skip
    made = client.chat.completions.create(model="offline", messages=messages, tools=[TOOL])
    assert made.choices[0].message.content == "2+2 = 4"


def _chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    return {"model": "up-1", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def test_what_is_asked_reaches_the_model(client: openai.OpenAI) -> None:
    message = {"role": "assistant", "content": "Paris", "reasoning_content": "France, so"}
    usage = {
        "prompt_tokens": 11,
        "completion_tokens": 7,
        "prompt_tokens_details": {"cached_tokens": 4},
    }
    _Upstream.acts.append(
        {"choices": [{"index": 0, "message": message, "finish_reason": "length"}], "usage": usage}
    )
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}
    messages: Any = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Capital?"}, image]},
    ]
    made = client.chat.completions.create(
        model="openai", messages=messages, max_completion_tokens=9, temperature=0.5, top_p=0.9, seed=3,
        stop=["\n"], metadata={"a": "b"},
    )  # fmt: skip
    assert made.choices[0].message.content == "Paris"
    assert made.choices[0].message.to_dict()["reasoning_content"] == "France, so"
    assert made.choices[0].finish_reason == "length"
    assert made.usage is not None and made.usage.prompt_tokens_details is not None
    assert (made.usage.prompt_tokens, made.usage.completion_tokens) == (11, 7)
    assert (made.usage.total_tokens, made.usage.prompt_tokens_details.cached_tokens) == (18, 4)
    (asked,) = _Upstream.asked
    assert asked["model"] == "up-1"
    assert (asked["max_tokens"], asked["temperature"], asked["seed"]) == (9, 0.5, 3)
    assert (asked["top_p"], asked["stop"]) == (0.9, ["\n"])
    assert asked["messages"][0] == {"role": "system", "content": "Be brief."}
    assert asked["messages"][1]["content"][1]["image_url"]["url"] == "data:image/png;base64,aGk="


def test_streamed_tools_and_tokens(client: openai.OpenAI) -> None:
    def call(index: int, **more: Any) -> dict[str, Any]:
        return {"tool_calls": [{"index": index, **more}]}

    _Upstream.acts.append([
        _chunk({"role": "assistant", "content": "So: "}),
        _chunk(call(0, id="a", function={"name": "f", "arguments": ""})),
        _chunk(call(0, function={"arguments": '{"x"'})),
        _chunk(call(1, id="b", function={"name": "g", "arguments": "{}"})),
        _chunk(call(0, function={"arguments": ": 1}"})),
        _chunk({}, "tool_calls"),
        {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4}},
    ])  # fmt: skip
    options: Any = {"include_usage": True}
    with client.chat.completions.stream(
        model="up-1", messages=_user("go"), tools=[TOOL], stream_options=options
    ) as stream:
        made = stream.get_final_completion()
    choice = made.choices[0]
    assert (choice.message.content, choice.finish_reason) == ("So: ", "tool_calls")
    calls = [(c.id, c.function.name, c.function.arguments) for c in choice.message.tool_calls or []]
    assert calls == [("a", "f", '{"x": 1}'), ("b", "g", "{}")]
    assert made.usage is not None and made.usage.total_tokens == 7


def test_the_agents_run_their_tools_with_a_model(client: openai.OpenAI) -> None:
    arguments = '{"expression": "6*7"}'
    function = {"name": "calculate", "arguments": arguments}
    call = {"tool_calls": [{"index": 0, "id": "a", "function": function}]}
    _Upstream.acts += [
        [_chunk(call), _chunk({}, "tool_calls")],
        [_chunk({"content": "6*7 = 42"}), _chunk({}, "stop")],
    ]
    made = client.chat.completions.create(model="nis/openai", messages=_user("six times seven"))
    assert made.choices[0].message.content == "6*7 = 42"
    assert [m["role"] for m in _Upstream.asked[1]["messages"][-2:]] == ["assistant", "tool"]


def test_errors_are_the_clients_own(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as missing:
        client.chat.completions.create(model="no-such", messages=_user("hi"))
    assert (missing.value.code, missing.value.param) == ("model_not_found", "model")
    with pytest.raises(openai.BadRequestError) as bad:
        client.chat.completions.create(model="nis", messages=[{"role": "king", "content": "x"}])  # type: ignore[list-item, misc]
    assert bad.value.param == "messages[0].role"
    with pytest.raises(openai.BadRequestError) as many:
        client.chat.completions.create(model="nis", messages=_user("hi"), n=2)
    assert (many.value.code, many.value.param) == ("unsupported_parameter", "n")
    with pytest.raises(openai.BadRequestError) as tools:
        client.chat.completions.create(model="nis", messages=_user("hi"), tools=[TOOL])
    assert tools.value.param == "tools"
    with pytest.raises(openai.BadRequestError) as types:
        client.chat.completions.create(model="nis", messages=_user("hi"), temperature="hot")  # type: ignore[call-overload]
    assert types.value.param == "temperature"
    with pytest.raises(openai.APIStatusError) as large:
        client.chat.completions.create(model="nis", messages=_user("x" * (2 << 20)))
    assert large.value.status_code == 413


@pytest.mark.parametrize("streamed", [False, True])
def test_a_failing_upstream_keeps_its_secrets(client: openai.OpenAI, streamed: bool) -> None:
    _Upstream.acts.append(401)
    with pytest.raises(openai.InternalServerError) as caught:
        client.chat.completions.create(model="openai", messages=_user("hi"), stream=streamed)
    assert caught.value.status_code == 502
    assert "401" in str(caught.value)
    assert "SECRET" not in str(caught.value) and KEY not in str(caught.value)
    assert len(_Upstream.asked) == 1, "it is not worth trying again, and the client was told so"


def test_a_stream_that_breaks_raises(client: openai.OpenAI) -> None:
    _Upstream.acts.append([_chunk({"content": "half"}), {"error": {"message": f"SECRET {KEY}"}}])
    stream = client.chat.completions.create(model="openai", messages=_user("hi"), stream=True)
    said = ""
    with pytest.raises(openai.APIError) as caught:
        for chunk in stream:
            said += chunk.choices[0].delta.content or ""
    assert said == "half"
    assert "SECRET" not in str(caught.value)


def test_embeddings_come_from_a_provider_or_not_at_all(client: openai.OpenAI) -> None:
    _Upstream.acts += [[[0.5, -0.25], [1.0, 0.0]], [[0.5, -0.25]]]
    made = client.embeddings.create(model="openai/e-1", input=["a", "b"])
    assert [d.embedding for d in made.data] == [[0.5, -0.25], [1.0, 0.0]]
    assert (made.model, made.usage.prompt_tokens) == ("e-1", 5)
    assert _Upstream.asked[0]["model"] == "e-1"
    floats = client.embeddings.create(model="openai/e-1", input="a", encoding_format="float")
    assert floats.data[0].embedding == [0.5, -0.25]
    for model in ("nis", "offline", "openai"):
        with pytest.raises(openai.APIStatusError) as caught:
            client.embeddings.create(model=model, input="a")
        assert caught.value.status_code == 501
        assert caught.value.code == "not_supported"
    with pytest.raises(openai.BadRequestError):
        client.embeddings.create(model="openai/e-1", input=[1, 2])
    assert len(_Upstream.asked) == 2
