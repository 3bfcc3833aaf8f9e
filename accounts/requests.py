"""From a request of either face to the value that says who is asking."""

from __future__ import annotations

import ipaddress

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from rest_framework.request import Request

from accounts.models import ApiToken, User
from accounts.principals import Principal


def remote_address(request: HttpRequest | Request) -> str | None:
    """The caller's IP address as the web server says it; None when it is none (a Unix socket, a test)."""
    text = str(request.META.get("REMOTE_ADDR", ""))
    try:
        return str(ipaddress.ip_address(text.partition("%")[0]))
    except ValueError:
        return None


def network_of(request: HttpRequest | Request) -> str:
    """What limits count callers by; one network for all callers without an address."""
    return network(remote_address(request) or "0.0.0.0")  # noqa: S104 - a label, nothing listens


def network(address: str) -> str:
    """An IPv4 address, or the /64 network that one customer has of IPv6. Raises ValueError for what is no address."""
    parsed = ipaddress.ip_address(address)
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    return str(parsed.ipv4_mapped or ipaddress.ip_network((parsed, 64), strict=False))


def principal_of(request: HttpRequest | Request) -> Principal:
    """Who is asking, by which door and under which token. Raises PermissionDenied for anonymous callers."""
    user = request.user
    if not isinstance(user, User) or not user.is_active:
        raise PermissionDenied("Log in first.")
    if not isinstance(request, Request):
        return Principal(user=user, via="console", remote_address=remote_address(request))
    token = request.auth if isinstance(request.auth, ApiToken) else None
    return Principal(user=user, via="api", token=token, remote_address=remote_address(request))
