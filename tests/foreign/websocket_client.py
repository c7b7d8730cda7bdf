"""A WebSocket client: plays one scene against an address and fails where it sees something else than it should."""

import asyncio
import contextlib
import os
import random
import ssl
import sys

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

PATIENCE = 60


async def messages(open):
    async with open() as connection:
        for message in ["hello", "", "ü" * 1000, b"", bytes(range(256)), b"x" * 65_535, b"x" * 65_536]:
            assert await echo(connection, message) == message
        await connection.send(["in ", "several ", "pieces"])
        assert await connection.recv() == "in several pieces"
        await connection.send([b"\0", b"\1"])
        assert await connection.recv() == b"\0\1"
        await connection.send("pieces")
        # The library ends a message in pieces with an empty one.
        assert [piece async for piece in connection.recv_streaming()] == ["one ", "two ", "three", ""]


async def pings(open):
    async with open() as connection:
        assert await (await connection.ping(b"and you")) >= 0
        assert await echo(connection, "ping") == "ponged"


async def large(open):
    message = random.Random(1).randbytes(16 << 20)
    for compression in [None, "deflate"]:
        async with open(compression=compression) as connection:
            assert await echo(connection, message) == message
            assert await echo(connection, "a" * (16 << 20)) == "a" * (16 << 20)


async def extension(open):
    async with open() as connection:
        assert "permessage-deflate" in connection.response.headers["Sec-WebSocket-Extensions"]
        assert [extension.name for extension in connection.protocol.extensions] == ["permessage-deflate"]
        assert await echo(connection, "again " * 1000) == "again " * 1000
    async with open(compression=None) as connection:
        assert "Sec-WebSocket-Extensions" not in connection.response.headers


async def subprotocol(open):
    async with open(subprotocols=["other", "first"]) as connection:
        assert connection.subprotocol == "first"
        assert await echo(connection, "hello") == "hello"


async def client_closes(open):
    async with open() as connection:
        await connection.close(4002, "done here")
        assert (connection.close_code, connection.close_reason) == (4002, "done here")


async def server_closes(open):
    async with open() as connection:
        await connection.send("close")
        closed = await failure(connection)
        assert (closed.rcvd.code, closed.rcvd.reason) == (4001, "enough"), closed


async def client_vanishes(open):
    async with open() as connection:
        assert await echo(connection, "hello") == "hello"
        # Nothing is said any more: the system closes the socket.
        os._exit(0)


async def server_vanishes(open):
    async with open() as connection:
        await connection.send("die")
        closed = await failure(connection)
        assert closed.rcvd is None, f"a close frame that nobody sent: {closed}"


async def many(open):
    """All are open before the first is used."""

    async def talk(number, connection):
        for round in range(20):
            message = f"{number} {round} " * 50
            assert await echo(connection, message) == message

    async with contextlib.AsyncExitStack() as stack:
        connections = await asyncio.gather(*[stack.enter_async_context(open()) for _ in range(100)])
        await asyncio.gather(*[talk(*pair) for pair in enumerate(connections)])


async def echo(connection, message):
    await connection.send(message)
    return await connection.recv()


async def failure(connection):
    try:
        message = await connection.recv()
    except ConnectionClosed as closed:
        return closed
    raise AssertionError(f"it was not closed: {message!r}")


async def main(scene, address, authority=None):
    settings = {"proxy": None, "max_size": None, "open_timeout": PATIENCE}
    if authority is not None:
        settings |= {"ssl": ssl.create_default_context(cafile=authority), "server_hostname": "site.example"}
    url = f"{'ws' if authority is None else 'wss'}://{address}/socket"
    played = globals()[scene](lambda **more: connect(url, **settings, **more))
    await asyncio.wait_for(played, PATIENCE)


asyncio.run(main(*sys.argv[1:]))
