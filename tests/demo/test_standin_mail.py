"""The stand-in's mail lies where its ini file says, and servers that share their queues deliver each message once."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest

from demo import content
from demo.standin import StandIn
from demo.standin_mail import LINGERS, Mail, delivered_by
from demo.tree import NodeTree, build
from tests.demo.test_standin import QUIET


def server(root: Path, seed: int, *, routing: bool = False, **folders: Path) -> Mail:
    mail = Mail(root, seed, random.Random(seed))
    named = {name: f"{path}/" for name, path in folders.items()}
    mail.take_up(content.ini({"Directories": named, "Routing": {"MultiNode": "Yes" if routing else "No"}}))
    for path in mail.folders.values():
        path.mkdir(parents=True, exist_ok=True)
    return mail


def age(queue: Path) -> None:
    """As if what lies there lay there for long."""
    for path in queue.iterdir():
        os.utime(path, (time.time() - 2 * LINGERS,) * 2)


def messages(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*.msg"))


def test_a_message_lies_in_the_queue_and_then_in_its_mailbox(tmp_path) -> None:
    mail = server(tmp_path, 1)
    mail.receive()
    (waiting,) = (tmp_path / "Queues/Local").iterdir()
    assert mail.work_off() == 0
    age(waiting.parent)
    assert mail.work_off() == 1
    (delivered,) = (tmp_path / "Users").rglob("*.msg")
    mailbox, domain = delivered.parent.name, delivered.parent.parent.name
    assert f"To: {mailbox}@{domain}\r\n".encode() in delivered.read_bytes()
    assert delivered_by(delivered) == "1"
    assert list((tmp_path / "LockFiles").iterdir()) == []


def test_one_that_another_server_is_at_is_left_to_it(tmp_path) -> None:
    mail, other = server(tmp_path, 1), server(tmp_path, 2, routing=True)
    mail.receive()
    age(tmp_path / "Queues/Local")
    lock = tmp_path / "LockFiles" / f"{messages(tmp_path / 'Queues')[0]}.lck"
    lock.write_text("1")
    assert other.work_off() == 0
    mail.take_up(b"")  # it ended in the middle, and begins anew
    assert not lock.exists()
    assert other.work_off() == 1


@pytest.mark.parametrize("routing", [True, False])
def test_what_others_received_is_worked_off_with_routing(tmp_path, routing) -> None:
    share = {name: tmp_path / "share" / name for name in ("Users", "LockFiles", "Queues")}
    servers = [server(tmp_path / f"mail{seed}", seed, routing=routing, **share) for seed in (1, 2, 3)]
    for mail in servers:
        mail.receive()
        mail.receive()
    assert len(messages(share["Queues"])) == 6
    age(share["Queues"] / "Local")
    delivered = 6 if routing else 2
    assert servers[2].work_off() + servers[2].work_off() == delivered
    assert len(messages(share["Users"])) == delivered
    assert not messages(tmp_path / "mail1") and not messages(tmp_path / "mail2")


def test_a_file_server_that_is_away_stops_nothing(tmp_path) -> None:
    mail = server(tmp_path, 1, Queues=tmp_path / "share")
    (tmp_path / "share").rmdir()
    (tmp_path / "share").write_bytes(b"no folder any more")
    mail.receive()
    assert mail.work_off() == 0


@pytest.mark.parametrize("semaphore", ["RELOADCACHE.SEM", "MDAEMON.SEM"])
def test_other_folders_are_taken_up_with_the_semaphore_that_says_so(tmp_path, semaphore) -> None:
    root = tmp_path / "MDaemon"
    build(root, NodeTree("mail1.harbour.example", "192.0.2.1", "KEY", home=str(root)))
    standin = StandIn(root, seed=1, pace=QUIET)
    standin.start()
    before = messages(root / "Queues")
    standin.handle_mail()
    assert len(messages(root / "Queues")) == len(before) + 1
    ini = root / "App/MDaemon.ini"
    ini.write_bytes(ini.read_bytes().replace(f"Queues={root}/Queues/".encode(), f"Queues={tmp_path}/share/".encode()))
    (root / "App" / semaphore).touch()
    standin.take_semaphores()
    standin.handle_mail()
    assert len(messages(tmp_path / "share")) == (semaphore == "RELOADCACHE.SEM")
