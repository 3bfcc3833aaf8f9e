"""How nodes reach their queues, from the rows."""

from __future__ import annotations

from nodes.clusters.models import Cluster
from nodes.platforms import platform_named
from nodes.platforms.unc import UncPath
from nodes.products.profile import Profile
from nodes.queues.core.places import QueuePlaces, usual_place, wanted_place
from nodes.registry.models import Node
from nodes.shares.selectors.layout import layout_of, mounts_of


def shared_queues(cluster: Cluster, profile: Profile) -> UncPath | None:
    """The queues that a cluster's nodes shall share, whether or not routing is on now; None where nobody said."""
    return wanted_place(layout_of(cluster), profile.folders)


def queue_places(node: Node, profile: Profile) -> QueuePlaces:
    """How a node reaches its own queues and the shared ones."""
    platform = platform_named(node.platform)
    separator = "\\" if platform.name == "windows" else "/"
    own = separator.join([node.install_root.rstrip("\\/"), *usual_place(profile.folders).split("/")])
    return QueuePlaces(platform, mounts_of(node), shared_queues(node.cluster, profile), own)
