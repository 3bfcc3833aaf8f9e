"""How the portal logs in to a file server. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from nodes.secret import Secret


@dataclass(frozen=True, slots=True)
class ShareLogin:
    r"""Who the portal is on a file server. `username` may name a domain: `DOMAIN\name` or `name@domain`."""

    server: str
    port: int
    username: str
    password: Secret
