"""A WebSocket server that sends back what it gets, and closes or dies when it is told to."""

import asyncio
import os
import signal
import ssl
import sys

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed


async def talk(connection):
    try:
        async for message in connection:
            if message == "close":
                await connection.close(4001, "enough")
            elif message == "die":
                os.kill(os.getpid(), signal.SIGKILL)
            elif message == "ping":
                await (await connection.ping(b"are you there"))
                await connection.send("ponged")
            elif message == "pieces":
                await connection.send(["one ", "two ", "three"])
            else:
                await connection.send(message)
    except ConnectionClosed:
        pass
    say(f"closed {connection.close_code} {connection.close_reason}")


def select(connection, offered):
    return "first" if "first" in offered else None


def say(line):
    print(line, flush=True)


async def main(key=None, certificate=None):
    context = None
    if key is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate, key)
    async with serve(talk, "127.0.0.1", 0, ssl=context, select_subprotocol=select, max_size=None) as server:
        say(f"listening on 127.0.0.1:{server.sockets[0].getsockname()[1]}")
        await server.serve_forever()


asyncio.run(main(*sys.argv[1:]))
