"""The rows of this room."""

from nodes.models.cluster import Cluster, Membership, PathOverride
from nodes.models.credential import Credential
from nodes.models.node import HostKey, IniDecision, Node, NodeFacts

__all__ = ["Cluster", "Credential", "HostKey", "IniDecision", "Membership", "Node", "NodeFacts", "PathOverride"]
