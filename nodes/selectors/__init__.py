"""The only place that builds queries for pages and lists. Secrets of credentials are never loaded here."""

from nodes.selectors.clusters import clusters_for, members_of, path_overrides_of, primary_of, profile_of
from nodes.selectors.nodes import (
    approved_fingerprint,
    credentials_for,
    host_keys_of,
    ini_keys_of,
    nodes_for,
)

__all__ = [
    "approved_fingerprint",
    "clusters_for",
    "credentials_for",
    "host_keys_of",
    "ini_keys_of",
    "members_of",
    "nodes_for",
    "path_overrides_of",
    "primary_of",
    "profile_of",
]
