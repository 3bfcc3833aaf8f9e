"""Replication of configuration: the primary's tree, rendered for each node, proven on each node."""
