"""The console's static files as browsers get them: few, compressed, named by their content, kept for ever.

`./run up` and `./run demo` collect them into the data folder, so that a checkout may be read-only, and only when one
of them has changed.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.files.storage import Storage
from django.core.management import call_command
from whitenoise.storage import CompressedManifestStaticFilesStorage

BUNDLES = ("console/console.css", "console/console.js")
STAMP = "collected.txt"
_IMPORT = re.compile(r"""^(?:@import url\("|import ")([^"]+)(?:"\)|");$""", re.MULTILINE)
_OF_ITS_OWN_FILE = re.compile(r'@charset "[^"]*";|/\*# sourceMappingURL=.*?\*/')  # what would be wrong in a bundle

Sources = Mapping[str, tuple[Storage, str]]


class CollectedFiles(CompressedManifestStaticFilesStorage):
    """Files under names that change with their content. What a bundle imports stands inside it, for an import costs a
    browser one more round trip before it can draw anything."""

    def post_process(self, paths: Sources, dry_run: bool = False, **options: Any) -> Iterator[Any]:
        """Write the bundles, then name and compress everything."""
        bundles = {} if dry_run else {name: (self, name) for name in BUNDLES if name in paths}
        for name in bundles:
            Path(self.path(name)).write_text(_bundled(paths, name), "utf-8")
        yield from super().post_process({**paths, **bundles}, dry_run, **options)

    def stored_name(self, name: str) -> str:
        """The name by content; the plain one where nothing was collected: a page without its look is still a page."""
        try:
            return str(super().stored_name(name))
        except ValueError:
            return name


def _bundled(paths: Sources, name: str) -> str:
    def imported(found: re.Match[str]) -> str:
        return _read(paths, posixpath.normpath(posixpath.join(posixpath.dirname(name), found[1])))

    return _OF_ITS_OWN_FILE.sub("", _IMPORT.sub(imported, _read(paths, name)))


def _read(paths: Sources, name: str) -> str:
    storage, path = paths[name]
    with storage.open(path) as source:
        return str(source.read().decode("utf-8"))


def collect() -> bool:
    """Collect the static files unless they lie there as they are; whether there was anything to do."""
    stamp, state = Path(settings.STATIC_ROOT) / STAMP, _state_of_sources()
    if stamp.is_file() and stamp.read_text("utf-8") == state:
        return False
    call_command("collectstatic", interactive=False, verbosity=0, clear=True)
    stamp.write_text(state, "utf-8")
    return True


def _state_of_sources() -> str:
    """A digest of what would be collected, and by which rules."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for finder in get_finders():
        for path, storage in finder.list([]):
            seen = Path(storage.path(path)).stat()
            digest.update(f"{path}\t{seen.st_size}\t{seen.st_mtime_ns}\n".encode())
    return digest.hexdigest()
