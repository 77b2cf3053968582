"""Language models behind a server with OpenAI's interface: `POST {endpoint}/chat/completions`.

The key comes from OPENAI_API_KEY alone, and goes into the request's header and nowhere else.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gflow.kernels import noise
from gflow.kernels.noise import Key
from gflow.kernels.types import TEXT, AnyType
from gflow.runtime.engines import structured
from gflow.runtime.engines.base import CallContext
from gflow.runtime.engines.sampling import check
from gflow.runtime.errors import EndpointFailed, EndpointRefused, ModelMissing, RunError, TimedOut
from gflow.runtime.plan import Model

if TYPE_CHECKING:
    import httpx

#: Seconds without a byte from the server, where the script gives no `timeout`.
PATIENCE = 120.0

# Refusals that pass: a request that took too long, a conflict, too many requests. 5xx passes, too.
_PASSING = {408, 409, 429}
# How servers say that they don't know `response_format`.
_UNKNOWN_FORMAT = {400, 422, 501}


class OpenAIEngine:
    """Calls `language(endpoint: ..., name: ...)`. Loading touches no network."""

    name = "openai"

    def load(self, model: Model) -> ServerModel:
        """Raises ModelMissing where the endpoint is no address."""
        import httpx

        try:
            url = httpx.URL(f"{model.args['endpoint'].rstrip('/')}/chat/completions")
            if url.scheme not in ("http", "https") or not url.host:
                raise httpx.InvalidURL("not an address")
        except httpx.InvalidURL:
            message = f"the endpoint of `{model.name}` is not an address: {model.args['endpoint']}"
            raise ModelMissing(message, place=model.place) from None
        return ServerModel(url, model.args["name"])


class ServerModel:
    """A model by its name on a server."""

    def __init__(self, url: httpx.URL, name: str) -> None:
        import httpx

        self.url, self.name = url, name
        self.shown = str(url.copy_with(userinfo=b""))
        self.client = httpx.Client()
        self.knows_formats = True

    def call(
        self,
        method: str,
        args: Mapping[str, Any],
        *,
        key: Key | None,
        as_type: AnyType | None,
        context: CallContext,
    ) -> Any:
        """See `gflow.kernels.models.language.generate`: text, or a value of `as_type`.

        The server draws its own randomness; it is given a seed from the key, which most servers keep to.
        Raises EndpointFailed, EndpointRefused, WrongShape, TimedOut, OpFailed.
        """
        check(args)
        if args["seed"] is not None:
            key = noise.explicit(args["seed"])
        assert key is not None
        body = {
            "model": self.name,
            "max_tokens": args["max_tokens"],
            "temperature": args["temperature"],
            "top_p": args["top_p"],
            "seed": key.bits & (2**63 - 1),
        }
        system = [{"role": "system", "content": args["system"]}] if args["system"] else []
        if as_type is None or as_type == TEXT:
            body["messages"] = [*system, {"role": "user", "content": args["prompt"]}]
            return self._ask(body, context).strip()
        asked = f"{args['prompt']}\n\n{structured.server_instruction(as_type)}"
        body["messages"] = [*system, {"role": "user", "content": asked}]
        return structured.read(as_type, self._ask_formatted(body, as_type, context))

    def _ask_formatted(self, body: dict[str, Any], as_type: AnyType, context: CallContext) -> str:
        """Asks for JSON by the server's own means, and by the prompt alone where it has none."""
        if self.knows_formats:
            shape = {"name": "answer", "strict": True, "schema": structured.schema(as_type)}
            try:
                return self._ask(
                    {**body, "response_format": {"type": "json_schema", "json_schema": shape}}, context
                )
            except _Refusal as refusal:
                if refusal.status not in _UNKNOWN_FORMAT:
                    raise
        answer = self._ask(body, context)
        self.knows_formats = False
        return answer

    def _ask(self, body: dict[str, Any], context: CallContext) -> str:
        import httpx

        context.check()
        left = PATIENCE if context.deadline is None else max(0.001, context.deadline - time.monotonic())
        headers = {"Authorization": f"Bearer {key}"} if (key := _key()) else {}
        try:
            with self.client.stream(
                "POST", self.url, json=body, headers=headers, timeout=min(left, PATIENCE)
            ) as response:
                content = bytearray()
                for chunk in response.iter_bytes():
                    content += chunk
                    context.check()
        except httpx.TimeoutException as error:
            if left < PATIENCE:
                raise TimedOut("the time given by `timeout` ran out") from error
            raise EndpointFailed(f"{self.shown} did not answer within {PATIENCE:g} s") from error
        except httpx.ConnectError as error:
            message = f"{self.shown} can't be reached: {error}"
            raise EndpointFailed(message, help="is the server running, and is this its address?") from error
        except httpx.HTTPError as error:
            raise EndpointFailed(f"the connection to {self.shown} broke: {error}") from error
        return self._text(response, bytes(content), key)

    def _text(self, response: httpx.Response, content: bytes, key: str) -> str:
        if not response.is_success:
            raise self._failure(response.status_code, content, key)
        try:
            choice = json.loads(content)["choices"][0]
            text = choice["message"]["content"]
        except (ValueError, KeyError, IndexError, TypeError, RecursionError) as error:
            raise EndpointFailed(f"{self.shown} answered nonsense: {_short(content, key)}") from error
        if not isinstance(text, str):
            raise EndpointFailed(f"{self.shown} answered without a text: {_short(content, key)}")
        return text

    def _failure(self, status: int, content: bytes, key: str) -> RunError:
        message = f"{self.shown} answered {status}: {_short(_reason(content), key)}"
        if status in _PASSING or (status >= 500 and status != 501):
            return EndpointFailed(message)
        help_ = {
            401: "set OPENAI_API_KEY to a key that this server takes",
            404: f"does the server have a model called `{self.name}`? Most endpoints end in /v1",
        }
        return _Refusal(status, message, help_.get(status, ""))


class _Refusal(EndpointRefused):
    def __init__(self, status: int, message: str, help: str) -> None:
        super().__init__(message, help=help)
        self.status = status


def _key() -> str:
    key = os.environ.get("OPENAI_API_KEY", "").strip()
    if not (key.isascii() and key.isprintable()):
        raise EndpointRefused("OPENAI_API_KEY holds characters that a key can't have")
    return key


def _reason(content: bytes) -> bytes:
    """The message in an error's body, of the usual forms; else the body."""
    try:
        data = json.loads(content)
        found = data.get("error", data.get("detail", data.get("message")))
        found = found.get("message", found) if isinstance(found, dict) else found
    except (ValueError, AttributeError, RecursionError):
        return content
    return str(found).encode() if found else content


def _short(content: bytes, key: str) -> str:
    """The first 300 characters, on one line. A server may repeat the key it was given; we don't."""
    text = content.decode("utf-8", "replace")
    if key:
        text = text.replace(key, "…")
    text = " ".join(text.split())
    return (text if len(text) <= 300 else text[:300] + "…") or "nothing"
