"""The providers, simulated, in a process of their own: `python -m benchmarks.upstreams`.

Prints the settings that point CORO at them as a line of JSON; each line that it reads is a new
delay in seconds. Ends when its input does. Those that speak OpenAI's dialect answer in as little
work as possible, so that it is not they who are measured; Gemini's is the plugin's own simulator.
"""

import asyncio
import json
import sys
from typing import cast

import uvloop

from coro_core.testing import Behaviour
from coro_gemini import GeminiPlugin

KEY = "benchmark"
ANSWER = "2 + 2 = 4."
SERVED = ("deepseek-flash", "openai/gpt-oss-120b", "openai/gpt-oss-20b", "qwen/qwen3.8-27b")
"""The names on the list of models; any other name answers as well."""
END_OF_HEAD = b"\r\n\r\n"


class ChatService(asyncio.Protocol):
    """One connection of a service in OpenAI's dialect, with one request at a time."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Store the transport for the answers."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Answer a request that has arrived in full, after the delay."""
        self._read += data
        head, end, body = self._read.partition(END_OF_HEAD)
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        if not end or len(body) < int(length or 0):
            return
        self._read = b""
        if head.startswith(b"GET"):
            self._answer({"data": [{"id": name} for name in SERVED]})
        else:
            loop = asyncio.get_running_loop()
            loop.call_later(self._behaviour.latency, self._answer, _said(json.loads(body)["model"]))

    def _answer(self, reply: object) -> None:
        content = json.dumps(reply).encode()
        if not self._transport.is_closing():
            self._transport.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
                % (len(content), content)
            )


def _said(model: str) -> object:
    message = {"role": "assistant", "content": ANSWER}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": model,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 8, "completion_tokens": 9, "total_tokens": 17},
    }


async def serve() -> None:
    """Serve every provider until the input ends."""
    loop = asyncio.get_running_loop()
    behaviour = Behaviour(latency=0.0, answer=lambda model, prompt: ANSWER)
    chat = await loop.create_server(lambda: ChatService(behaviour), "127.0.0.1", 0, backlog=2048)
    address = f"http://127.0.0.1:{chat.sockets[0].getsockname()[1]}"
    async with GeminiPlugin().coro_simulator(behaviour) as gemini:
        environ = {
            "GROQ_API_KEY": KEY,
            "GROQ_BASE_URL": address,
            "DEEPSEEK_API_KEY": KEY,
            "DEEPSEEK_BASE_URL": address,
            **gemini,
        }
        print(json.dumps(environ), flush=True)
        reader = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            behaviour.latency = float(line)
            behaviour.calls.clear()
            print("ready", flush=True)


if __name__ == "__main__":
    uvloop.run(serve())
