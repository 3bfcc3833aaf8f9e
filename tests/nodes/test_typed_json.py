"""Reading JSON by type: what is refused, and that threads may begin at once."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass

import msgspec
import pytest

from nodes.typed_json import TypedJson

THREADS = """
import sys, threading, types
from nodes.typed_json import TypedJson

SOURCE = '''
from __future__ import annotations
from dataclasses import dataclass

@dataclass(frozen=True, slots=True)
class Inner:
    number: int = 0
    words: tuple[str, ...] = ()

@dataclass(frozen=True, slots=True)
class Outer:
    many: tuple[Inner, ...] = ()
    one: Inner | None = None
'''

sys.setswitchinterval(1e-6)
for number in range(100):
    module = types.ModuleType(f"fresh{number}")
    sys.modules[module.__name__] = module
    exec(SOURCE, module.__dict__)
    reader = TypedJson(module.Outer)
    together = threading.Barrier(6)

    def read():
        together.wait()
        reader.convert({"many": [{"number": 1}], "one": {"words": ["a"]}})

    threads = [threading.Thread(target=read) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
"""


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    size: int = 0


def test_a_wrong_value_is_named_by_its_place():
    rows: TypedJson[tuple[Row, ...]] = TypedJson(tuple[Row, ...])
    assert rows.convert([{"name": "a", "size": 3}]) == (Row("a", 3),)
    assert rows.decode(b'[{"name":"a"}]') == (Row("a"),)
    with pytest.raises(msgspec.ValidationError, match=r"\$\[0\]\.size"):
        rows.convert([{"name": "a", "size": "3"}])


def test_what_made_by_refuses_is_refused():
    def lower(kind: type, value: object) -> object:
        if not isinstance(value, str) or not value.islower():
            raise ValueError("not in small letters")
        return kind(value)

    class Word(str):
        __slots__ = ()

    words: TypedJson[tuple[Word, ...]] = TypedJson(tuple[Word, ...], made_by=lower)
    assert words.convert(["a"]) == (Word("a"),)
    with pytest.raises(msgspec.ValidationError, match="small letters"):
        words.convert(["A"])


def test_threads_that_read_a_type_for_the_first_time_together_live():
    # msgspec.convert in its place dies by SIGSEGV within these rounds
    subprocess.run([sys.executable, "-c", THREADS], check=True)
