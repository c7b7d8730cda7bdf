"""Lockgate: without policies, with several of them, and on the folder of the demo."""

import shutil
from pathlib import Path

from routes import Route
from servers.process import Command, Site, free_ports
from tools import ROOT


ASKED = """
[policy.asked]
source = "file:asked.wasm"
grant = ["read::path", "read::status", "write:x-*"]
isolation = "{isolation}"
"""
SPINNING = """
[policy.spinning]
source = "file:spinning.wasm"
grant = ["read:x-test-break"]
breaker = { failures = 1000000 }
"""


def gateway(site: Site, program: Path, policies: int) -> Command:
    """Each policy sets one field of the request and one of the response. `headers` needs to be told nothing for that, so it is
    asked once."""
    return folder(site, program, "".join(constant(number + 1) for number in range(policies)))


def asking(site: Site, program: Path, policies: int, component: Path, isolation: str) -> Command:
    """The same by a policy that wants to be told something, so that it is called for each request and response."""
    command = folder(site, program, ASKED.format(isolation=isolation) + "".join(varying(n + 1) for n in range(policies)))
    shutil.copy(component, site.folder / "policies" / "asked.wasm")
    return command


def spinning(site: Site, program: Path, component: Path) -> Command:
    """Routes without policies, and one whose policy spins until its time is up. It is never left alone."""
    command = folder(site, program, SPINNING)
    shutil.copy(component, site.folder / "policies" / "spinning.wasm")
    spins = site.folder / "policies" / "spins"
    spins.mkdir()
    (spins / "api.toml").write_text(
        f"""
name = "spins"
version = "1"
[upstream.up]
targets = ["http://127.0.0.1:{site.upstream}"]
[[route]]
name = "spin"
match = {{ path = "/spin" }}
chain = ["spinning"]
upstream = "up"
"""
    )
    return command


def folder(site: Site, program: Path, more: str) -> Command:
    """All that every configuration has, and more of it in `gateway.toml`."""
    folder = site.folder / "policies"
    folder.mkdir()
    (folder / "gateway.toml").write_text(settings(site) + more)
    shutil.copy(site.certificate, folder / "site.pem")
    for routes in site.routes.apis:
        name = f"api{routes[0].api}"
        (folder / name).mkdir()
        (folder / name / "api.toml").write_text(api(name, site.upstream, routes))
    return run(program, folder, site)


def demo(site: Site, program: Path) -> Command:
    """The folder in the repository, on other ports. Its second listener is the admin's."""
    folder = site.folder / "policies"
    shutil.copytree(ROOT / "policies", folder)
    gateway = folder / "gateway.toml"
    text = gateway.read_text()
    gateway.write_text(text.replace(":8080", f":{site.plain}").replace(":8081", f":{site.secure}"))
    return run(program, folder, site)


def run(program: Path, folder: Path, site: Site) -> Command:
    state = {"STATE_DIRECTORY": str(site.folder / "state")}
    return Command([str(program), "run", str(folder)], state)


def settings(site: Site) -> str:
    (admin,) = free_ports(1)
    return f"""
[runtime]
workers = 1
[admin]
address = "127.0.0.1:{admin}"
[access_log]
enabled = false
[listen.plain]
address = "127.0.0.1:{site.plain}"
[listen.secure]
address = "127.0.0.1:{site.secure}"
tls = [{{ certificate = "site.pem", key = "secret:site", min_version = "1.3" }}]
[secret.site]
file = "{site.key}"
[policy.headers]
source = "builtin:headers"
grant = ["write:x-*"]
"""


def constant(number: int) -> str:
    return f"""
[[chain]]
policy = "headers"
[chain.config]
request = {{ set = {{ "x-request-{number}" = "one" }} }}
response = {{ set = {{ "x-response-{number}" = "two" }} }}
"""


def varying(number: int) -> str:
    return f"""
[[chain]]
policy = "asked"
config = {{ request = "x-request-{number}", response = "x-response-{number}" }}
"""


def api(name: str, upstream: int, routes: list[Route]) -> str:
    head = f"""
name = "{name}"
version = "1"
[upstream.up]
targets = ["http://127.0.0.1:{upstream}"]
"""
    return head + "".join(
        f"""
[[route]]
name = "resource{route.number}"
match = {{ path = "{route.prefix}{{name}}" }}
upstream = "up"
"""
        for route in routes
    )
