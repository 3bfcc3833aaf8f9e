"""Real servers and workers that die, as `tests/replication/test_deaths.py` has them."""

from tests.replication.test_deaths import scene

__all__ = ["scene"]
