"""Envoy, also with a proxy-wasm filter that does the work of one policy. Defaults, but for what is said here."""

import json
from pathlib import Path
from typing import Any

from servers.process import Command, Site

Json = dict[str, Any]


def gateway(site: Site, program: Path, wasm: Path | None = None, guards: list[Json] | None = None) -> Command:
    filters = [*(guards or []), *([proxy_wasm(wasm)] if wasm else []), router()]
    manager = connection_manager(site, filters)
    bootstrap = {
        "static_resources": {
            "listeners": [
                listener("plain", site.plain, {"filters": [manager]}),
                listener("secure", site.secure, {"filters": [manager], "transport_socket": tls(site)}),
            ],
            "clusters": [cluster(site)],
        }
    }
    configuration = site.folder / "envoy.json"
    configuration.write_text(json.dumps(bootstrap))
    options = ["--concurrency", "1", "--disable-hot-restart", "--log-level", "error"]
    return Command([str(program), "--config-path", str(configuration), *options])


def connection_manager(site: Site, filters: list[Json]) -> Json:
    host = {"name": "all", "domains": ["*"], "matcher": matcher(site)}
    told = {"header": {"key": "x-forwarded-host", "value": "%REQ(:authority)%"}}
    return named(
        "envoy.filters.network.http_connection_manager",
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        {
            "stat_prefix": "public",
            "use_remote_address": True,
            "generate_request_id": False,
            "route_config": {"virtual_hosts": [host], "request_headers_to_add": [told]},
            "http_filters": filters,
        },
    )


def matcher(site: Site) -> Json:
    """Routes by prefix in a tree, which Envoy advises where there are many: a list is searched from its beginning."""
    action = {
        "name": "route",
        "typed_config": typed("envoy.config.route.v3.Route", {"match": {"prefix": "/"}, "route": {"cluster": "up"}}),
    }
    path = {
        "name": "path",
        "typed_config": typed("envoy.type.matcher.v3.HttpRequestHeaderMatchInput", {"header_name": ":path"}),
    }
    prefixes = {route.prefix: {"action": action} for route in site.routes.all}
    return {"matcher_tree": {"input": path, "prefix_match_map": {"map": prefixes}}}


def router() -> Json:
    name = "envoy.extensions.filters.http.router.v3.Router"
    return named("envoy.filters.http.router", name, {"suppress_envoy_headers": True})


def proxy_wasm(module: Path) -> Json:
    machine = {"runtime": "envoy.wasm.runtime.v8", "code": {"local": {"filename": str(module)}}}
    name = "envoy.extensions.filters.http.wasm.v3.Wasm"
    return named("envoy.filters.http.wasm", name, {"config": {"name": "headers", "vm_config": machine}})


def tls(site: Site) -> Json:
    pair = {"certificate_chain": {"filename": str(site.certificate)}, "private_key": {"filename": str(site.key)}}
    terms = {
        "tls_certificates": [pair],
        "alpn_protocols": ["h2", "http/1.1"],
        "tls_params": {"tls_minimum_protocol_version": "TLSv1_3"},
    }
    name = "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext"
    return named("envoy.transport_sockets.tls", name, {"common_tls_context": terms})


def listener(name: str, port: int, chain: Json) -> Json:
    return {"name": name, "address": address(port), "filter_chains": [chain]}


def cluster(site: Site) -> Json:
    endpoint = {"endpoint": {"address": address(site.upstream)}}
    targets = {"cluster_name": "up", "endpoints": [{"lb_endpoints": [endpoint]}]}
    return {"name": "up", "type": "STATIC", "connect_timeout": "2s", "load_assignment": targets}


def address(port: int) -> Json:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def named(name: str, message: str, fields: Json) -> Json:
    return {"name": name, "typed_config": typed(message, fields)}


def typed(message: str, fields: Json) -> Json:
    return {"@type": f"type.googleapis.com/{message}", **fields}
