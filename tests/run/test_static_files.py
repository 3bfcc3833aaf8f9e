"""Static files as they are collected: what imports others becomes one file, and nothing is done twice."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import js_lib_bootstrap5
import pytest

from clusterportal.static_files import collect

FINDER = "django.contrib.staticfiles.finders.FileSystemFinder"


@pytest.fixture
def sources(settings, tmp_path) -> Path:
    """A copy of the console's own files, collected as the portal does."""
    copy: Path = tmp_path / "sources"
    shutil.copytree(settings.BASE_DIR / "static", copy)
    settings.STATICFILES_FINDERS = [FINDER]
    settings.STATICFILES_DIRS = [copy, Path(js_lib_bootstrap5.__file__).parent / "static"]
    settings.STATIC_ROOT = tmp_path / "collected"
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "clusterportal.static_files.CollectedFiles"},
    }
    return copy


def stored(settings, name: str) -> Path:
    """A collected file by its plain name."""
    names = json.loads((settings.STATIC_ROOT / "staticfiles.json").read_text())["paths"]
    return Path(settings.STATIC_ROOT / names[name])


def test_what_a_bundle_imports_stands_inside_it(sources, settings) -> None:
    assert collect()
    look = stored(settings, "console/console.css").read_text()
    assert "@import" not in look
    assert "sourceMappingURL" not in look
    at = [look.index(part) for part in ("Bootstrap", "--ink: #0f172a", ".wizard-steps {")]
    assert at == sorted(at)
    behaviour = stored(settings, "console/console.js").read_text()
    assert "import " not in behaviour
    assert "closeMenus" in behaviour
    assert "htmx:afterSwap" in behaviour
    assert (
        stored(settings, "console/console.css")
        .with_name(stored(settings, "console/console.css").name + ".gz")
        .is_file()
    )


def test_files_are_collected_again_only_when_one_changed(sources, settings) -> None:
    assert collect()
    before = stored(settings, "console/console.css")
    assert not collect()
    (sources / "console" / "steps.css").write_text(".wizard-steps { color: red; }")
    assert collect()
    after = stored(settings, "console/console.css")
    assert after.name != before.name
    assert "color: red" in after.read_text()
    assert not before.exists()


def test_a_collection_that_was_cut_off_is_made_anew(sources, settings) -> None:
    assert collect()
    (settings.STATIC_ROOT / "collected.txt").unlink()
    assert collect()


def test_an_import_of_a_file_that_is_not_there_is_no_quiet_gap(sources) -> None:
    (sources / "console" / "steps.css").unlink()
    with pytest.raises(KeyError, match=r"steps\.css"):
        collect()
