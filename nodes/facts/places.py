"""Where a node keeps its folders, by its own files as they are now."""

from __future__ import annotations

from collections.abc import Sequence

from nodes.clusters.models import Cluster
from nodes.connection.connect import NodeLink
from nodes.products.folders import FolderPath, effective_folders
from nodes.products.ini import IniDocument
from nodes.products.profile import Profile, Source
from nodes.shares.selectors.keys import confirmed_in

MAIN_INI = "MDaemon.ini"


def main_ini(profile: Profile) -> str:
    """The file that names the folders, relative to the installation folder."""
    return f"{profile.semaphore_folder}/{MAIN_INI}"


def folders_in(
    ini: IniDocument, link: NodeLink, profile: Profile, known: Sequence[FolderPath]
) -> tuple[FolderPath, ...]:
    """Where that file keeps them. `known` as in `effective_folders`."""
    return effective_folders(ini, link.platform.native_path(link.root), link.platform.name, profile, known)


def known_folders(cluster: Cluster, profile: Profile, found: Sequence[FolderPath]) -> tuple[FolderPath, ...]:
    """Whose keys are believed: what people confirmed, then what was `found` before; not by the word of a person who
    withdrew it since. One query."""
    confirmed = confirmed_in(cluster, main_ini(profile))
    return (*confirmed, *(folder for folder in found if folder.source != Source.OPERATOR))
