"""What a server used, over all its processes: CPU time and resident memory."""

from collections.abc import Iterator
from pathlib import Path

from servers.process import Server

PROC = Path("/proc")
# What reading of a process or thread that has just ended comes to.
GONE = (FileNotFoundError, ProcessLookupError)


def cpu(server: Server) -> int:
    """Nanoseconds on a core so far. What threads used that have ended since is not in it; gateways keep theirs."""
    spent = 0
    for process in processes(server):
        for thread in process.glob("task/*"):
            try:
                spent += int((thread / "schedstat").read_text().split()[0])
            except GONE:
                continue
    return spent


def resident(server: Server) -> int:
    """Bytes of memory; what several processes share is divided among them."""
    total = 0
    for process in processes(server):
        for line in (process / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1]) * 1024
    return total


def processes(server: Server) -> Iterator[Path]:
    """The server and whatever it started: they share a session."""
    for process in PROC.glob("[0-9]*"):
        try:
            status = (process / "stat").read_text()
        except GONE:
            continue
        # The name, in parentheses, may hold anything; state, parent, group and session come after it.
        session = int(status[status.rindex(")") + 1 :].split()[3])
        if session == server.process.pid:
            yield process
