"""A store of its own for each test, with master keys that the test may rotate."""

from __future__ import annotations

import os

import pytest

from replication.objects import Store


class Keys:
    """Master keys, newest first."""

    def __init__(self) -> None:
        self.now: tuple[bytes, ...] = (os.urandom(32),)

    def __call__(self):
        return self.now

    def rotate(self) -> None:
        self.now = (os.urandom(32), *self.now)

    def forget_old(self) -> None:
        self.now = self.now[:1]


@pytest.fixture
def keys():
    return Keys()


@pytest.fixture
def root(tmp_path):
    return tmp_path / "objects"


@pytest.fixture
def store(root, keys):
    return Store(root, keys)
