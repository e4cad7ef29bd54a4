"""Every route, with every check of schemathesis, against a server in a process of its own.

The providers are simulated without the time that they usually take, of which ten thousand cases
would take hours; otherwise the server is as `coro serve --demo` has it.
"""

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib import import_module
from pathlib import Path

from coro_core.testing import Behaviour
from support.faults.harness import CLASSES
from support.fuzz import CASES, LONG, SEED, TRIED
from support.server import Process

HERE = Path(__file__).parent


@asynccontextmanager
async def server(cwd: Path) -> AsyncIterator[Process]:
    """Serve CORO in a process of its own.

    One provider is well, one turns every call away, one has no key, so that every status comes up.
    """
    states = {"groq": Behaviour(), "gemini": Behaviour(error="rate_limited")}
    async with AsyncExitStack() as stack:
        environ: dict[str, str] = {}
        for name, behaviour in states.items():
            plugin = getattr(import_module(f"coro_{name}"), CLASSES[name])()
            environ |= await stack.enter_async_context(plugin.coro_simulator(behaviour))
        process = stack.enter_context(Process("serve", "--port", "0", cwd=cwd, environ=environ))
        await asyncio.to_thread(process.address)
        yield process


def statuses(lines: list[str]) -> set[int]:
    """Return the statuses of the server's replies, from its log."""
    return {json.loads(line)["status"] for line in lines if '"message": "request"' in line}


async def test_every_reply_of_every_route_is_as_described(tmp_path: Path) -> None:
    command = ["--config-file", "schemathesis.toml", "run", "--checks", "all", "--no-color"]
    command += ["--seed", str(SEED), "--max-examples", str(CASES if LONG else 50)]
    async with server(tmp_path) as process:
        run = await asyncio.create_subprocess_exec(
            *(
                sys.executable,
                "-m",
                "schemathesis.cli",
                *command,
                f"{process.address()}/openapi.json",
            ),
            cwd=HERE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await run.communicate()
    report = output.decode()
    tried = re.search(r"([\d,]+) generated", report)
    assert tried, report
    TRIED["every_reply_of_every_route_is_as_described"] += int(tried[1].replace(",", ""))
    assert run.returncode == 0, report
    assert "Traceback" not in process.output
    assert statuses(process.lines) >= {200, 404, 422, 500, 503}
