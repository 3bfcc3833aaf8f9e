"""Many processes and threads on one store, some of them removing, some of them killed."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from datetime import timedelta
from functools import partial

import pytest
from django.db import connection

from replication.objects import ObjectMissing, Store, garbage_collection, rows
from replication.objects.models import ContentPart, NameKey, StoredContent
from tests.deadlines import PATIENCE
from tests.replication.objects.conftest import older
from tests.threads import Thread, both
from tests.tools import ROOT

pytestmark = pytest.mark.django_db(transaction=True)

KEY = b"k" * 32
MIB = 1024 * 1024


def _keys():
    return (KEY,)


def _content(number: int) -> bytes:
    seed = hashlib.sha256(str(number).encode()).digest()
    return seed * (1 + number * 7 % 3000)  # up to 96 KiB


def _id(number: int) -> str:
    return hashlib.sha256(_content(number)).hexdigest()


def write(seed: int) -> None:
    """Put 120 contents in an order of one's own, each read back at once: half in batches, the rest one by one."""
    store = Store(_keys)
    numbers = list(range(120))
    random.Random(seed).shuffle(numbers)
    for at in range(0, len(numbers), 20):
        with store.batch() as batch:
            for number in numbers[at : at + 10]:
                batch.put(_content(number), secret=number % 5 == 0)
        for number in numbers[at + 10 : at + 20]:
            store.put_stream([_content(number)], secret=number % 5 == 0)
        store.put_stream([_content(at)] * 40)
        for number in numbers[at : at + 20]:
            assert store.get(_id(number)) == _content(number)


def write_for_ever(_: int) -> None:
    """Until killed."""
    store = Store(_keys)
    for number in range(1_000_000):
        with store.batch() as batch:
            for content in range(10):
                batch.put(_content(10 * number + content))
        store.put_stream([_content(number)] * 90)
        print("written", flush=True)


PROCESS = """
import sys, django
django.setup()
from django.conf import settings
from django.db import connection
settings.DATABASES["default"]["NAME"] = connection.settings_dict["NAME"] = sys.argv[1]
from tests.replication.objects import test_many
getattr(test_many, sys.argv[2])(int(sys.argv[3]))
"""


@contextmanager
def _process(work, argument: int):
    """A process on the test's database."""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-c", PROCESS, str(connection.settings_dict["NAME"]), work.__name__, str(argument)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, env=environment, cwd=ROOT) as process:
        try:
            yield process
        finally:
            process.kill()


def test_processes_write_read_and_sweep_at_once():
    store = Store(_keys)
    with _process(write, 1) as one, _process(write, 2) as another:
        while one.poll() is None or another.poll() is None:
            store.sweep([], timedelta(hours=1))
            store.rewrap()
            store.check()
    assert (one.returncode, another.returncode) == (0, 0)
    assert all(store.get(_id(number)) == _content(number) for number in range(120))
    assert store.check().damaged == ()
    assert not StoredContent.objects.filter(name=None).exists()


def test_a_killed_writer_leaves_no_torn_object():
    for round_ in range(3):
        with _process(write_for_ever, 0) as writer:
            assert writer.stdout.readline() == b"written\n"
            time.sleep(0.02 * round_)  # another moment in each round
            writer.kill()
            writer.wait(PATIENCE)
        store = Store(_keys)
        report = store.check()
        assert report.damaged == ()
        assert report.objects >= 11
        store.put(b"goes on")
    older(days=2)
    store.sweep([], timedelta(days=1))
    assert not StoredContent.objects.exists()
    assert not ContentPart.objects.exists()


def test_threads_write_the_same_at_once():
    contents = [_content(number) for number in range(150)] + [os.urandom(2 * MIB)]

    def put() -> list[str]:
        store = Store(_keys)
        with store.batch() as batch:
            ids = [batch.put(data) for data in contents]
        assert [store.get(id_) for id_ in ids] == contents
        return ids

    one, another = both(put)
    assert one == another
    assert StoredContent.objects.count() == len(contents)
    assert ContentPart.objects.count() == len(contents) + 1
    assert NameKey.objects.count() == 1


