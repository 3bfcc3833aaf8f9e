"""The registry of kinds: one word, one kind; what each offers is asked of it alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from accounts.models import Role
from nodes.clusters.models import Cluster
from nodes.enums import Clustering, Joining, NodeRole
from nodes.registry.models import Node
from replication.jobs.kinds import (
    Offer,
    Slot,
    kind_named,
    kind_of,
    kinds,
    offers_in,
    register,
    role_for,
)


def offered(slot: Slot, row: object) -> list[tuple[str, str]]:
    return [(kind.word, offer.label) for kind, offer in offers_in(slot, row) if kind.word != "toy"]


def test_every_package_registered_its_kind():
    assert (
        kinds().items()
        >= {
            "features": "Switch features that do not go with clustering",
            "leave": "Leave the cluster",
            "replicate": "Replicate configuration",
        }.items()
    )


def test_a_word_belongs_to_one_kind():
    known = kind_named("leave")
    register(known)
    with pytest.raises(ValueError, match="'leave' already"):
        register(replace(known, label="Another"))
    assert kind_of("leave") is known


def test_leaving_is_requested_on_its_own_page_only():
    words = [word for word, _ in offered(Slot.REQUEST, Cluster())]
    assert [word for word in words if word in ("replicate", "features", "leave")] == ["replicate", "features"]
    secondary = Node(role=NodeRole.SECONDARY, joining=Joining.JOINED)
    assert offered(Slot.NODE, secondary) == [("leave", "Leave")]
    assert offered(Slot.NODE, Node(role=NodeRole.SECONDARY, joining=Joining.LEFT)) == []


def test_nothing_is_replicated_where_clustering_is_off():
    assert [label for _, label in offered(Slot.CLUSTER, Cluster())] == ["Plan only", "Replicate"]
    assert offered(Slot.CLUSTER, Cluster(clustering=Clustering.OFF)) == []


def test_who_may_ask_is_the_kinds_to_say(monkeypatch):
    assert role_for("replicate") == role_for("a kind that is gone") == Role.OPERATOR
    picky = replace(kind_named("leave"), role=Role.ADMINISTRATOR)
    monkeypatch.setitem(kinds.__globals__["_KINDS"], "leave", picky)
    assert role_for("leave") == Role.ADMINISTRATOR
    assert Offer(Slot.NODE).when(object())
