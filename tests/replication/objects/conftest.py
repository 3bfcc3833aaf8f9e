"""A store of its own for each test, with master keys that the test may rotate."""

from __future__ import annotations

import os
from datetime import timedelta

import pytest
from django.db.models import F

from replication.objects import Store
from replication.objects.models import StoredContent


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


def older(*, days: float) -> None:
    """Let everything in the store be older by so much."""
    StoredContent.objects.update(used_at=F("used_at") - timedelta(days=days))


@pytest.fixture
def keys():
    return Keys()


@pytest.fixture
def store(db, keys):
    return Store(keys)
