"""Many processes and threads on one store, some of them removing, some of them killed."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import random
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from replication.objects import ObjectMissing, Store
from tests.deadlines import PATIENCE

SPAWN = multiprocessing.get_context("spawn")
KEY = b"k" * 32


def _keys():
    return (KEY,)


def _content(number: int) -> bytes:
    seed = hashlib.sha256(str(number).encode()).digest()
    return seed * (1 + number * 7 % 3000)  # up to 96 KiB


def _id(number: int) -> str:
    return hashlib.sha256(_content(number)).hexdigest()


def _write(root, seed: int) -> None:
    """Put 120 contents in an order of one's own, each batch read back at once; the other half without a batch."""
    store = Store(root, _keys)
    numbers = list(range(120))
    random.Random(seed).shuffle(numbers)
    for at in range(0, len(numbers), 20):
        with store.batch() as batch:
            for number in numbers[at : at + 10]:
                batch.put(_content(number), secret=number % 5 == 0)
        for number in numbers[at + 10 : at + 20]:
            store.put_stream([_content(number)], secret=number % 5 == 0)
        for number in numbers[at : at + 20]:
            assert store.get(_id(number)) == _content(number)


def _sweep_on(root, stop) -> None:
    """Remove everything that is old, join packs and rewrap, all the time."""
    store = Store(root, _keys)
    while not stop.is_set():
        store.sweep([], timedelta(hours=1))
        store.rewrap()
        store.check()


def _ended(process):
    process.join(PATIENCE)
    assert process.exitcode is not None, "it did not end in time"
    return process.exitcode


def test_processes_write_read_and_sweep_at_once(tmp_path):
    stop = SPAWN.Event()
    writers = [SPAWN.Process(target=_write, args=(tmp_path / "o", seed)) for seed in range(4)]
    sweeper = SPAWN.Process(target=_sweep_on, args=(tmp_path / "o", stop))
    for process in (*writers, sweeper):
        process.start()
    assert [_ended(process) for process in writers] == [0] * 4
    stop.set()
    assert _ended(sweeper) == 0
    store = Store(tmp_path / "o", _keys)
    assert all(store.get(_id(number)) == _content(number) for number in range(120))
    assert store.check().damaged == ()
    assert list((tmp_path / "o" / ".tmp").iterdir()) == []


def test_a_reader_finds_packs_that_came_later(tmp_path):
    store = Store(tmp_path / "o", _keys)
    reader = Store(tmp_path / "o", _keys)
    for number in range(50):
        assert not reader.has(_id(number))
        with store.batch() as batch:
            batch.put(_content(number))
        assert reader.has(_id(number))
        assert reader.get(_id(number)) == _content(number)


def test_threads_share_a_batch(tmp_path):
    store = Store(tmp_path / "o", _keys)
    with store.batch() as batch, ThreadPoolExecutor(8) as threads:
        # each content four times, by different threads
        ids = list(threads.map(lambda number: batch.put(_content(number)), [*range(150)] * 4))
        assert list(threads.map(batch.get, ids)) == [_content(number) for number in range(150)] * 4
    assert store.check().objects == len(set(ids))
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(store.get, ids)) == [_content(number) for number in range(150)] * 4


def _read_again_and_again(reader):
    for number in list(range(30)) * 8:
        assert reader.get(_id(number)) == _content(number)


def test_readers_survive_purges_of_their_neighbours(tmp_path):
    store = Store(tmp_path / "o", _keys)
    with store.batch() as batch:
        for number in range(60):
            batch.put(_content(number))
    readers = [Store(tmp_path / "o", _keys) for _ in range(4)]

    with ThreadPoolExecutor(4) as threads:
        running = [threads.submit(_read_again_and_again, reader) for reader in readers]
        for number in range(30, 60):
            assert store.purge([_id(number)]) == 1
        for one in running:
            one.result()
    for number in range(30, 60):
        with pytest.raises(ObjectMissing):
            readers[0].get(_id(number))


def _write_for_ever(root, started) -> None:
    store = Store(root, _keys)
    number = 0
    while True:
        with store.batch() as batch:
            for _ in range(10):
                batch.put(_content(number))
                number += 1
        store.put(_content(number))
        started.set()


def test_a_killed_writer_leaves_no_torn_object(tmp_path):
    root = tmp_path / "o"
    for round_ in range(4):
        started = SPAWN.Event()
        writer = SPAWN.Process(target=_write_for_ever, args=(root, started))
        writer.start()
        assert started.wait(PATIENCE)
        time.sleep(0.01 * round_)  # another moment in each round
        assert writer.pid
        os.kill(writer.pid, signal.SIGKILL)
        writer.join(PATIENCE)
        store = Store(root, _keys)
        report = store.check()
        assert report.damaged == ()
        assert report.objects >= 11
        store.put(b"goes on")


def test_two_that_make_the_store_agree_on_its_name_key(tmp_path):
    with ThreadPoolExecutor(8) as threads:
        stores = list(threads.map(lambda _: Store(tmp_path / "o", _keys), range(8)))
    for number, store in enumerate(stores):
        store.put(_content(number))
    assert all(store.get(_id(number)) == _content(number) for store in stores for number in range(8))
