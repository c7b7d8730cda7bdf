"""HAProxy. Defaults, but for what is said here."""

from servers.process import Command, Site


def gateway(site: Site) -> Command:
    # A map is how HAProxy is told of many routes: the longest prefix of the path is found in a tree.
    routes = site.folder / "routes.map"
    routes.write_text("".join(f"{route.prefix} up\n" for route in site.routes.all))
    pair = site.folder / "site.pem"
    pair.write_text(site.certificate.read_text() + site.key.read_text())
    configuration = site.folder / "haproxy.cfg"
    configuration.write_text(
        f"""
global
    nbthread 1
    maxconn 4096
    ssl-default-bind-options ssl-min-ver TLSv1.3

defaults
    mode http
    timeout connect 2s
    timeout client 1h
    timeout server 1m
    timeout http-keep-alive 1h
    http-reuse always

frontend public
    bind 127.0.0.1:{site.plain}
    bind 127.0.0.1:{site.secure} ssl crt {pair} alpn h2,http/1.1
    option forwardfor
    http-request set-header X-Forwarded-Proto %[ssl_fc,iif(https,http)]
    http-request set-header X-Forwarded-Host %[req.hdr(host)]
    use_backend %[path,map_beg({routes})]

backend up
    server up 127.0.0.1:{site.upstream}
"""
    )
    return Command(["haproxy", "-db", "-f", str(configuration)])
