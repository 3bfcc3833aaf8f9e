"""What a hostile node runs instead of its commands and its file service, as sshd's ForceCommand.

Arguments: the file with the orders, the real file service, a shell. Until there is an order all is passed on as it is,
so that a node joins and is served like any other and turns at a moment of the test's choosing, in mid-session, too.
"""

import json
import os
import select
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, NoReturn

CLOSE, READ, LSTAT, FSTAT, READDIR = 4, 5, 7, 8, 12
STATUS, HANDLE, DATA, NAME, ATTRS = 101, 102, 103, 104, 105
HAS_SIZE = 1
FILE, FOLDER = 0o100644, 0o040755
NAMES_EACH = 100
PIECE = b"x" * 65536
SAID = {"small_said": 10, "large_said": 2 * 1024**3}

Order = dict[str, object]
Packet = tuple[int, int, bytes]


class Orders:
    """What the node is told to do, as it is at the moment."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)

    def now(self) -> Order:
        try:
            order: Order = json.loads(self._path.read_bytes())
        except FileNotFoundError:
            order = {"misdeed": "none", "pause": 0.0}
        return order


def packet_from(source: IO[bytes]) -> bytes | None:
    """One packet without its length; None at the end."""
    head = source.read(4)
    if len(head) < 4:
        return None
    return source.read(struct.unpack(">I", head)[0])


def string(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def names(count: int, start: int, length: int = 0) -> bytes:
    """So many names of empty files, none of which was there before."""
    attributes = struct.pack(">IQI", HAS_SIZE | 4, 0, FILE)
    one = [
        string(b"%016d.dat" % number + b"n" * length) + string(b"") + attributes
        for number in range(start, start + count)
    ]
    return struct.pack(">I", count) + b"".join(one)


class Relay:
    """Between the portal and the real file service."""

    def __init__(self, orders: Orders, service: str) -> None:
        self._orders = orders
        self._service = subprocess.Popen([service], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._lock = threading.Lock()
        self._sizes_of: set[int] = set()
        self._named = 0
        self._reads = 0
        self._deeds: dict[str, Callable[[Order, Packet], bool]] = {
            "no_names": lambda order, packet: self._lists(packet, names(0, 0)),
            "endless_names": self._names_for_ever,
            "slow_names": self._names_slowly,
            "long_names": lambda order, packet: self._lists(packet, names(1, 0, 200_000)),
            "drip": self._drips,
            "hang": lambda order, packet: True,
            "hang_in_transfer": self._hangs_in_transfer,
            "huge_packet": self._lies_of_length,
            "small_said": self._gives_too_much,
            "large_said": self._notes_sizes,
            "unasked": self._answers_what_nobody_asked,
        }

    def run(self) -> None:
        answering = threading.Thread(target=self._pass_answers, daemon=True)
        answering.start()
        sink = self._service.stdin
        assert sink
        while (data := packet_from(sys.stdin.buffer)) is not None:
            if not self._hostile(data):
                sink.write(struct.pack(">I", len(data)) + data)
                sink.flush()
        sink.close()
        answering.join()

    def _hostile(self, data: bytes) -> bool:
        """Whether the request was dealt with here."""
        order = self._orders.now()
        deed = self._deeds.get(str(order["misdeed"]))
        if deed is None or len(data) < 5 or data[0] == CLOSE:  # of before it turned, and nobody waits for its answer
            return False
        return deed(order, (data[0], int.from_bytes(data[1:5], "big"), data[5:]))

    def _pass_answers(self) -> None:
        source = self._service.stdout
        assert source
        while (data := packet_from(source)) is not None:
            self._send(self._with_other_size(data))

    def _with_other_size(self, data: bytes) -> bytes:
        number = int.from_bytes(data[1:5], "big")
        if data[0] != ATTRS or number not in self._sizes_of:
            return data
        self._sizes_of.discard(number)
        size = SAID.get(str(self._orders.now()["misdeed"]))
        return data if size is None else data[:9] + struct.pack(">Q", size) + data[17:]

    def _answer(self, kind: int, number: int, body: bytes) -> None:
        self._send(bytes([kind]) + struct.pack(">I", number) + body)

    def _send(self, data: bytes) -> None:
        self._write(struct.pack(">I", len(data)) + data)

    def _write(self, data: bytes) -> None:
        with self._lock:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()

    def _lists(self, packet: Packet, body: bytes) -> bool:
        if packet[0] != READDIR:
            return False
        self._answer(NAME, packet[1], body)
        return True

    def _names_for_ever(self, order: Order, packet: Packet) -> bool:
        self._named += NAMES_EACH
        return self._lists(packet, names(NAMES_EACH, self._named))

    def _names_slowly(self, order: Order, packet: Packet) -> bool:
        if packet[0] == READDIR:
            time.sleep(float(str(order["pause"])))
        self._named += 1
        return self._lists(packet, names(1, self._named))

    def _drips(self, order: Order, packet: Packet) -> bool:
        if packet[0] != READ:
            return False
        time.sleep(float(str(order["pause"])))
        self._answer(DATA, packet[1], string(b"x"))
        return True

    def _hangs_in_transfer(self, order: Order, packet: Packet) -> bool:
        """The first pieces of a file come, and then nothing more."""
        self._reads += packet[0] == READ
        return self._reads > 2

    def _lies_of_length(self, order: Order, packet: Packet) -> bool:
        self._write(struct.pack(">I", 0xFFFFFFF0) + bytes([DATA]) + PIECE)
        return True

    def _notes_sizes(self, order: Order, packet: Packet) -> bool:
        if packet[0] in (LSTAT, FSTAT):
            self._sizes_of.add(packet[1])
        return False

    def _gives_too_much(self, order: Order, packet: Packet) -> bool:
        self._notes_sizes(order, packet)
        if packet[0] != READ:
            return False
        self._answer(DATA, packet[1], string(PIECE))
        return True

    def _answers_what_nobody_asked(self, order: Order, packet: Packet) -> bool:
        while True:
            time.sleep(float(str(order["pause"])))
            self._answer(STATUS, 0x7FFFFFFF, struct.pack(">I", 0) + string(b"") + string(b""))


def listing(root: str) -> NoReturn:
    """A listing in the form of the portal's `find`, of files that do not exist, for ever."""
    number = 0
    while True:
        lines = b"".join(b"f\t1\t1700000000.0\t1700000000.0\t%016d.dat\0" % (number + one) for one in range(1000))
        sys.stdout.buffer.write(lines)
        number += 1000


