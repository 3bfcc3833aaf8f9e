"""The words of the jobs that replicate configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

REPLICATE = "replicate"
"""Their kind."""

DEEP = "deep"
"""Their option: hash every file anew, whatever its times say."""


def config_resources(cluster_id: int) -> tuple[str, ...]:
    """What every job holds that writes replicated configuration: one at a time on a cluster."""
    return (f"cluster:{cluster_id}:config",)


def is_deep(options: Mapping[str, Any]) -> bool:
    """Whether a job hashes every file anew, also what looks as it was known."""
    return options.get(DEEP) is True


def manner(options: Mapping[str, Any]) -> str:
    """What a job's options ask for, in a word; "" for nothing out of the ordinary."""
    return DEEP if is_deep(options) else ""
