"""Installation folders to measure with: as many files as asked, all of them configuration, and changes to them."""

from __future__ import annotations

import itertools
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

INI = "[System]\r\nHostName={host}\r\n[Domains]\r\nCount=1\r\n"
POOL = 1 << 20
OLD = 1_700_000_000
"""The files' modification time, in seconds since 1970: nobody wrote them a moment ago."""

PLACES = (
    *(6 * ("App/list{0:05}.grp",)),
    "App/answer{0:05}.rsp",
    *(2 * ("Templates/set{1:02}/page{0:05}.html",)),
    "CFilter/domain{1:02}.example/rules{0:05}.cf",
)
"""Of ten files: six mailing lists and an autoresponder in one folder, the others in fifty."""


@dataclass(frozen=True, slots=True)
class Tree:
    """A primary's folder. `files`: paths of its replicated files."""

    root: Path
    files: tuple[Path, ...]

    @property
    def bytes(self) -> int:
        """Their sizes together."""
        return sum(path.stat().st_size for path in self.files)

    def change(self, count: int, word: str) -> None:
        """Give the first `count` files a new line with `word`; each call writes to the same files."""
        for path in self.files[:count]:
            with path.open("ab") as file:
                file.write(f"; {word}\r\n".encode())


def make_primary(root: Path, files: int, file_bytes: int, seed: int) -> Tree:
    """A tree of `files` files of `file_bytes` bytes on average, the same for the same arguments; most are smaller."""
    chance = random.Random(seed)
    make_secondary(root, "primary")
    text, sizes = _pool(chance), _sizes(chance, files - 1, file_bytes)
    paths = tuple(root / place for place in itertools.islice(_places(), files - 1))
    for number, (path, size) in enumerate(zip(paths, sizes, strict=True)):
        path.parent.mkdir(parents=True, exist_ok=True)
        start = chance.randrange(POOL)
        path.write_bytes((b"; file %d\r\n" % number + text[start : start + size])[:size])
        os.utime(path, (OLD + number, OLD + number))
    return Tree(root, (*paths, root / "App" / "MDaemon.ini"))


def make_secondary(root: Path, host: str) -> None:
    """A server with nothing configured."""
    (root / "App").mkdir(parents=True)
    (root / "App" / "MDaemon.ini").write_text(INI.format(host=host), newline="")
    os.utime(root / "App" / "MDaemon.ini", (OLD, OLD))


def _places() -> Iterator[str]:
    for number in itertools.count():
        yield PLACES[number % len(PLACES)].format(number, number // len(PLACES) % 25)


def _pool(chance: random.Random) -> bytes:
    """Text as lists have it, twice as long as what is taken from it; gzip makes it less than half."""
    line = "".join(f"{chance.randbytes(5).hex()}@{chance.randbytes(2).hex()}.example\r\n" for _ in range(POOL // 20))
    return (line * 2).encode()[: 2 * POOL]


def _sizes(chance: random.Random, files: int, mean: int) -> list[int]:
    """Sizes in bytes that are `mean` on average: many small files, a few large ones."""
    drawn = [chance.lognormvariate(0, 1) for _ in range(files)]
    factor = mean * files / sum(drawn)
    return [min(max(32, round(one * factor)), POOL) for one in drawn]
