"""Language models behind servers: `transformers serve` with a real model, and a small server that misbehaves."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
import tiny_models

from gflow.kernels import noise
from gflow.kernels import types as t
from gflow.kernels.noise import Key
from gflow.runtime.engines import structured
from gflow.runtime.engines.base import CallContext, LoadedModel
from gflow.runtime.engines.openai import OpenAIEngine
from gflow.runtime.errors import (
    EndpointFailed,
    EndpointRefused,
    ModelMissing,
    OpFailed,
    RunError,
    TimedOut,
    WrongShape,
)
from gflow.runtime.plan import Model

KEY = noise.root(7).derive("poster")
SECRET = "sk-do-not-tell"
WRITE: dict[str, Any] = {
    "prompt": "Say it",
    "max_tokens": 80,
    "temperature": 0.3,
    "top_p": 0.9,
    "system": "",
    "seed": None,
}
SHOTS = t.ListOf(t.Record((("picture", t.TEXT), ("year", t.INT))))
TWO_SHOTS = [{"picture": "a sea", "year": 1999}, {"picture": "a hill", "year": -3}]


def load(endpoint: str, name: str = "tiny") -> LoadedModel:
    return OpenAIEngine().load(Model(name="writer", provider="language", args={"endpoint": endpoint, "name": name}))


def write(
    model: LoadedModel,
    key: Key = KEY,
    as_type: t.AnyType | None = None,
    deadline: float | None = None,
    **args: Any,
) -> Any:
    context = CallContext(deadline=deadline)
    return model.call("generate", WRITE | args, key=key, as_type=as_type, context=context)


# --- transformers serve ------------------------------------------------------------------------------


class Served:
    """`transformers serve` in a child process, for as long as the tests of this file run."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            port = found.getsockname()[1]
        self.folder, self.endpoint = folder, f"http://127.0.0.1:{port}/v1"
        self.log = (folder.parent / "serve.log").open("w+")
        command = [Path(sys.executable).with_name("transformers"), "serve", "--host", "127.0.0.1"]
        self.process = subprocess.Popen(
            [*command, "--port", str(port), "--device", "cpu"],
            stdout=self.log,
            stderr=self.log,
            env={
                **os.environ,
                "HF_HUB_OFFLINE": "1",
                "HF_HOME": str(folder.parent / "hub"),
                "OMP_NUM_THREADS": "1",
            },
        )
        self._wait(f"http://127.0.0.1:{port}/health")

    def _wait(self, health: str) -> None:
        until = time.monotonic() + 240
        while time.monotonic() < until and self.process.poll() is None:
            try:
                if httpx.get(health).is_success:
                    return
            except httpx.HTTPError:
                time.sleep(0.2)
        self.stop()
        self.log.seek(0)
        raise AssertionError(f"`transformers serve` did not start: {self.log.read()[-2000:]}")

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    answer = json.dumps({"value": TWO_SHOTS}, separators=(",", ":"))
    asked = f"Say it\n\n{structured.server_instruction(SHOTS)}"
    folder = tmp_path_factory.mktemp("served") / "tiny"
    server = Served(tiny_models.language(folder, knows=f"user: {asked}\nassistant: {answer}"))
    yield server
    server.stop()


def test_a_real_server(served: Served) -> None:
    model = load(served.endpoint, str(served.folder))
    first, again, other = (write(model, KEY.item(n), temperature=1.5, max_tokens=12) for n in (0, 0, 1))
    assert first == again != other
    # By endpoint or by folder: at temperature 0 it is the same model, so the same text.
    from gflow.runtime.engines.torch import TorchEngine

    local = TorchEngine().load(Model(name="m", provider="language", args={}, folder=str(served.folder)))
    assert write(model, temperature=0.0, max_tokens=9) == write(local, temperature=0.0, max_tokens=9) != ""


def test_a_value_from_a_real_server(served: Served) -> None:
    model = load(served.endpoint, str(served.folder))
    assert write(model, as_type=SHOTS) == TWO_SHOTS
    with pytest.raises(WrongShape) as failure:
        write(model, as_type=t.Record((("sky", t.TEXT),)), max_tokens=5)
    assert failure.value.retryable


