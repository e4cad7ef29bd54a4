"""The servers that CORO is compared with: `python -m benchmarks.floors NAME PORT`.

`bare` is a FastAPI route that returns a body like CORO's and asks nobody. `lean` makes the calls of
the three plugins with the leanest use of the same libraries, and `raw` makes five calls of the
OpenAI dialect over bare asyncio streams, both in a gather behind bare ASGI: no deadline, no errors,
no log. `plain` is the obvious program: FastAPI and a gather over httpx.
"""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import uvicorn

Ask = Callable[[str, str], Awaitable[str]]
"""Sends a prompt to a model of a service and returns its answer."""

UPSTREAM = {
    "gemini": "gemini-3.5-flash-lite",
    "llama-70b": "openai/gpt-oss-120b",
    "llama-8b": "openai/gpt-oss-20b",
    "mixtral": "qwen/qwen3.8-27b",
    "deepseek": "deepseek-flash",
}
"""The provider's own name of the model that answers for each id."""


def bare() -> Any:
    """Return a FastAPI application whose one route answers at once."""
    from fastapi import FastAPI
    from pydantic import BaseModel

    class Usage(BaseModel):
        input_tokens: int | None
        output_tokens: int | None
        reasoning_tokens: int | None

    class ModelResult(BaseModel):
        model: str
        response: str
        tokens: int | None
        latency_ms: int
        error: str | None
        error_code: str | None
        upstream_model: str | None
        substituted: bool
        note: str | None
        finish_reason: str | None
        usage: Usage
        retry_after_s: float | None

    class Reply(BaseModel):
        responses: list[ModelResult]
        total_latency_ms: int
        succeeded: int
        failed: int
        request_id: str

    class Request(BaseModel):
        prompt: str
        models: list[str]
        temperature: float = 0.7
        max_tokens: int = 512

    app = FastAPI()

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.post("/chat")
    async def chat(request: Request) -> Reply:
        rows = [
            ModelResult(
                model=model,
                response="2 + 2 = 4.",
                tokens=5,
                latency_ms=0,
                error=None,
                error_code=None,
                upstream_model=model,
                substituted=False,
                note=None,
                finish_reason="stop",
                usage=Usage(input_tokens=3, output_tokens=5, reasoning_tokens=None),
                retry_after_s=None,
            )
            for model in request.models
        ]
        return Reply(
            responses=rows,
            total_latency_ms=0,
            succeeded=len(rows),
            failed=0,
            request_id="0123456789abcdef",
        )

    return app


def plain() -> Any:
    """Return FastAPI with a gather over httpx, all defaults, five calls of the OpenAI dialect."""
    import httpx
    from fastapi import FastAPI
    from pydantic import BaseModel

    class Request(BaseModel):
        prompt: str
        models: list[str]
        temperature: float = 0.7
        max_tokens: int = 512

    class ModelResult(BaseModel):
        model: str
        response: str
        tokens: int | None
        latency_ms: int
        error: str | None

    class Reply(BaseModel):
        responses: list[ModelResult]
        total_latency_ms: int

    address, key = _chat_address()
    client = httpx.AsyncClient(timeout=30, headers={"Authorization": f"Bearer {key}"})
    app = FastAPI()

    async def ask(model: str, request: Request) -> ModelResult:
        response = await client.post(address, json=_body(model, request.prompt))
        reply = response.json()
        return ModelResult(
            model=model,
            response=reply["choices"][0]["message"]["content"],
            tokens=reply["usage"]["completion_tokens"],
            latency_ms=0,
            error=None,
        )

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.post("/chat")
    async def chat(request: Request) -> Reply:
        rows = await asyncio.gather(*(ask(model, request) for model in request.models))
        return Reply(responses=rows, total_latency_ms=0)

    return app


