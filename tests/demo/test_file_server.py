"""The demo's share is served by a real smbd where there is one; a folder stands in for it where there is none."""

from __future__ import annotations

import shutil
from pathlib import Path

from demo import file_server
from demo.file_server import read_share, start_share
from nodes.platforms.unc import UncPath
from nodes.remote.share_probe import probe_share
from nodes.secret import Secret
from nodes.shares.core.login import ShareLogin


def test_the_share_is_the_folder_that_the_nodes_mount(tmp_path) -> None:
    share, kept = start_share(tmp_path / "files")
    try:
        assert read_share(tmp_path / "files") == share
        path = UncPath.parse(share.path)
        login = ShareLogin(path.server, share.port, share.username, Secret(share.password))
        assert probe_share(path, login, ".cp~share-00000000", 60.0).reason is None
        kept[0].file.write_text("down")
        assert kept[0].look() == "FILES is down now."
        assert probe_share(path, login, ".cp~share-00000000", 60.0).reason == "unreachable"
    finally:
        for one in kept:
            one.end()
    assert Path(share.folder).is_dir()
    assert (tmp_path / "files/share.json").stat().st_mode & 0o777 == 0o600


def test_a_port_that_somebody_took_meanwhile_is_given_up_for_another(tmp_path, monkeypatch) -> None:
    answers, wait = iter([ConnectionRefusedError]), file_server._wait_for

    def refused_once(share, kept) -> None:
        for error in answers:
            raise error
        wait(share, kept)

    monkeypatch.setattr(file_server, "_wait_for", refused_once)
    share, kept = start_share(tmp_path / "files")
    try:
        assert len(kept) == 1
        assert read_share(tmp_path / "files") == share
    finally:
        for one in kept:
            one.end()


def test_a_folder_stands_in_where_there_is_no_smbd(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    share, kept = start_share(tmp_path / "files")
    assert (share.port, share.password, kept) == (0, "", [])
    assert Path(share.folder).is_dir() and read_share(tmp_path / "files") == share
