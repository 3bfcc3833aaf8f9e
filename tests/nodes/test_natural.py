"""The order in which people read names that count."""

from __future__ import annotations

import itertools

import pytest

from nodes.natural import natural_key
from nodes.registry.models import Node
from nodes.registry.services import nodes
from nodes.registry.services.nodes import NodeChange
from tests.factories import make_node

IN_ORDER = ("mail", "MX", "mx1", "mx1-a", "mx1-b2", "mx1-b10", "MX2", "mx10", "mx10a", "mx200", "mxa")


@pytest.mark.parametrize(("one", "other"), [*itertools.pairwise(IN_ORDER)])
def test_numbers_in_names_are_sorted_by_their_size(one: str, other: str) -> None:
    assert natural_key(one) < natural_key(other)


@pytest.mark.parametrize(("one", "other"), [("mx1", "MX1"), ("mx1", "mx001"), ("mx0", "mx00")])
def test_neither_case_nor_zeros_before_a_number_count(one: str, other: str) -> None:
    assert natural_key(one) == natural_key(other)


@pytest.mark.parametrize("name", ["9" * 63, "1-" * 31 + "1"])
def test_what_is_sorted_by_fits_for_the_longest_names(name: str) -> None:
    most = Node._meta.get_field("sort_key").max_length
    assert most is not None
    assert len(natural_key(name)) <= most


def test_nodes_are_listed_in_that_order_also_after_they_were_renamed(keeper, cluster) -> None:
    made = [make_node(cluster, name) for name in ("mx10", "mx2", "mx1")]
    assert [node.name for node in cluster.nodes.all()] == ["mx1", "mx2", "mx10"]
    nodes.update_node(keeper, node_id=made[-1].pk, change=NodeChange(name="mx11"))
    assert [node.name for node in cluster.nodes.all()] == ["mx2", "mx10", "mx11"]