def drip(pause: float) -> NoReturn:
    while True:
        time.sleep(pause)
        sys.stdout.buffer.write(b"x")
        sys.stdout.buffer.flush()


def flood() -> NoReturn:
    while True:
        sys.stdout.buffer.write(PIECE)


def hang() -> NoReturn:
    """Do nothing until nobody would hear it any more."""
    closed = select.poll()
    closed.register(sys.stdout, 0)
    closed.poll()
    sys.exit()


def obey(order: Order, line: str) -> None:
    """A command: instead of it, or before it."""
    misdeed = str(order["misdeed"])
    if misdeed in ("hang", "hang_in_transfer"):
        hang()
    if misdeed in ("endless_names", "long_names") and " find " in line:
        listing(line)
    if misdeed == "drip":
        drip(float(str(order["pause"])))
    if misdeed == "flood":
        flood()


def main() -> None:
    """The file service where no command was asked for, or it was."""
    orders, service, shell, only_files = Orders(sys.argv[1]), *sys.argv[2:4], sys.argv[4:] == ["only-files"]
    line = os.environ.get("SSH_ORIGINAL_COMMAND", service)
    if line == service:
        Relay(orders, service).run()
    elif only_files:
        sys.exit("This service allows sftp connections only.")
    else:
        obey(orders.now(), line)
        sys.exit(subprocess.call([shell, "-c", line]))


if __name__ == "__main__":
    main()
