"""A server as a process: started on one core, waited for, asked, and stopped with all its children."""

import contextlib
import http.client
import os
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from routes import Routes
from tools import PATH

PATIENCE = 120.0


class NotServing(Exception):
    """A server that did not start, or does not answer as it must."""


@dataclass(frozen=True)
class Site:
    """What every gateway is given alike."""

    folder: Path
    upstream: int
    plain: int
    secure: int
    certificate: Path
    key: Path
    routes: Routes


@dataclass(frozen=True)
class Command:
    """How a server is started, once its files are written."""

    arguments: list[str]
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Server:
    """A running server. It leads a session of its own, so that all its processes can be told from others."""

    name: str
    site: Site
    process: subprocess.Popen[bytes]

    def get(self, path: str, *, secure: bool) -> tuple[bytes, dict[str, str]]:
        """The body and the fields of an answer, which must be 200."""
        with contextlib.closing(self.client(secure)) as client:
            try:
                client.request("GET", path, headers={"Host": "localhost"})
                answer = client.getresponse()
                body = answer.read()
            except (OSError, http.client.HTTPException) as error:
                raise NotServing(f"{self.name} does not answer {path}: {error}") from error
        if answer.status != 200:
            raise NotServing(f"{self.name} answers {path} with status {answer.status}")
        return body, {name.lower(): value for name, value in answer.getheaders()}

    def client(self, secure: bool) -> http.client.HTTPConnection:
        if not secure:
            return http.client.HTTPConnection("127.0.0.1", self.site.plain, timeout=PATIENCE)
        trust = ssl.create_default_context(cafile=str(self.site.certificate))
        return http.client.HTTPSConnection("127.0.0.1", self.site.secure, timeout=PATIENCE, context=trust)


@contextlib.contextmanager
def serving(name: str, site: Site, command: Command, core: int) -> Iterator[Server]:
    """The server, from when it answers until the block ends."""
    log = site.folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["taskset", "--cpu-list", str(core), *command.arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=os.environ | {"PATH": PATH} | command.environment,
            start_new_session=True,
        )
    try:
        for port in (site.secure, site.plain):
            wait_for(name, port, process, log)
        wait_for_answer(name, site.plain, log)
        yield Server(name, site, process)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_for(name: str, port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        if process.poll() is not None or time.monotonic() > deadline:
            raise NotServing(f"{name} does not listen on port {port}:\n{ending(log)}")
        time.sleep(0.02)


def wait_for_answer(name: str, port: int, log: Path) -> None:
    """Any will do: a gateway may listen before it has built what it serves."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as client:
        try:
            client.request("GET", "/", headers={"Host": "localhost"})
            client.getresponse().read()
        except (OSError, http.client.HTTPException) as error:
            raise NotServing(f"{name} does not answer: {error}\n{ending(log)}") from error


def ending(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:]


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
