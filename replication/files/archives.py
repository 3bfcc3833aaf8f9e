"""Many small files of a node into the store: a few archives, each written by one command, in place of some requests a
file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from django.conf import settings

from nodes.connection.connect import NodeLink
from nodes.errors import OutputUnreadable
from nodes.platforms.base import ListedFile
from nodes.products.profile import Profile
from replication.files.core.paths import RelPath
from replication.files.digests import Digest, Digests
from replication.files.work_context import WorkContext, moving
from replication.objects import Objects

FEW = 4
"""Fewer files are read by themselves."""
LARGEST = 256 * 1024
"""Bytes of a file that is no longer small."""
ARCHIVE_BYTES, ARCHIVE_FILES = 4 * 1024 * 1024, 2000
"""What one archive holds: it is in memory, and the work may have to stop after it."""
HEADERS = 2 * 1024
"""Bytes that a file takes in an archive, at most, besides its content and its name twice."""

Listed = Mapping[RelPath, ListedFile]


def in_archives(
    store: Objects, link: NodeLink, profile: Profile, guard: WorkContext, *, otherwise: Digest
) -> Callable[[Listed], Digests]:
    """Digests by reading files, as they were listed, into the store. What is large, or does not come as it was listed,
    and everything where the node has no command for it, goes by `otherwise`, which says what is wrong with it."""

    def digest(files: Listed) -> Digests:
        digests: Digests = {}
        for batch in _batches(files) if link.capabilities.can_archive else ():
            for path, content in _contents(link, batch, guard).items():
                if path in batch and len(content) == batch[RelPath(path)].size:
                    digests[RelPath(path)] = store.put(content, secret=profile.classify(path).secret)
        return digests | otherwise([path for path in files if path not in digests])

    return digest


def _batches(files: Listed) -> Iterator[dict[RelPath, ListedFile]]:
    batch: dict[RelPath, ListedFile] = {}
    size = 0
    for path, file in files.items():
        if file.size > LARGEST:
            continue
        if size + file.size > ARCHIVE_BYTES or len(batch) == ARCHIVE_FILES:
            yield batch
            batch, size = {}, 0
        batch[path] = file
        size += file.size
    if len(batch) >= FEW:
        yield batch


def _contents(link: NodeLink, files: Listed, guard: WorkContext) -> Mapping[str, bytes]:
    """What an archive of these files holds; nothing where any of them moved, or could not be read."""
    command = link.platform.archive(link.root)
    if command is None:
        return {}
    try:
        result = link.session.run(
            link.platform.spell(command),
            stdin=link.platform.archive_stdin(files),
            timeout=settings.PORTAL.command,
            max_output=sum(file.size + HEADERS + 8 * len(path) for path, file in files.items()) + HEADERS * 10,
            progress=moving(guard),
        )
        return link.platform.parse_archive(result)
    except OutputUnreadable:
        return {}
