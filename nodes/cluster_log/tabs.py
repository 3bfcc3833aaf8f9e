"""What the cluster log adds to the console's frame: a cluster's tab."""

from __future__ import annotations

from nodes.web.tabs import Tab, register_tab

register_tab(Tab("cluster", "log", "Log", order=50, url_name="nodes:cluster-log"))
