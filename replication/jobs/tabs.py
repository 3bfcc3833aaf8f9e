"""What the engine adds to the console's frame: the jobs of a cluster, and a node's part in them."""

from __future__ import annotations

from nodes.web.tabs import Tab, register_tab

register_tab(Tab("cluster", "jobs", "Jobs", order=60, url_name="replication:cluster-jobs"))
register_tab(Tab("node", "jobs", "Jobs", order=60, url_name="replication:node-jobs"))
