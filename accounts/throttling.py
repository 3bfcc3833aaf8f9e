"""Requests with wrong tokens, counted by address before a token is looked for. The counts are the web process's own, of
which there is one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.cache import cache
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from accounts.requests import network_of

PROVEN = 3600
"""Seconds for which a token that was right is looked for although others from its address are wrong."""


class FailedTokens(SimpleRateThrottle):
    """The library's own throttles are asked only once somebody is known."""

    scope = "anon"
    num_requests: int
    duration: int

    def get_cache_key(self, request: Request, view: Any) -> str:
        """One for each address."""
        return f"accounts.failed-tokens:{network_of(request)}"

    def throttle_success(self) -> bool:
        """Asking counts nothing."""
        return True

    def count(self) -> None:
        """One more; others may have counted meanwhile."""
        counted = [self.now, *self.cache.get(self.key, [])]
        self.cache.set(self.key, counted[: self.num_requests], self.duration)

    def refusal(self) -> Throttled:
        """What to answer instead of looking, with the time until one of those that count no longer does."""
        oldest = self.history[-1] if self.history else self.now  # none: no wrong ones are allowed at all
        return Throttled(oldest + self.duration - self.now, "Too many wrong tokens came from this address.")


@contextmanager
def wrong_tokens_counted(request: Request, secret: bytes) -> Iterator[None]:
    """The block looks for a token. After too many wrong ones from the address it is not entered, but for a token that
    was right lately: behind one address there may be many callers. Raises Throttled."""
    failed = FailedTokens()
    proven = f"accounts.proven-token:{hashlib.sha256(secret).hexdigest()}"
    if not failed.allow_request(request, None) and not cache.get(proven):  # type: ignore[arg-type] # asks no view
        raise failed.refusal()
    try:
        yield
    except AuthenticationFailed:
        failed.count()
        raise
    cache.set(proven, True, PROVEN)