def test_the_starter_writer_behind_a_real_server(served: Served) -> None:
    starter = Path(__file__).parents[1] / "gflow" / "starter" / "writer"
    answer = write(load(served.endpoint, str(starter)), prompt="Describe a red circle", temperature=0.0)
    assert answer.startswith("a red circle ")


def test_a_real_server_refuses(served: Served) -> None:
    with pytest.raises(EndpointRefused, match="answered 404: Not Found") as failure:
        write(load(served.endpoint.removesuffix("/v1"), str(served.folder)))
    assert "/v1" in failure.value.help
    with pytest.raises(EndpointFailed, match=r"answered [45]\d\d"):
        write(load(served.endpoint, "nobody/nothing"))


# --- a server that misbehaves ------------------------------------------------------------------------


class Answers(ThreadingHTTPServer):
    """Gives its answers one by one, the last one for ever, and keeps what it was asked."""

    daemon_threads = True

    def __init__(self, *answers: Any) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers = list(answers)
        self.asked: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        self.closing = threading.Event()
        self.endpoint = f"http://127.0.0.1:{self.server_address[1]}/v1"

    def __enter__(self) -> Answers:
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Answers

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, dict(self.headers), body))
        answers = self.server.answers
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        status, content = answer if isinstance(answer, tuple) else (200, answer)
        if content == "hang":
            self.server.closing.wait(30)
            return
        if content == "drip":
            self._drip()
            return
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _drip(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "150")
        self.end_headers()
        for _ in range(150):
            if not self.server.closing.wait(0.02):
                with contextlib.suppress(OSError):
                    self.wfile.write(b" ")

    def log_message(self, *_: object) -> None:
        pass


def says(text: Any) -> dict[str, Any]:
    return {"choices": [{"message": {"role": "assistant", "content": text}}]}


def test_what_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    with Answers(says("  A text. ")) as server:
        model = load(server.endpoint + "/", "llama")
        assert write(model, system="Be brief.") == "A text."
        write(model, KEY.item(1))
        write(model, KEY.item(1), seed=4)
        write(model, KEY.item(2), seed=4)
    path, headers, body = server.asked[0]
    assert path == "/v1/chat/completions" and headers["Authorization"] == f"Bearer {SECRET}"
    assert body["messages"] == [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Say it"}]
    assert {name: body[name] for name in ("model", "max_tokens", "temperature", "top_p")} == {
        "model": "llama",
        "max_tokens": 80,
        "temperature": 0.3,
        "top_p": 0.9,
    }
    seeds = [asked["seed"] for _, _, asked in server.asked]
    assert len(set(seeds)) == 3 and seeds[2] == seeds[3] and all(0 <= seed < 2**63 for seed in seeds)
    assert [message["role"] for message in server.asked[1][2]["messages"]] == ["user"]


def test_no_key_is_sent_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with Answers(says("A text.")) as server:
        write(load(server.endpoint))
    assert "Authorization" not in server.asked[0][1]


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503])
def test_failures_that_pass(status: int) -> None:
    with Answers((status, {"error": {"message": "try later"}}), says("A text.")) as server:
        model = load(server.endpoint)
        with pytest.raises(EndpointFailed, match=f"answered {status}: try later") as failure:
            write(model)
        assert failure.value.retryable
        assert write(model) == "A text."


@pytest.mark.parametrize("status", [302, 400, 401, 403, 404, 422])
def test_failures_that_stay(status: int) -> None:
    with Answers((status, {"detail": "no"})) as server, pytest.raises(EndpointRefused) as failure:
        write(load(server.endpoint, "llama"))
    assert not failure.value.retryable and str(status) in failure.value.message
    if status == 401:
        assert "OPENAI_API_KEY" in failure.value.help


