"""The newest hash for who administers the portal, by page and REST; and the alarm where the log does not verify."""

from __future__ import annotations

import pytest
from django.utils import timezone

from accounts.audit import record
from accounts.chain import chain_now, link_events
from accounts.models import AuditChain
from accounts.principals import SYSTEM

CHAIN = "/api/v1/events/chain/"


@pytest.fixture
def newest(db) -> str:
    record(SYSTEM, "test.done", "Something was done.")
    link_events()
    return chain_now().digest


def test_administrators_fetch_the_newest_hash(newest, cluster, administrator, operator, api_for, console_for):
    answer = api_for(administrator).get(CHAIN).json()
    assert answer == {"length": 1, "digest": newest, "start": 0, "verified_at": None, "trouble": "", "trouble_at": None}
    file = console_for(administrator).get("/audit/hash/")
    assert file.content.decode().splitlines()[0] == newest
    assert "attachment" in file["Content-Disposition"]
    assert "1 event linked" in console_for(administrator).get("/audit/").content.decode()
    assert api_for(operator).get(CHAIN).status_code == 403
    assert api_for(administrator, cluster_ids=[cluster.pk]).get(CHAIN).status_code == 403
    assert console_for(operator).get("/audit/hash/").status_code == 403
    assert 'href="/audit/hash/"' not in console_for(operator).get("/audit/").content.decode()


@pytest.mark.parametrize("page", ["/", "/audit/", "/clusters/{}/setup/"])
def test_a_broken_chain_is_said_where_administrators_look(newest, cluster, administrator, operator, console_for, page):
    address, words = page.format(cluster.pk), "The audit log does not verify."
    assert words not in console_for(administrator).get(address).content.decode()
    AuditChain.objects.update(trouble="Event 7 is missing (link 3).", trouble_at=timezone.now())
    said = console_for(administrator).get(address).content.decode()
    assert words in said and "Event 7 is missing (link 3)." in said
    assert words not in console_for(operator).get(address).content.decode()
