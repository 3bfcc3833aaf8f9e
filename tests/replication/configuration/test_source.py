"""What follows from the primary's files, taken over from the tree before, is what would follow from them alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nodes.platforms import platform_named
from nodes.products.loading import load_profile
from replication.configuration.job.source import SOURCES, Source
from replication.files.core.manifest import FileState, Manifest
from replication.files.core.paths import RelPath
from replication.objects import default_store

PROFILE = load_profile("mdaemon")
PLATFORMS = [platform_named(name) for name in ("posix", "windows")]
PATHS = st.sampled_from([RelPath(path) for path in ("App/a", "App/b", "App/b:c", "App/con", "x/y/" + "z" * 300)])
STATES = st.builds(FileState, st.just(1), st.integers(1, 2), st.sampled_from(("a" * 64, "b" * 64)), st.integers(1, 2))
FILES = st.dictionaries(PATHS, STATES)


@given(st.lists(FILES, min_size=2, max_size=4))
def test_what_is_taken_over_is_what_would_follow_anew(histories: list[dict[RelPath, FileState]]) -> None:
    SOURCES.forget()
    source = SOURCES.keep(Source("0", Manifest(files=histories[0]), PROFILE))
    for number, files in enumerate(histories[1:], 1):
        for platform in PLATFORMS:
            source.name_problems(platform)
        earlier, source = source, SOURCES.follow(source, Source(str(number), Manifest(files=files), PROFILE))
        alone = Source(source.root, source.manifest, PROFILE)
        assert SOURCES.kept(source.root) is source
        assert source.wanted == alone.wanted
        for platform in PLATFORMS:
            assert set(source.name_problems(platform)) == set(alone.name_problems(platform))
        differing = SOURCES.differing(earlier.root, source, default_store())
        assert {path: alone.wanted.get(path) for path in differing} == {
            path: alone.wanted.get(path)
            for path in earlier.wanted.keys() | alone.wanted.keys()
            if earlier.wanted.get(path) != alone.wanted.get(path)
        }
