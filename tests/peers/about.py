"""On what the comparison ran, and which versions were compared."""

import os
import platform
import re
import subprocess
from pathlib import Path

from tools import PATH, Tools

CONGESTION = Path("/proc/sys/net/ipv4/tcp_congestion_control")


def about(binaries: dict[str, Path], peers: list[str], tools: Tools) -> str:
    """One line for whoever reads the tables."""
    programs = {name: [str(path), "--version"] for name, path in binaries.items()}
    programs |= {"nginx": ["nginx", "-v"], "wrk": ["wrk", "-v"], "h2load": ["h2load", "--version"]}
    if "haproxy" in peers:
        programs["HAProxy"] = ["haproxy", "-v"]
    if tools.envoy:
        programs["Envoy"] = [str(tools.envoy), "--version"]
    versions = [f"{name} {version(command)}" for name, command in programs.items()]
    machine = [f"{os.cpu_count()} cores of {processor()}", f"Linux {platform.release()}", f"TCP {congestion()}"]
    return ", ".join(versions + machine)


def version(command: list[str]) -> str:
    # Some print it on standard error, and wrk with a status that says it failed.
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PATH": PATH})
    # Three numbers: paths, which some print before it, have two.
    found = re.search(r"\d+\.\d+\.\d+", done.stdout + done.stderr)
    return found[0] if found else "of unknown version"


def processor() -> str:
    found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return found[1] if found else platform.machine()


def congestion() -> str:
    """How TCP paces itself, on this machine's own network too."""
    return CONGESTION.read_text().strip()
