"""Reading what a node is: system, version, effective folders, time zone, clock, disk. Nothing is changed on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from nodes.connection.connect import NodeLink, open_node
from nodes.connection.reader import HEAD, Reader
from nodes.enums import NodeRole
from nodes.errors import LimitBroken, NodeError, OutputUnreadable, SessionLost, TimedOut
from nodes.facts.feature_settings import read_switches
from nodes.facts.models import NodeFacts
from nodes.facts.node_cluster_log import newest_cluster_lines
from nodes.facts.places import MAIN_INI, folders_in, known_folders, main_ini
from nodes.facts.selectors.facts import features_of, profile_of
from nodes.facts.services.facts import (
    Facts,
    Measures,
    record_facts,
    record_measures,
)
from nodes.facts.share_access import shared_outside, try_shares
from nodes.platforms.base import SystemFacts
from nodes.platforms.unc import UncPath
from nodes.products.folders import FolderPath, folders_from
from nodes.products.ini import IniDocument
from nodes.products.profile import FeatureRule, Profile
from nodes.products.version import ProductVersion, version_from_ini, version_from_program, version_from_text
from nodes.registry.models import Node
from nodes.registry.services.health import health_after, set_health
from nodes.remote.wire import looked_up
from nodes.shares.selectors.layout import mounts_of

MAX_PROGRAM = 64 * 1024 * 1024
"""Bytes of the program that are searched for its version resource, when nothing else tells the version."""

LOGS_READ = 12
"""Logs whose first bytes are looked at for a banner, newest first; compact logs have none."""

PROGRAM = "MDaemon.exe"
LOGS = "logs"


def read_facts(
    link: NodeLink,
    *,
    profile: Profile,
    known: Sequence[FolderPath] = (),
    features: Sequence[FeatureRule] = (),
    shared: Sequence[FolderPath] = (),
    mounts: Mapping[UncPath, str] | None = None,
) -> Facts:
    """Ask the node for everything it can tell. `known_folders`: what was found before, to be believed again.
    `features`: those whose switches are read. `shared`: the primary's shared folders, to be tried beside its own.
    `mounts`: where the node mounts which share.

    One missing fact does not stop the others; `errors` says why it is missing. Raises SessionLost and TimedOut when
    nothing more can be read, LimitBroken where the node gets nowhere, at the latest when its facts would be old again.
    """
    reader = Reader(link, seconds=settings.PORTAL.observe)
    read_at = timezone.now()
    system = reader.attempt("system", reader.system, SystemFacts("", "", "", None))
    clock = reader.attempt("clock", reader.clock, None)
    disk = reader.attempt("disk", reader.disk, None)
    ini = reader.attempt("folders", lambda: _main_ini(reader, profile), None)
    folders = folders_in(ini, link, profile, known) if ini else ()
    version = reader.attempt("version", lambda: _version(reader, profile, ini, folders), None)
    own_log = reader.attempt(
        "own_log", lambda: newest_cluster_lines(reader, _log_folder(link, profile, folders)), dict[str, str]()
    )
    places = {folder.path: folder for folder in (*shared_outside(folders, profile), *shared)}
    return Facts(
        read_at=read_at,
        reaches=reader.attempt("reaches", lambda: try_shares(reader, tuple(places.values()), mounts), ()),
        own_log=own_log,
        switches=reader.attempt("switches", lambda: read_switches(reader, features), ()),
        system=system.system,
        host_name=system.host_name,
        time_zone=system.time_zone,
        product_version=version.text if version else "",
        version_source=version.source if version else "",
        clock_offset_ms=clock.offset_ms if clock else None,
        clock_uncertainty_ms=clock.uncertainty_ms if clock else None,
        disk_free=disk.free if disk else None,
        disk_total=disk.total if disk else None,
        folders=folders,
        capabilities=link.capabilities,
        services=reader.attempt("services", reader.services, ()),
        scripts=reader.attempt("scripts", reader.scripts, None),
        errors=reader.errors,
    )


def _main_ini(reader: Reader, profile: Profile) -> IniDocument:
    return IniDocument.parse(reader.file(main_ini(profile)))


def _version(
    reader: Reader, profile: Profile, ini: IniDocument | None, folders: Sequence[FolderPath]
) -> ProductVersion:
    """From what runs (the newest log's banner), from the ini file, from the program: the first that tells."""
    sources: tuple[Callable[[], ProductVersion | None], ...] = (
        lambda: _version_in_logs(reader, _log_folder(reader.link, profile, folders)),
        lambda: version_from_ini(ini) if ini else None,
        lambda: version_from_program(reader.start_of(f"{_app(reader.link, profile)}/{PROGRAM}", MAX_PROGRAM)),
    )
    for source in sources:
        try:
            found = source()
        except (SessionLost, TimedOut, LimitBroken):
            raise
        except NodeError:
            # the next source may tell it
            continue
        if found:
            return found
    raise OutputUnreadable(f"No log, nor {MAIN_INI}, nor {PROGRAM} tells the version.")


def _app(link: NodeLink, profile: Profile) -> str:
    return f"{link.root}/{profile.semaphore_folder}"


def _log_folder(link: NodeLink, profile: Profile, folders: Sequence[FolderPath]) -> str:
    """Where the node keeps its logs, as SFTP spells it; a place it names ambiguously counts by its first mention. On a
    share that its system does not spell they are not looked for."""
    for folder in folders:
        if folder.role == LOGS and not (link.platform.name != "windows" and folder.path.startswith("\\\\")):
            return link.platform.sftp_path(folder.path)
    default = next((rule.default for rule in profile.folders if rule.role == LOGS), "Logs")
    return f"{link.root}/{default}"


def _version_in_logs(reader: Reader, folder: str) -> ProductVersion | None:
    """The banner of the newest log that has one."""
    for entry in reader.logs(folder)[:LOGS_READ]:
        start = reader.start_of(f"{folder}/{entry.name}", HEAD)
        found = version_from_text(start.decode("latin-1"))
        if found:
            return found
    return None


def observe_node(node_id: int) -> None:
    """Read a node's facts, keep them, and say how the node is doing. What goes wrong is kept as its health; a node that
    was removed meanwhile is no error."""
    node = Node.objects.select_related("cluster").filter(pk=node_id).first()
    if node is None:
        return
    found = NodeFacts.objects.filter(node=node).values_list("folders", flat=True).first() or []
    try:
        with open_node(node, of_facts=True, waits=settings.PORTAL.observe) as link:
            profile = profile_of(node.cluster)
            known = known_folders(node.cluster, profile, folders_from(found))
            features = features_of(node.cluster, profile)
            shared = _shared_by_primary(node, profile)
            facts = read_facts(
                link,
                profile=profile,
                known=known,
                features=features,
                shared=shared,
                mounts=mounts_of(node),
            )
    except LimitBroken:  # `open_node` noted it
        return
    except NodeError as error:
        set_health(node_id=node_id, health=health_after(error), cause=str(error))
        return
    record_facts(node_id=node_id, facts=replace(facts, peer_address=looked_up(node.address)))


def _shared_by_primary(node: Node, profile: Profile) -> tuple[FolderPath, ...]:
    """The shared folders that the primary of the node's cluster keeps outside its installation folder."""
    rows = NodeFacts.objects.filter(node__cluster=node.cluster_id, node__role=NodeRole.PRIMARY)
    folders = rows.values_list("folders", flat=True).first() or []
    return shared_outside(folders_from(folders), profile)


def freshen(node: Node, link: NodeLink, profile: Profile, alive: Callable[[], None]) -> None:
    """Read version and clock again where they are older than the setting, or of before the portal's clock was set back,
    because a plan is made from them. What cannot be read is not known then. `alive` as in `Reader`. Raises
    SessionLost, TimedOut, LimitBroken."""
    facts: NodeFacts | None = getattr(node, "facts", None)
    now = timezone.now()
    oldest = now - timedelta(seconds=settings.PORTAL.fresh)
    if facts is not None and facts.measured_at is not None and oldest < facts.measured_at <= now:
        return
    reader = Reader(link, alive=alive, seconds=settings.PORTAL.observe)
    clock = reader.attempt("clock", reader.clock, None)
    folders = folders_from(facts.folders if facts else ())
    ini = None if folders else reader.attempt("folders", lambda: _main_ini(reader, profile), None)
    folders = folders or (folders_in(ini, link, profile, ()) if ini else ())
    version = reader.attempt("version", lambda: _version(reader, profile, ini, folders), None)
    logs = _log_folder(link, profile, folders)
    own_log = reader.attempt("own_log", lambda: newest_cluster_lines(reader, logs), dict[str, str]())
    record_measures(node, Measures(version, clock, own_log))
