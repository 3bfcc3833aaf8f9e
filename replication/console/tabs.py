"""What the console adds to its own frame: the overviews of a cluster and a node."""

from __future__ import annotations

from nodes.web.tabs import Tab, register_tab

register_tab(Tab("cluster", "overview", "Overview", order=10, url_name="replication:cluster"))
register_tab(Tab("node", "overview", "Overview", order=10, url_name="replication:node"))
