"""Who is compared: each a column of the tables."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from servers import envoy, haproxy, lockgate, nginx
from servers.process import Command, Site
from tools import Missing, Tools

PEERS = ("nginx", "haproxy", "envoy", "envoy-wasm")


@dataclass(frozen=True)
class Contender:
    """A gateway in one configuration."""

    name: str
    # How many times a policy or filter sets a field of the request and one of the response.
    policies: int
    command: Callable[[Site], Command]
    # Lockgate without policies also runs on the folder of the demo, for its memory.
    demo: Callable[[Site], Command] | None = None


def contenders(binaries: dict[str, Path], policies: list[int], peers: list[str], tools: Tools) -> list[Contender]:
    """Lockgate first: its first column is what all others are compared with."""
    ours = [lockgates(name, path, count) for name, path in binaries.items() for count in policies]
    for kind, isolation in (("asked", "pooled"), ("fresh", "request")):
        for name, path in binaries.items():
            ours += [asked(f"{name}, {count} {kind}", path, count, tools.asked, isolation) for count in policies if count]
    return ours + [peer(name, tools) for name in peers]


def lockgates(name: str, binary: Path, policies: int) -> Contender:
    if policies:
        name += f", {policies} {'policy' if policies == 1 else 'policies'}"
    demo = None if policies else partial(lockgate.demo, program=binary)
    return Contender(name, policies, partial(lockgate.gateway, program=binary, policies=policies), demo)


def asked(name: str, binary: Path, policies: int, component: Path, isolation: str) -> Contender:
    command = partial(
        lockgate.asking, program=binary, policies=policies, component=component, isolation=isolation
    )
    return Contender(name, policies, command)


def peer(name: str, tools: Tools) -> Contender:
    match name:
        case "nginx":
            return Contender("nginx", 0, nginx.gateway)
        case "haproxy":
            return Contender("HAProxy", 0, haproxy.gateway)
        case "envoy" if tools.envoy:
            return Contender("Envoy", 0, partial(envoy.gateway, program=tools.envoy))
        case "envoy-wasm" if tools.envoy and tools.filter:
            return Contender("Envoy, filter", 1, partial(envoy.gateway, program=tools.envoy, wasm=tools.filter))
    raise Missing(f"{name} is not installed")
