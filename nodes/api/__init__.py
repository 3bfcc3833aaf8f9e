"""REST for clusters, nodes, credentials and host keys."""