def raw() -> Any:
    """Return bare ASGI over bare asyncio streams, one connection kept for each call in flight."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Ask]:
        address, key = _chat_address()
        parts = urlsplit(address)
        idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

        async def ask(model: str, prompt: str) -> str:
            connection = idle.pop() if idle else None
            reader, writer = connection or await asyncio.open_connection(parts.hostname, parts.port)
            body = json.dumps(_body(model, prompt)).encode()
            writer.write(
                f"POST {parts.path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
                + body
            )
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            reply = json.loads(await reader.readexactly(length))
            idle.append((reader, writer))
            return str(reply["choices"][0]["message"]["content"])

        yield ask
        for _, writer in idle:
            writer.close()

    return _gathering(opened)


def lean() -> Any:
    """Return bare ASGI over the three plugins' own libraries."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Ask]:
        import grpc
        import httpx
        from google.ai import generativelanguage as services
        from groq import AsyncGroq
        from httpx_aiohttp import AiohttpTransport

        environ = os.environ
        # The default is a hundred, which 64 requests at once with four calls each outgrow.
        limits = httpx.Limits(max_connections=2048)
        async with (
            httpx.AsyncClient(transport=AiohttpTransport(limits=limits)) as groq_http,
            httpx.AsyncClient(transport=AiohttpTransport(limits=limits)) as deepseek,
            grpc.aio.insecure_channel(urlsplit(environ["GEMINI_BASE_URL"]).netloc) as channel,
        ):
            groq = AsyncGroq(
                api_key=environ["GROQ_API_KEY"],
                base_url=environ["GROQ_BASE_URL"],
                max_retries=0,
                http_client=groq_http,
            )
            transport = services.GenerativeServiceAsyncClient.get_transport_class("grpc_asyncio")
            gemini = transport(channel=channel).generate_content
            deepseek_url = f"{environ['DEEPSEEK_BASE_URL']}/v1/chat/completions"
            deepseek_headers = {"Authorization": f"Bearer {environ['DEEPSEEK_API_KEY']}"}
            gemini_metadata = (("x-goog-api-key", environ["GEMINI_API_KEY"]),)

            async def ask(model: str, prompt: str) -> str:
                name = UPSTREAM[model]
                if model == "gemini":
                    request = services.GenerateContentRequest.pb()(
                        model=f"models/{name}", contents=[{"parts": [{"text": prompt}]}]
                    )
                    wrapped = services.GenerateContentRequest.wrap(request)
                    reply = services.GenerateContentResponse.pb(
                        await gemini(wrapped, metadata=gemini_metadata)
                    )
                    return str(reply.candidates[0].content.parts[0].text)
                if model == "deepseek":
                    response = await deepseek.post(
                        deepseek_url, json=_body(name, prompt), headers=deepseek_headers
                    )
                else:
                    response = await groq.post(
                        "/openai/v1/chat/completions",
                        body=_body(name, prompt),
                        cast_to=httpx.Response,
                    )
                return str(json.loads(response.content)["choices"][0]["message"]["content"])

            yield ask

    return _gathering(opened)


def _gathering(opened: Callable[[], Any]) -> Any:
    """Return an ASGI application that asks all models at once and answers with their texts."""
    stack: list[Any] = []
    ask: Ask

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal ask
        if scope["type"] == "lifespan":
            while True:
                kind = (await receive())["type"]
                if kind == "lifespan.startup":
                    stack.append(opened())
                    ask = await stack[0].__aenter__()
                else:
                    await stack[0].__aexit__(None, None, None)
                await send({"type": f"{kind}.complete"})
                if kind == "lifespan.shutdown":
                    return
        message = await receive()
        body = b'{"status":"ok"}'
        if scope["method"] == "POST":
            request = json.loads(message["body"])
            models, prompt = request["models"], request["prompt"]
            texts = await asyncio.gather(*(ask(model, prompt) for model in models))
            rows = [
                {"model": model, "response": text, "error": None}
                for model, text in zip(models, texts, strict=True)
            ]
            body = json.dumps({"responses": rows}, separators=(",", ":")).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


def _chat_address() -> tuple[str, str]:
    """Return the address and the key of the simulated service that all five calls go to."""
    return f"{os.environ['GROQ_BASE_URL']}/openai/v1/chat/completions", os.environ["GROQ_API_KEY"]


def _body(model: str, prompt: str) -> dict[str, Any]:
    return {
        "model": model,
        "messages": [{"role": "user", "content": prompt}],
        "temperature": 0.7,
        "max_tokens": 512,
    }


if __name__ == "__main__":
    uvicorn.run(
        {"bare": bare, "plain": plain, "raw": raw, "lean": lean}[sys.argv[1]](),
        host="127.0.0.1",
        port=int(sys.argv[2]),
        log_config=None,
        access_log=False,
        server_header=False,
    )
