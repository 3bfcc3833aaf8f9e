"""What was found out of a secondary: since when it is so, and no write where nothing changes."""

from __future__ import annotations

import pytest
from django.utils import timezone

from nodes.registry.models import Node
from nodes.registry.services.comparison import (
    forget_comparison,
    note_behind,
    note_edited,
    note_incomplete,
    note_looked,
    note_seen_behind,
)
from tests.factories import make_node

pytestmark = pytest.mark.django_db


def _now(node: Node) -> Node:
    return Node.objects.get(pk=node.pk)


def test_since_is_the_first_of_them_and_ends_with_the_last(cluster) -> None:
    node, other = make_node(cluster), make_node(cluster)
    note_behind({node.pk: 3, other.pk: 0})
    first = _now(node)
    assert (first.behind, first.behind_since) == (3, first.compared_at)
    assert (_now(other).behind, _now(other).behind_since) == (0, None)
    note_behind({node.pk: 5})
    assert (_now(node).behind, _now(node).behind_since) == (5, first.behind_since)
    note_behind({node.pk: 0})
    assert (_now(node).behind, _now(node).behind_since) == (0, None)
    note_behind({node.pk: 1})
    since = _now(node).behind_since
    assert since and first.behind_since and since > first.behind_since


def test_edits_are_counted_beside_what_is_behind(cluster) -> None:
    node = make_node(cluster)
    note_behind({node.pk: 1})
    note_edited({node.pk: 2})
    now = _now(node)
    assert (now.behind, now.edited) == (1, 2)
    assert now.edited_since and now.behind_since and now.edited_since > now.behind_since


def test_nothing_is_written_where_nothing_changed(cluster, django_assert_num_queries) -> None:
    nodes = [make_node(cluster) for _ in range(3)]
    note_behind({node.pk: 0 for node in nodes})
    with django_assert_num_queries(1):
        note_behind({node.pk: 0 for node in nodes})
    with django_assert_num_queries(0):
        note_seen_behind({})
        note_looked({})


def test_a_look_is_noted_for_all_in_one_write(cluster, django_assert_num_queries) -> None:
    before = timezone.now()
    nodes = [make_node(cluster, compared_at=before) for _ in range(3)]
    with django_assert_num_queries(4):  # the savepoint, what is known, the moment
        note_looked({node.pk: 0 for node in nodes})
    assert Node.objects.filter(compared_at__gt=before).count() == len(nodes)


def test_what_somebody_found_out_meanwhile_stands(cluster) -> None:
    node = make_node(cluster)
    note_behind({node.pk: 4})
    note_behind({node.pk: 0})  # proven while the primary was being looked at
    note_seen_behind({node.pk: (4, 5)})
    assert _now(node).behind == 0
    note_seen_behind({node.pk: (0, 2)})
    assert _now(node).behind == 2


def test_who_joins_anew_was_never_compared(cluster) -> None:
    node = make_node(cluster)
    note_behind({node.pk: 1})
    note_edited({node.pk: 1})
    forget_comparison(node.pk)
    now = _now(node)
    assert (now.behind, now.behind_since, now.edited, now.edited_since, now.compared_at) == (0, None, 0, None, None)


def test_what_could_not_be_handled_stands_until_all_is(cluster, django_assert_num_queries) -> None:
    node = make_node(cluster)
    note_incomplete({node.pk: "x" * 400})
    assert _now(node).incomplete == "x" * 300
    with django_assert_num_queries(1):
        note_incomplete({node.pk: "x" * 400})
    note_incomplete({node.pk: ""})
    assert _now(node).incomplete == ""
