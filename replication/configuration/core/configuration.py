"""The words of the jobs that replicate configuration."""

from __future__ import annotations

REPLICATE = "replicate"
"""Their kind."""


def config_resources(cluster_id: int) -> tuple[str, ...]:
    """What every job holds that writes replicated configuration: one at a time on a cluster."""
    return (f"cluster:{cluster_id}:config",)
