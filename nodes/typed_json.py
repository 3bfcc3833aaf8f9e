"""Reading JSON by type, in processes of many threads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import msgspec

T = TypeVar("T")


class TypedJson(Generic[T]):
    """Reads values of one type: frozen dataclasses, named tuples, and containers of them.

    Make it where a module is imported. msgspec learns a type at its first use and keeps what it learned at the class;
    where two threads let it learn the same one at once, the process dies by SIGSEGV (msgspec 0.22.0, seen in workers
    that two targets of one job made load their plan). Making this object learns it, by one thread, before there are
    others. `made_by`: makes a value of a class that msgspec does not know, from the class and the JSON value. Both
    methods raise msgspec.ValidationError naming the place, `decode` also msgspec.DecodeError.
    """

    def __init__(self, kind: Any, *, made_by: Callable[[type, Any], Any] | None = None) -> None:
        self._kind = kind
        self._made_by = made_by
        self._decoder: msgspec.json.Decoder[T] = msgspec.json.Decoder(kind, dec_hook=made_by)

    def decode(self, data: bytes | str) -> T:
        """The value of a JSON text."""
        return self._decoder.decode(data)

    def convert(self, value: Any) -> T:
        """The value of what a JSON text became: dictionaries, lists, text, numbers."""
        found: T = msgspec.convert(value, self._kind, dec_hook=self._made_by)  # noqa: TID251 - learned above
        return found
