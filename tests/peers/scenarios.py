"""What is compared: protocols, lengths of answers, numbers of routes, and which of these go together."""

from dataclasses import dataclass, field

from routes import Routes

KIB, MIB = 1024, 1024 * 1024
FEW_ROUTES, MANY_ROUTES = 10, 10_000
# Connections per second where each request opens its own: what any gateway does with a part of its core.
FRESH_RATE = 300.0


@dataclass(frozen=True)
class Size:
    """How long answers are, and how many requests for them are under way at once under full load."""

    name: str
    title: str
    bytes: int
    under_way: int

    @property
    def long(self) -> bool:
        return self.bytes >= MIB


SIZES = {
    size.name: size
    for size in (
        Size("1k", "1 KiB", KIB, 32),
        Size("100k", "100 KiB", 100 * KIB, 32),
        Size("10m", "10 MiB", 10 * MIB, 8),
    )
}
PROTOCOLS = {"h1": "HTTP/1.1", "tls": "HTTP/1.1, TLS", "h2": "HTTP/2, TLS"}


@dataclass(frozen=True)
class Scenario:
    """One kind of request, the same to all gateways."""

    protocol: str
    size: Size
    routes: Routes = field(default_factory=lambda: Routes(FEW_ROUTES))
    # A connection of its own for each request.
    fresh: bool = False

    @property
    def title(self) -> str:
        parts = [PROTOCOLS[self.protocol], self.size.title]
        parts += ["a connection each"] if self.fresh else []
        parts += [f"{self.routes.count:,} routes"] if self.routes.count != FEW_ROUTES else []
        return ", ".join(parts)

    @property
    def secure(self) -> bool:
        return self.protocol != "h1"

    @property
    def http2(self) -> bool:
        return self.protocol == "h2"

    @property
    def paths(self) -> list[str]:
        return [route.prefix + self.size.name for route in self.routes.used]


def plan(protocols: list[str], sizes: list[str], routes: list[int], *, fresh: bool) -> list[list[Scenario]]:
    """All scenarios, those together that are about the same routes. Many routes are compared where they weigh most."""
    first = Scenario(protocols[0], SIZES[sizes[0]])
    few = [Scenario(protocol, SIZES[size]) for protocol in protocols for size in sizes]
    if fresh and "tls" in protocols:
        few.append(Scenario("tls", first.size, fresh=True))
    groups = {FEW_ROUTES: few}
    for count in routes:
        groups.setdefault(count, [Scenario(first.protocol, first.size, Routes(count))])
    return [groups[count] for count in routes]
