"""What shared paths add to the console's frame: two tabs of a cluster."""

from __future__ import annotations

from nodes.web.tabs import Tab, register_tab

register_tab(Tab("cluster", "shared-paths", "Shared paths", order=32, url_name="replication:shared-paths"))
register_tab(Tab("cluster", "routing", "Mail routing", order=34, url_name="replication:routing"))
