"""What happened in this room that packages above act upon: the sender does not know them."""

from __future__ import annotations

from django.dispatch import Signal

CLUSTER_CHANGED = Signal()
"""Sent with `cluster_id` when something changed that a cluster's checks go by; inside the transaction of the change,
where there is one, so that a listener's exception undoes both."""

LOOK_ASKED = Signal()
"""Sent with `node_ids` when a person asks how these nodes stand now: they may have been mended. Whoever waits before
the next try at one of them, as after a limit that it broke, tries at once."""
