"""What a process remembers within a bound."""

from __future__ import annotations

from nodes.bounded import Bounded


def kept(memory: Bounded[str, str], *keys: str) -> list[str]:
    return [key for key in keys if memory.get(key) is not None]


def test_the_longest_unused_goes_first() -> None:
    memory = Bounded[str, str](2)
    for key in "ab":
        memory.keep(key, key)
    assert memory.get("a") == "a"
    memory.keep("c", "c")
    assert kept(memory, "a", "b", "c") == ["a", "c"]


def test_values_count_by_their_weight_and_the_newest_stays() -> None:
    memory = Bounded[str, str](5, len)
    memory.keep("a", "xx")
    memory.keep("b", "xxx")
    assert kept(memory, "a", "b") == ["a", "b"]
    memory.keep("a", "x" * 9)
    assert kept(memory, "a", "b") == ["a"]
    memory.keep("b", "xxx")
    assert kept(memory, "a", "b") == ["b"]


def test_what_is_taken_weighs_no_more() -> None:
    memory = Bounded[str, str](3, len)
    memory.keep("a", "xx")
    assert (memory.take("a"), memory.take("a")) == ("xx", None)
    memory.keep("b", "x")
    memory.keep("c", "xx")
    assert kept(memory, "b", "c") == ["b", "c"]
    memory.forget()
    assert kept(memory, "b", "c") == []
    memory.keep("b", "xx")
    memory.keep("c", "x")
    assert kept(memory, "b", "c") == ["b", "c"]