def test_one_who_puts_as_not_secret_wins_over_one_who_puts_as_secret(monkeypatch):
    """Whoever inserts first: both saw that it was not there."""
    gate = threading.Barrier(2)
    seen = rows._found

    def found(wanted):
        answer = seen(wanted)
        if not answer:
            gate.wait(PATIENCE)
        return answer

    Store(_keys).put(b"its key")
    monkeypatch.setattr(rows, "_found", found)
    threads = [Thread(partial(Store(_keys).put, b"x", secret=secret)) for secret in (True, False)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.done()
    assert StoredContent.objects.filter(secret=False).count() == 2
    assert Store(_keys).get(hashlib.sha256(b"x").hexdigest()) == b"x"


@pytest.mark.parametrize("use", ["has", "put", "batch", "stream"])
def test_what_is_used_while_a_sweep_is_about_to_take_it_stays(monkeypatch, use):
    store = Store(_keys)
    data = _content(1) if use != "stream" else os.urandom(2 * MIB)
    id_ = store.put(data)
    store.put(b"another")
    older(days=2)
    removed = garbage_collection._removed

    def use_first(rows):
        def work() -> None:
            mine = Store(_keys)
            if use == "has":
                assert mine.has(id_)
            elif use == "batch":
                with mine.batch() as batch:
                    batch.put(data)
            else:
                mine.put_stream([data])

        thread = Thread(work)
        thread.start()
        thread.done()
        return removed(rows)

    monkeypatch.setattr(garbage_collection, "_removed", use_first)
    assert store.sweep([], timedelta(days=1)).objects == 1
    assert store.get(id_) == data


def test_of_a_sweep_and_one_who_puts_the_same_again_none_is_lost():
    data = [_content(number) for number in range(40)]
    for _ in range(5):
        store = Store(_keys)
        with store.batch() as batch:
            for one in data:
                batch.put(one)
        older(days=2)
        sweeper = Thread(lambda: Store(_keys).sweep([], timedelta(days=1)))
        sweeper.start()
        for number, one in enumerate(data):
            assert store.put(one) == _id(number)
        sweeper.done()
        assert [store.get(_id(number)) for number in range(40)] == data


def test_readers_survive_purges_of_their_neighbours():
    store = Store(_keys)
    with store.batch() as batch:
        for number in range(60):
            batch.put(_content(number))

    def read_again_and_again() -> None:
        reader = Store(_keys)
        for number in list(range(30)) * 8:
            assert reader.get(_id(number)) == _content(number)

    threads = [Thread(read_again_and_again) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(30, 60):
        assert store.purge([_id(number)]) == 1
    for thread in threads:
        thread.done()
    for number in range(30, 60):
        with pytest.raises(ObjectMissing):
            store.get(_id(number))


def test_two_that_make_the_store_agree_on_its_name_key():
    stores = both(lambda: (store := Store(_keys), store.put(os.urandom(10)))[0])
    for number, store in enumerate(stores):
        store.put(_content(number))
    assert all(store.get(_id(number)) == _content(number) for store in stores for number in range(2))


def test_of_threads_that_need_the_same_at_once_one_asks_and_reads(store, monkeypatch) -> None:
    held = {store.put(_content(number)) for number in range(20)}
    asked, read = list[bytes](), list[bytes]()
    find, read_rows = rows._found, rows.read

    def found(wanted):
        asked.extend(wanted)
        time.sleep(0.05)  # the other asks meanwhile
        return find(wanted)

    def reading(names):
        read.extend(names)
        time.sleep(0.05)
        return read_rows(names)

    monkeypatch.setattr(rows, "_found", found)
    monkeypatch.setattr(rows, "read", reading)

    def lacks() -> None:
        assert store.lacks(held, trusted_seconds=600.0) == set()

    def whole() -> None:
        assert store.whole(held, trusted_seconds=600.0, progress=lambda _: None) == held

    both(lacks)
    assert len(asked) == len(held)
    both(whole)
    assert len(read) == len(held)
