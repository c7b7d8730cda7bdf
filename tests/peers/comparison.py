"""Runs the scenarios: all gateways side by side, in turns, several rounds."""

import contextlib
import datetime
import itertools
import re
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import measure
from contenders import Contender
from load import Generator, LoadFailed
from routes import Routes
from scenarios import FRESH_RATE, SIZES, Scenario
from servers import nginx
from servers.process import Command, NotServing, Server, Site, free_ports, serving
from tools import tell

# Of what nginx answers under full load, or the first contender where nginx is not compared.
PACE = 0.7
SETTLE = 0.5

# By name; what is not known is left out.
Values = dict[str, float]


@dataclass
class Outcome:
    """What came of a scenario: for each contender the values of each round. A round that failed has none."""

    scenario: Scenario
    rate: float | None = None
    full: dict[str, list[Values]] = field(default_factory=dict)
    paced: dict[str, list[Values]] = field(default_factory=dict)


@dataclass
class Comparison:
    """Where and how contenders are compared, and what came of it so far."""

    contenders: list[Contender]
    generator: Generator
    folder: Path
    core: int
    upstream_core: int
    rounds: int
    seconds: int
    quick: bool
    outcomes: list[Outcome] = field(default_factory=list)
    memory: dict[str, dict[str, float]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def run(self, groups: list[list[Scenario]]) -> None:
        parts: list[Callable[[contextlib.ExitStack], None]] = [partial(self.group, scenarios) for scenarios in groups]
        for part in [*parts, self.demos]:
            # What was measured before a server failed is worth telling.
            try:
                with contextlib.ExitStack() as stack:
                    part(stack)
            except NotServing as failure:
                self.fail(str(failure))

    def group(self, scenarios: list[Scenario], stack: contextlib.ExitStack) -> None:
        """Scenarios with the same routes: the same servers are there for all of them."""
        routes = scenarios[0].routes
        self.tell(f"starting all with {routes.count:,} routes")
        upstream = self.upstream(routes, stack)
        servers = {
            one.name: self.serve(one.name, one.command, self.site(routes, upstream), stack) for one in self.contenders
        }
        time.sleep(SETTLE)
        idle = {name: float(measure.resident(server)) for name, server in servers.items()}
        self.memory[f"after the start, {routes.count:,} routes"] = idle
        for contender in self.contenders:
            check(servers[contender.name], contender)
        if not self.quick:
            self.in_turns("warming up", 1, servers, lambda one: self.full(one, scenarios[0], 1))
        for scenario in scenarios:
            self.outcomes.append(self.scenario(scenario, servers))
        loaded = {name: float(measure.resident(server)) for name, server in servers.items()}
        self.memory[f"after all load, {routes.count:,} routes"] = loaded

    def scenario(self, scenario: Scenario, servers: dict[str, Server]) -> Outcome:
        outcome = Outcome(scenario, rate=FRESH_RATE)
        title = scenario.title
        if not scenario.fresh:
            seconds = self.seconds
            outcome.full = self.in_turns(
                f"{title}: full load", self.rounds, servers, lambda one: self.full(one, scenario, seconds)
            )
            outcome.rate = self.pace(outcome)
        if rate := outcome.rate:
            outcome.paced = self.in_turns(
                f"{title}: {rate:,.0f}/s", self.rounds, servers, lambda one: self.paced(one, scenario, rate)
            )
        return outcome

    def in_turns(
        self, what: str, rounds: int, servers: dict[str, Server], ask: Callable[[Server], Values]
    ) -> dict[str, list[Values]]:
        """In each round each contender once, beginning with another each time: what drifts hits all alike."""
        turns = list(servers.items())
        found: dict[str, list[Values]] = {name: [] for name in servers}
        for number in range(1, rounds + 1):
            self.tell(f"{what}, round {number} of {rounds}")
            first = number % len(turns)
            for name, server in turns[first:] + turns[:first]:
                try:
                    found[name].append(ask(server))
                except LoadFailed as failure:
                    self.fail(f"{what}, round {number}, {name}: {failure}")
                    found[name].append({})
        return found

    def full(self, server: Server, scenario: Scenario, seconds: int) -> Values:
        before = measure.cpu(server)
        load = self.generator.full(server, scenario, seconds)
        spent = measure.cpu(server) - before
        return {
            "cpu_us": spent / 1e3 / load.requests,
            "throughput": load.requests / load.seconds,
            "busy": spent / 1e9 / load.seconds,
        }

    def paced(self, server: Server, scenario: Scenario, rate: float) -> Values:
        before = measure.cpu(server)
        load = self.generator.paced(server, scenario, rate, 0.3 if self.quick else self.seconds)
        spent = measure.cpu(server) - before
        values = {"cpu_us": spent / 1e3 / (load.answered + load.opened), "in_time": load.in_time / load.scheduled}
        # Latencies of an overloaded gateway only tell for how long it was.
        return values | (load.percentiles if load.kept_up(scenario) else {})

    def pace(self, outcome: Outcome) -> float | None:
        """The rate requests are sent at to all alike."""
        by = "nginx" if "nginx" in outcome.full else self.contenders[0].name
        answered = [values["throughput"] for values in outcome.full[by] if values]
        return PACE * statistics.median(answered) if answered else None

    def demos(self, stack: contextlib.ExitStack) -> None:
        """Lockgate on the folder of the demo, which needs no upstream."""
        resident = {}
        for contender in self.contenders:
            if contender.demo:
                server = self.serve(contender.name, contender.demo, self.site(Routes(0), 0), stack)
                time.sleep(SETTLE)
                resident[contender.name] = float(measure.resident(server))
        self.memory["after the start, the folder of the demo"] = resident

    def upstream(self, routes: Routes, stack: contextlib.ExitStack) -> int:
        site = self.site(routes, 0)
        command = nginx.upstream(site, {name: size.bytes for name, size in SIZES.items()})
        stack.enter_context(serving("the upstream", site, command, self.upstream_core))
        return site.plain

    def serve(self, name: str, command: Callable[[Site], Command], site: Site, stack: contextlib.ExitStack) -> Server:
        return stack.enter_context(serving(name, site, command(site), self.core))

    def site(self, routes: Routes, upstream: int) -> Site:
        folder = self.folder / str(next(self.numbers))
        folder.mkdir()
        plain, secure = free_ports(2)
        certificate, key = self.folder / "site.pem", self.folder / "site.key"
        if not certificate.exists():
            make_certificate(certificate, key)
        return Site(folder, upstream, plain, secure, certificate, key, routes)

    def fail(self, line: str) -> None:
        self.failures.append(line)
        self.tell(f"failed: {line}")

    def tell(self, line: str) -> None:
        tell(f"{datetime.datetime.now():%H:%M:%S} {line}")


def check(server: Server, contender: Contender) -> None:
    """That a gateway does the work all are compared at: the right answers, the same told to the upstream, the same fields."""
    first, *others = server.site.routes.used
    smallest = next(iter(SIZES))
    for secure in (False, True):
        told, fields = server.get(first.prefix + nginx.SEEN, secure=secure)
        # Whose address it is does not matter: for a client on this machine, Envoy tells the address it has on a network.
        scheme, field = "https" if secure else "http", "one" if contender.policies else ""
        if not re.fullmatch(rf"localhost [\d.]+ {scheme} localhost {field}", told.decode()):
            raise NotServing(f"{server.name} tells the upstream `{told.decode()}`")
        for number in range(1, contender.policies + 1):
            if fields.get(f"x-response-{number}") != "two":
                raise NotServing(f"{server.name} sets no x-response-{number}")
        for path in [first.prefix + name for name in SIZES] + [route.prefix + smallest for route in others]:
            body, _ = server.get(path, secure=secure)
            if len(body) != SIZES[path.rsplit("/", 1)[1]].bytes:
                raise NotServing(f"{server.name} answers {path} with {len(body)} bytes")


def make_certificate(certificate: Path, key: Path) -> None:
    """ECDSA on P-256, signed by itself."""
    extensions = ["basicConstraints=critical,CA:FALSE", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "2", "-subj", "/CN=localhost", "-keyout", str(key), "-out", str(certificate)]
    command += [word for extension in extensions for word in ("-addext", extension)]
    subprocess.run(command, check=True, capture_output=True)
