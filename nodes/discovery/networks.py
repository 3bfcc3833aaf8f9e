"""Which networks may be searched: named by the operator, small, and the operator's own."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence

from django.conf import settings
from django.core.exceptions import ValidationError

MOST_ADDRESSES = 1024
MOST_NETWORKS = 16

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

PRIVATE = tuple(
    ipaddress.ip_network(text)
    for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "fc00::/7", "::1/128")
)
"""RFC 1918, RFC 4193 and loopback."""


def parse_networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """The networks, without those that another one holds. Raises ValidationError naming what is wrong and the
    remedy."""
    given = [text.strip() for text in texts if text.strip()]
    if not given:
        raise ValidationError("Name at least one network, for example 192.168.10.0/24.", code="required")
    if len(given) > MOST_NETWORKS:
        raise ValidationError(f"Name at most {MOST_NETWORKS} networks at once.")
    networks = _collapsed([_network(text) for text in given])
    count = sum(network.num_addresses for network in networks)
    if count > MOST_ADDRESSES:
        raise ValidationError(
            f"These are {count} addresses; a search asks at most {MOST_ADDRESSES}. Name smaller networks, for example "
            "a /24 (256 addresses)."
        )
    return networks


def _collapsed(networks: Sequence[Network]) -> tuple[Network, ...]:
    """Without overlaps, IPv4 first."""
    four = [network for network in networks if isinstance(network, ipaddress.IPv4Network)]
    six = [network for network in networks if isinstance(network, ipaddress.IPv6Network)]
    return (*ipaddress.collapse_addresses(four), *ipaddress.collapse_addresses(six))


def _network(text: str) -> Network:
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ValidationError(
            f"{text[:60]} is no network. Write it as address/bits, for example 192.168.10.0/24."
        ) from None
    if not any(_lies_in(network, allowed) for allowed in allowed_networks()):
        raise ValidationError(
            f"{network} is no private or loopback network. Search your own networks only; an administrator of this "
            "machine can allow a public one by CLUSTERPORTAL_SEARCH_NETWORKS."
        )
    return network


def allowed_networks() -> tuple[Network, ...]:
    """Private networks, loopback, and what the settings allow besides."""
    return (*PRIVATE, *settings.PORTAL_SEARCH_NETWORKS)


def _lies_in(network: Network, allowed: Network) -> bool:
    if isinstance(network, ipaddress.IPv4Network) and isinstance(allowed, ipaddress.IPv4Network):
        return network.subnet_of(allowed)
    if isinstance(network, ipaddress.IPv6Network) and isinstance(allowed, ipaddress.IPv6Network):
        return network.subnet_of(allowed)
    return False


def addresses_in(networks: Iterable[Network]) -> list[str]:
    """Every address of a host in them, in order."""
    return [str(address) for network in networks for address in network.hosts()]