@pytest.mark.parametrize(
    "content",
    [b"<html>", b"", b"[" * 100_000, {}, {"choices": []}, [], says(None), says(3), {"choices": [{}]}, b"\xff"],
)
def test_nonsense(content: Any) -> None:
    with Answers(content) as server, pytest.raises(EndpointFailed) as failure:
        write(load(server.endpoint))
    assert failure.value.retryable and len(failure.value.message) < 500


def test_the_key_is_never_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    for answer in ((401, {"error": {"message": f"wrong key {SECRET}"}}), (500, SECRET.encode()), SECRET.encode()):
        with Answers(answer) as server, pytest.raises(EndpointFailed) as failure:
            write(load(server.endpoint))
        assert SECRET not in failure.value.message + failure.value.help + repr(failure.value)
    monkeypatch.setenv("OPENAI_API_KEY", SECRET + "\n" + SECRET)
    with pytest.raises(EndpointRefused) as refused:
        write(load("http://127.0.0.1:9/v1"))
    assert SECRET not in refused.value.message
    with pytest.raises(RunError) as failure:
        write(load("http://someone:password@127.0.0.1:9/v1"))
    assert "password" not in failure.value.message


def test_a_long_message_is_cut() -> None:
    with Answers((500, {"error": "x" * 5000})) as server, pytest.raises(EndpointFailed) as failure:
        write(load(server.endpoint))
    assert "x" * 300 + "…" in failure.value.message and len(failure.value.message) < 400


@pytest.mark.parametrize("how", ["hang", "drip"])
def test_time_runs_out(how: str) -> None:
    with Answers(how) as server, pytest.raises(TimedOut):
        write(load(server.endpoint), deadline=time.monotonic() + 0.2)


def test_patience_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gflow.runtime.engines.openai.PATIENCE", 0.1)
    with Answers("hang") as server, pytest.raises(EndpointFailed, match=r"did not answer within 0\.1 s"):
        write(load(server.endpoint))


def test_nobody_there() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # Bound, but not listening: connections are refused.
        with pytest.raises(EndpointFailed, match="can't be reached") as failure:
            write(load(f"http://127.0.0.1:{taken.getsockname()[1]}/v1"))
    assert failure.value.retryable and "running" in failure.value.help


def test_what_is_no_address() -> None:
    for endpoint in ("localhost:8000", "", "ftp://x/v1", "http://", "http://[::1/v1"):
        with pytest.raises(ModelMissing, match="not an address"):
            load(endpoint)


def test_settings_are_checked_before_anything_is_sent() -> None:
    with Answers(says("")) as server, pytest.raises(OpFailed, match="max_tokens"):
        write(load(server.endpoint), max_tokens=0)
    assert server.asked == []


# --- values of a type --------------------------------------------------------------------------------


def test_a_value_is_asked_for_by_its_schema() -> None:
    with Answers(says(json.dumps({"value": TWO_SHOTS}))) as server:
        assert write(load(server.endpoint), as_type=SHOTS) == TWO_SHOTS
    body = server.asked[0][2]
    assert body["response_format"]["json_schema"] == {
        "name": "answer",
        "strict": True,
        "schema": {
            "type": "object",
            "properties": {
                "value": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {"picture": {"type": "string"}, "year": {"type": "integer"}},
                        "required": ["picture", "year"],
                        "additionalProperties": False,
                    },
                }
            },
            "required": ["value"],
            "additionalProperties": False,
        },
    }
    assert '{"value": [{"picture": "text", "year": integer}, ...]}' in body["messages"][0]["content"]


def test_a_server_without_schemas_is_asked_in_words() -> None:
    answer = says('Here it is:\n```json\n[{"picture": "a sea", "year": 1}]\n```')
    with Answers((400, {"error": {"message": "unknown field response_format"}}), answer) as server:
        model = load(server.endpoint)
        assert write(model, as_type=SHOTS) == [{"picture": "a sea", "year": 1}]
        assert write(model, as_type=SHOTS) == [{"picture": "a sea", "year": 1}]
    assert ["response_format" in body for _, _, body in server.asked] == [True, False, False]
