"""Replication of configuration: the primary's tree, rendered for each node, proven on each node."""

from replication.configuration.job.runner import ReplicateRunner

__all__ = ["ReplicateRunner"]
