"""How the OpenAPI schema describes the two ways to authenticate."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension


class BearerTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call] # untyped library
    """A token in the Authorization header."""

    target_class = "accounts.authentication.BearerToken"
    name = "token"
    priority = 1

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """As OpenAPI spells it."""
        return {"type": "http", "scheme": "bearer", "description": "An API token, made in the console or by the API."}


class ConsoleSessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call] # untyped library
    """The console's cookie."""

    target_class = "accounts.authentication.ConsoleSession"
    name = "session"
    priority = 1

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """As OpenAPI spells it."""
        return {"type": "apiKey", "in": "cookie", "name": "sessionid", "description": "The console's session."}
