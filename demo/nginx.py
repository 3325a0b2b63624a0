"""nginx's configuration: one server for each host name, and an access log that the judge can read."""

from collections.abc import Iterable

LOG_FORMAT = (
    '{"time":"$time_iso8601","msec":$msec,"method":"$request_method","host":"$host",'
    '"uri":"$request_uri","status":$status,"bytes":$body_bytes_sent,"user_agent":"$http_user_agent"}'
)

_BASE = """\
worker_processes 1;
daemon off;
pid {scratch}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 1024; }}
http {{
  types {{
    text/html html htm;
    text/css css;
    text/plain txt;
    text/xml xml;
    application/javascript js;
    image/png png;
    image/jpeg jpg jpeg;
    image/svg+xml svg;
  }}
  default_type application/octet-stream;
  log_format judge escape=json '{log_format}';
  access_log {log} judge;
  absolute_redirect off;
  autoindex off;
  client_body_temp_path {scratch}/body;
  proxy_temp_path {scratch}/proxy;
  fastcgi_temp_path {scratch}/fastcgi;
  uwsgi_temp_path {scratch}/uwsgi;
  scgi_temp_path {scratch}/scgi;
{servers}}}
"""

_SERVER = """\
  server {{
    listen {address}:{port};
    server_name {names};
    root {root}/{host};
    index index.html;
  }}
"""

_HEALTH = """\
  server {{
    listen {address}:{port} default_server;
    access_log off;
    location = /healthy {{ return 200 "ok\\n"; }}
    location / {{ return 421; }}
  }}
"""


def configuration(
    hosts: Iterable[str], *, root: str, log: str, scratch: str, address: str = "*", port: int = 8080
) -> str:
    """Return nginx.conf for hosts whose files lie in `root/<host>`; only requests for these are logged."""
    servers = _HEALTH.format(address=address, port=port)
    for host in hosts:
        servers += _SERVER.format(address=address, port=port, host=host, names=host, root=root)
    return _BASE.format(scratch=scratch, log=log, log_format=LOG_FORMAT, servers=servers)
