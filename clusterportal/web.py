"""The web server: `python -m clusterportal.web [--host H] [--port N] [--cert FILE --key FILE]`.

uvicorn, on sockets and by a protocol that keep connections within limits (`clusterportal/connections.py`), with the
portal's own logging: its handlers would blank no secrets.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import resource
import socket
import sys
from collections.abc import Sequence

import django
import uvicorn
from django.conf import settings

from clusterportal.connections import BATCH, LONGEST_HEAD, Door, DoorSocket, PatientProtocol, trusts

CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""Of TLS 1.2 what is authenticated and forgets its keys; the server's own default has suites that encrypt nothing."""

_EACH = 4  # descriptors that a connection may take: its own, and what a request opens of an SQLite database
_OWN = 128 + BATCH  # descriptors for all else
_LOG = logging.getLogger(__name__)


def most_connections(wanted: int) -> int:
    """As many as wanted, or as the descriptors allow that this process may have; it is given all that it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    need = wanted * _EACH + _OWN
    if soft < need and soft != resource.RLIM_INFINITY:
        soft = need if hard == resource.RLIM_INFINITY else min(need, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft >= need or soft == resource.RLIM_INFINITY:
        return wanted
    possible = max(1, (soft - _OWN) // _EACH)
    _LOG.warning("%d connections at most, as this process may have only %d descriptors", possible, soft)
    return possible


def listening(host: str, port: int, door: Door) -> list[socket.socket]:
    """The sockets of an address or a name. Raises OSError where none can be had."""
    sockets: list[socket.socket] = []
    for family, kind, proto, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        one = DoorSocket(family, kind, proto)
        one.door = door
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        one.bind(address)
        one.setblocking(False)
        sockets.append(one)
    return sockets


def main(argv: Sequence[str]) -> int:
    """Serve until told to end."""
    parser = argparse.ArgumentParser(prog="python -m clusterportal.web", allow_abbrev=False)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--cert", default=None)
    parser.add_argument("--key", default=None)
    given = parser.parse_args(argv)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clusterportal.settings")
    django.setup()
    proxies = os.environ.get("FORWARDED_ALLOW_IPS", "")
    portal = settings.PORTAL
    door = Door(most_connections(portal.connections), portal.connections_each, trusts(proxies))
    PatientProtocol.door = door
    config = uvicorn.Config(
        "clusterportal.asgi:application",
        http=PatientProtocol,
        h11_max_incomplete_event_size=LONGEST_HEAD,
        loop="asyncio",
        ws="none",
        lifespan="off",
        log_config=None,
        server_header=False,
        # a client's own word on its address counts only when an operator named the proxies that may give it
        proxy_headers=bool(proxies),
        forwarded_allow_ips=proxies,
        backlog=BATCH,
        timeout_graceful_shutdown=5,
        ssl_certfile=given.cert,
        ssl_keyfile=given.key,
        ssl_ciphers=CIPHERS,
    )
    try:
        sockets = listening(given.host, given.port, door)
    except OSError as error:
        _LOG.error("cannot listen on %s, port %d: %s", given.host, given.port, error.strerror)
        return 1
    _LOG.info("listening on %s, port %d", given.host, given.port)
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
