"""What happened to nodes' configuration that packages above act upon: the sender does not know them."""

from __future__ import annotations

from django.dispatch import Signal

PROVEN = Signal()
"""Sent with `node_ids` when nodes were proven to hold what the primary has; inside the transaction of the proof."""
