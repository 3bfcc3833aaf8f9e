"""Which networks may be searched, and what banners tell."""

from __future__ import annotations

import ipaddress

import pytest
from django.core.exceptions import ValidationError

from nodes.discovery.networks import addresses_in, parse_networks
from nodes.products.greetings import Greeting, parse_smtp
from nodes.remote.banners import readable


@pytest.mark.parametrize(
    ("given", "count"),
    [
        (["192.168.1.0/24"], 254),
        (["10.1.2.3"], 1),
        (["10.0.0.0/31"], 2),
        (["127.0.0.0/22"], 1022),
        (["10.0.0.0/24", "10.0.0.0/25", " 10.0.0.7 "], 254),
        (["10.0.0.5/24"], 254),
        (["fd00::/120"], 255),
        (["::1/128"], 1),
    ],
)
def test_networks_of_ones_own(given: list[str], count: int) -> None:
    assert len(addresses_in(parse_networks(given))) == count


@pytest.mark.parametrize(
    ("given", "remedy"),
    [
        ([], "Name at least one"),
        (["  "], "Name at least one"),
        (["10.0.0.0/21"], "at most 1024"),
        (["10.0.0.0/23", "10.2.0.0/23", "10.4.0.0/30"], "at most 1024"),
        (["fd00::/64"], "at most 1024"),
        (["8.8.8.0/24"], "CLUSTERPORTAL_SEARCH_NETWORKS"),
        (["0.0.0.0/0"], "CLUSTERPORTAL_SEARCH_NETWORKS"),
        (["169.254.0.0/24"], "CLUSTERPORTAL_SEARCH_NETWORKS"),
        (["224.0.0.0/24"], "CLUSTERPORTAL_SEARCH_NETWORKS"),
        (["::ffff:8.8.8.8"], "CLUSTERPORTAL_SEARCH_NETWORKS"),
        (["mail.example.com"], "address/bits"),
        (["10.0.0.0/33"], "address/bits"),
        (["10.0.0.0/24; rm -rf /"], "address/bits"),
        (["10.0.0.1"] * 17, "at most 16"),
    ],
)
def test_other_networks_are_refused_with_the_remedy(given: list[str], remedy: str) -> None:
    with pytest.raises(ValidationError, match=remedy):
        parse_networks(given)


def test_the_settings_may_allow_more(settings) -> None:
    settings.PORTAL_SEARCH_NETWORKS = (ipaddress.ip_network("198.51.100.0/24"),)
    assert len(addresses_in(parse_networks(["198.51.100.128/25"]))) == 126


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            "220 mx1.a.example ESMTP MDaemon 21.0.3; Wed, 21 Apr 2021 10:00:00 +0200",
            Greeting(True, "21.0.3", "mx1.a.example"),
        ),
        ("220-mx1.a.example ESMTP MDaemon PRO v26.0.2b; x", Greeting(True, "26.0.2b", "mx1.a.example")),
        ("220 mx1 ESMTP MDaemon ready", Greeting(True, "", "mx1")),
        ("220 mx2.a.example ESMTP Postfix", Greeting(False, "", "mx2.a.example")),
        ("220 mx2.a.example ESMTP", Greeting(False, "", "mx2.a.example")),
        ("220 <script>alert(1)</script>", Greeting()),
        ("", Greeting()),
    ],
)
def test_smtp_greetings(line: str, told: Greeting) -> None:
    assert parse_smtp(line) == told


def test_a_strangers_line_is_made_readable() -> None:
    assert readable(b"SSH-2.0-x\x1b[31m\x00\xff\r\n") == "SSH-2.0-x [31m \ufffd"
    assert len(readable(b"x" * 5000)) == 200
