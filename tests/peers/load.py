"""The load: as much as a gateway takes (wrk, h2load), and the same for all by a timetable (openloop)."""

import json
import math
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scenarios import Scenario
from servers.process import Server

WRK_SCRIPT = Path(__file__).with_name("wrk.lua")
H2_CONNECTIONS = 4
# The share of requests a gateway may be behind the timetable.
BEHIND = 0.05
# Connections that are opened at once where each request has its own.
FRESH_LINES = 16
# The client leaves no choice of cipher suite and group, so that all gateways do the same work.
SUITE, GROUP = "TLS_AES_128_GCM_SHA256", "X25519"
OPENSSL = f"""
openssl_conf = openssl
[openssl]
ssl_conf = ssl
[ssl]
system_default = offer
[offer]
MinProtocol = TLSv1.3
Ciphersuites = {SUITE}
Groups = {GROUP}
"""


class LoadFailed(Exception):
    """Requests failed, or a load generator did."""


@dataclass(frozen=True)
class Full:
    """What came of sending as much as is answered."""

    requests: float
    seconds: float


@dataclass(frozen=True)
class Paced:
    """What came of sending by a timetable: answers that were there when it ended, and all of a little later."""

    scheduled: int
    in_time: int
    answered: int
    # Requests before it began, one for each connection.
    opened: int
    percentiles: dict[str, float]

    def kept_up(self, scenario: Scenario) -> bool:
        """Whether no more were unanswered in the end than are well under way at once, and a few for a moment's delay."""
        return self.scheduled - self.in_time <= scenario.size.under_way + BEHIND * self.scheduled


@dataclass(frozen=True)
class Generator:
    """Load generators on their cores."""

    cores: list[int]
    openloop: Path
    folder: Path

    def full(self, server: Server, scenario: Scenario, seconds: int) -> Full:
        """Keep so many requests under way all the time."""
        return self.h2load(server, scenario, seconds) if scenario.http2 else self.wrk(server, scenario, seconds)

    def wrk(self, server: Server, scenario: Scenario, seconds: int) -> Full:
        offer = self.folder / "openssl.cnf"
        offer.write_text(OPENSSL)
        options = ["-t1", f"-c{scenario.size.under_way}", f"-d{seconds}s", "--timeout", "30s", "-s", str(WRK_SCRIPT)]
        command = ["wrk", *options, url(server, scenario), "--", *scenario.paths]
        told = last_json(self.run(command, seconds, {"OPENSSL_CONF": str(offer)}))
        refuse_faults(told["failed"], told["requests"])
        return Full(whole(scenario, told["requests"], told["bytes"]), told["seconds"])

    def h2load(self, server: Server, scenario: Scenario, seconds: int) -> Full:
        streams = scenario.size.under_way // H2_CONNECTIONS
        options = ["-t1", f"-c{H2_CONNECTIONS}", f"-m{streams}", f"-D{seconds}"]
        options += [f"--tls13-ciphers={SUITE}", f"--groups={GROUP}", "--npn-list=h2"]
        text = self.run(["h2load", *options, *(url(server, scenario) + path for path in scenario.paths)], seconds)
        requests, failed = number(r"(\d+) succeeded", text), number(r"(\d+) failed", text)
        refuse_faults(failed, requests)
        elapsed = requests / number(r"([\d.]+) req/s", text)
        return Full(whole(scenario, requests, number(r"\((\d+)\) data", text)), elapsed)

    def paced(self, server: Server, scenario: Scenario, rate: float, seconds: float) -> Paced:
        """Send by a timetable, whatever the server does."""
        # What can be under way at once; more wait for one of these to end.
        places = 2 * scenario.size.under_way
        lines = FRESH_LINES if scenario.fresh else H2_CONNECTIONS if scenario.http2 else places
        options = [f"--rate={rate}", f"--seconds={seconds}", f"--connections={lines}"]
        options += [f"--trust={server.site.certificate}"] if scenario.secure else []
        options += [f"--streams={places // H2_CONNECTIONS}"] if scenario.http2 else []
        options += ["--fresh"] if scenario.fresh else []
        address = f"127.0.0.1:{port(server, scenario)}"
        told = last_json(self.run([str(self.openloop), *options, address, *scenario.paths], seconds))
        if told["failed"]:
            raise LoadFailed(f"{told['failed']} of {told['scheduled']} requests failed, one so: {told['fault']}")
        # One that so many were never answered for that it is not known is null.
        percentiles = {name: told[name] for name in ("p50_us", "p99_us") if told[name] is not None}
        return Paced(told["scheduled"], told["in_time"], told["answered"], lines, percentiles)

    def run(self, command: list[str], seconds: float, environment: dict[str, str] | None = None) -> str:
        cores = ",".join(str(core) for core in self.cores)
        try:
            done = subprocess.run(
                ["taskset", "--cpu-list", cores, *command],
                capture_output=True,
                text=True,
                env=os.environ | (environment or {}),
                timeout=math.ceil(seconds) + 60,
            )
        except subprocess.TimeoutExpired as error:
            raise LoadFailed(f"{command[0]} did not end") from error
        if done.returncode != 0:
            raise LoadFailed(f"{command[0]} failed: {(done.stderr or done.stdout).strip()[-500:]}")
        return done.stdout


def url(server: Server, scenario: Scenario) -> str:
    scheme = "https" if scenario.secure else "http"
    return f"{scheme}://127.0.0.1:{port(server, scenario)}"


def port(server: Server, scenario: Scenario) -> int:
    return server.site.secure if scenario.secure else server.site.plain


def refuse_faults(failed: float, answered: float) -> None:
    if failed or not answered:
        raise LoadFailed(f"{failed:.0f} requests failed, {answered:.0f} were answered")


def whole(scenario: Scenario, requests: float, received: float) -> float:
    """Of long answers, those that were under way at the end count by what was there of them."""
    return received / scenario.size.bytes if scenario.size.long else requests


def last_json(text: str) -> dict[str, Any]:
    try:
        told: dict[str, Any] = json.loads(text.strip().splitlines()[-1])
        return told
    except (IndexError, ValueError) as error:
        raise LoadFailed(f"a load generator told no numbers: {text[-500:]}") from error


def number(pattern: str, text: str) -> float:
    found = re.search(pattern, text)
    if found is None:
        raise LoadFailed(f"h2load told no {pattern}: {text[-500:]}")
    return float(found[1])
