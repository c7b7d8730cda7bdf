"""nginx, as a gateway and as the upstream of all gateways. Defaults, but for what is said here."""

import os
from pathlib import Path

from routes import Routes
from servers.process import Command, Site

# Asked for this on the first route, the upstream tells what a gateway told it.
SEEN = "seen"

# Bytes of an answer that are read and written with its head.
SHORT = 32 * 1024

# Kept connections are kept: nginx would close them after 1,000 requests or 75 s.
KEEP = "keepalive_requests 1000000000; keepalive_timeout 1h;"


def gateway(site: Site, limited: bool = False) -> Command:
    """Where it is limited, by the address of the client, and never reached: its rate has an upper bound."""
    zone = "limit_req_zone $binary_remote_addr zone=one:10m rate=2000000r/s;" if limited else ""
    limit = "limit_req zone=one burst=2000000 nodelay;" if limited else ""
    proxy = f"{limit} proxy_pass http://up;"
    routes = "\n".join(f"location {route.prefix} {{ {proxy} }}" for route in site.routes.all)
    return start(
        site.folder,
        f"""
        {zone}
        upstream up {{ server 127.0.0.1:{site.upstream}; keepalive 128; {KEEP} }}
        server {{
            listen 127.0.0.1:{site.plain};
            listen 127.0.0.1:{site.secure} ssl http2;
            ssl_certificate {site.certificate};
            ssl_certificate_key {site.key};
            ssl_protocols TLSv1.3;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header X-Forwarded-Host $http_host;
            proxy_max_temp_file_size 0; # Bodies wait in memory, as elsewhere.
            {routes}
        }}
        """,
    )


def upstream(site: Site, sizes: dict[str, int]) -> Command:
    """Serves files of these sizes below each route that is used. It listens on both ports of its site."""
    publish(site.folder / "www", site.routes, sizes)
    # By sendfile, a short answer would leave in two packets.
    long = [name for name, size in sizes.items() if size > SHORT]
    exact = "\n".join(
        f"location = {route.prefix}{name} {{ sendfile on; tcp_nopush on; }}"
        for route in site.routes.used
        for name in long
    )
    told = "$http_host $http_x_forwarded_for $http_x_forwarded_proto $http_x_forwarded_host $http_x_request_1"
    return start(
        site.folder,
        f"""
        open_file_cache max=1000;
        server {{
            listen 127.0.0.1:{site.plain};
            listen 127.0.0.1:{site.secure};
            root {site.folder}/www;
            location = {site.routes.used[0].prefix}{SEEN} {{ return 200 "{told}"; }}
            {exact}
        }}
        """,
    )


def publish(root: Path, routes: Routes, sizes: dict[str, int]) -> None:
    root.mkdir()
    for name, size in sizes.items():
        (root / name).write_bytes(b"x" * size)
        for route in routes.used:
            folder = root / route.prefix.strip("/")
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).hardlink_to(root / name)


def start(folder: Path, http: str) -> Command:
    user = "user root;" if os.geteuid() == 0 else ""
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    (folder / "nginx.conf").write_text(
        f"""
        {user}
        worker_processes 1;
        daemon off;
        pid {folder}/pid;
        error_log stderr error;
        events {{ worker_connections 4096; }}
        http {{
            access_log off;
            {KEEP}
            {temporary}
            {http}
        }}
        """
    )
    return Command(["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")])
