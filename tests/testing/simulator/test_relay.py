"""The relay and the TCP server that the simulators and their proxies are made of."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from coro_core.testing import connect_tcp, relay, reset_at_close, serve_tcp
from support.polling import eventually


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(100):
        writer.write(data.upper())
        await writer.drain()


async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    reset_at_close(writer)


async def test_both_directions_are_relayed() -> None:
    async with serve_tcp(echo) as server:

        async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            async with connect_tcp("127.0.0.1", server.port) as behind:
                await relay((reader, writer), behind)

        async with serve_tcp(forward) as front, connected(front.port) as (reader, writer):
            for word in (b"one", b"two"):
                writer.write(word)
                assert await reader.readexactly(3) == word.upper()
            assert (front.accepted, front.open, server.open) == (1, 1, 1)
            writer.write_eof()
            assert await reader.read() == b""


async def test_an_answer_can_be_changed_on_its_way() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(100):
            writer.write(data[::-1])

    async with serve_tcp(echo) as server:

        async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            async with connect_tcp("127.0.0.1", server.port) as behind:
                await relay((reader, writer), behind, answer=answer)

        async with serve_tcp(forward) as front, connected(front.port) as (reader, writer):
            writer.write(b"one")
            assert await reader.readexactly(3) == b"ENO"


async def test_a_reset_of_the_server_resets_the_client() -> None:
    async with serve_tcp(reset) as server:

        async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            async with connect_tcp("127.0.0.1", server.port) as behind:
                await relay((reader, writer), behind)

        async with serve_tcp(forward) as front, connected(front.port) as (reader, writer):
            writer.write(b"?")
            with pytest.raises(ConnectionResetError):
                await reader.read()


async def test_leaving_the_block_ends_every_connection() -> None:
    async with asyncio.timeout(5):
        async with serve_tcp(wait) as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        assert await reader.read() == b""
        writer.close()
        assert (server.accepted, server.open) == (1, 0)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", server.port)


async def test_a_connection_accepted_just_before_the_end_is_ended_too() -> None:
    async with asyncio.timeout(5):
        for turns in range(6):
            async with serve_tcp(wait) as server:
                connecting = asyncio.ensure_future(
                    asyncio.open_connection("127.0.0.1", server.port)
                )
                for _ in range(turns):
                    await asyncio.sleep(0)
            try:
                reader, writer = await connecting
                assert await reader.read() == b""
                writer.close()
            except OSError:
                pass


async def test_a_cancelled_connect_leaves_no_connection() -> None:
    async with serve_tcp(echo) as server:

        async def connect() -> None:
            async with connect_tcp("127.0.0.1", server.port):
                await asyncio.Event().wait()

        for turns in range(8):
            task = asyncio.create_task(connect())
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        await eventually(lambda: not server.open, seconds=5)
        assert server.accepted > 0
