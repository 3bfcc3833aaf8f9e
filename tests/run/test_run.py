"""`./run` itself: help, refusals in one line, keys made once and closed to others."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.deadlines import PATIENCE
from tests.tools import tool

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: str, cwd: Path = ROOT, **env: str) -> subprocess.CompletedProcess[str]:
    argv = [str(ROOT / "run"), *arguments]
    environment = {**os.environ, **env}
    return subprocess.run(argv, cwd=cwd, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False)


@pytest.fixture
def checkout(tmp_path) -> Path:
    """A checkout with an environment that looks installed: `./run` must find it so, and ask no package index."""
    place: Path = tmp_path / "a checkout with spaces"
    place.mkdir()
    for name in ("run", "requirements.txt", "requirements-dev.txt"):
        shutil.copy(ROOT / name, place)
    (place / "manage.py").write_text("import os, sys; print(os.environ['CLUSTERPORTAL_DATA'], sys.argv[1:])")
    python = place / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{ROOT}/.venv/bin/python" "$@"\n')
    python.chmod(0o755)
    show = 'cat requirements.txt requirements-dev.txt; .venv/bin/python -c "import sys; print(sys.version)"'
    stamp = subprocess.run(
        [tool("sh"), "-c", f"{{ {show}; }} | cksum"], cwd=place, capture_output=True, text=True, check=True
    )
    for lock in ("requirements.txt", "requirements-dev.txt"):
        (place / f".venv/.installed-{lock}").write_text(stamp.stdout)
    return place


def manage(checkout: Path, **env: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key != "CLUSTERPORTAL_DATA"} | env
    argv = [str(checkout / "run"), "manage", "version", "two words"]
    return subprocess.run(argv, cwd="/", env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False)


def test_help_names_every_command() -> None:
    done = run("help")
    assert done.returncode == 0
    for command in ("demo", "up", "backup", "restore", "manage", "test", "bench", "check"):
        assert f"  {command} " in done.stdout or f"  {command}\n" in done.stdout


def test_an_unknown_command_is_refused() -> None:
    done = run("deom")
    assert done.returncode == 1
    assert done.stderr.endswith('run: there is no command "deom"\n')


def test_it_prepares_data_and_passes_arguments_as_they_are(checkout) -> None:
    done = manage(checkout)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{checkout}/var ['version', 'two words']\n"
    for name in ("django.key", "master.keys"):
        key = checkout / "var/keys" / name
        assert key.stat().st_mode & 0o777 == 0o600
        assert len(key.read_text().strip()) >= 44
    assert (checkout / "var").stat().st_mode & 0o077 == 0


def test_keys_are_made_once(checkout) -> None:
    manage(checkout)
    keys = {path.name: path.read_bytes() for path in (checkout / "var/keys").iterdir()}
    manage(checkout)
    assert {path.name: path.read_bytes() for path in (checkout / "var/keys").iterdir()} == keys


def test_a_lost_key_file_is_not_replaced_by_another(checkout) -> None:
    manage(checkout)
    (checkout / "var/keys/master.keys").unlink()
    (checkout / "var/portal.sqlite3").write_bytes(b"sealed things")
    done = manage(checkout)
    assert done.returncode == 1
    assert "master.keys is gone" in done.stderr and len(done.stderr.splitlines()) == 1
    assert not (checkout / "var/keys/master.keys").exists()


def test_a_data_folder_that_cannot_be_made(checkout, tmp_path) -> None:
    (tmp_path / "file").touch()
    done = manage(checkout, CLUSTERPORTAL_DATA=str(tmp_path / "file/data"))
    assert done.returncode == 1 and "CLUSTERPORTAL_DATA" in done.stderr


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A PATH with nothing but what `./run` itself takes."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for program in (tool("dirname"), tool("cat"), tool("cksum"), tool("date"), tool("tr"), tool("sort")):
        (tools / Path(program).name).symlink_to(program)
    (tools / "id").write_text("#!/bin/sh\necho 1000\n")
    (tools / "id").chmod(0o755)
    return tools


def bare_run(checkout: Path, tools: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    argv = [tool("sh"), str(checkout / "run"), *arguments]
    environment = {"PATH": str(tools)}
    return subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False)


def test_it_says_what_is_missing_without_python_and_apt(checkout, bare) -> None:
    shutil.rmtree(checkout / ".venv")
    done = bare_run(checkout, bare, "manage", "version")
    assert done.returncode == 1
    assert done.stderr.startswith("run: Python 3.11 or newer is needed.") and "python3-venv" in done.stderr


def test_it_says_which_packages_the_tests_lack(checkout, bare) -> None:
    """Who is not root is told the line to run; each package once."""
    (bare / "apt-get").touch(mode=0o755)
    done = bare_run(checkout, bare, "test")
    assert done.returncode == 1
    says, _, packages = done.stderr.partition("Run: sudo apt-get install -y ")
    assert says.startswith("run: the tests use real servers")
    assert set(packages.split()) >= {"chromium", "openssl", "openssh-client", "redis-server", "wine", "wine64"}
    assert len(packages.split()) == len(set(packages.split()))
