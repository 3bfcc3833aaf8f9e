"""A TCP relay that misbehaves on demand: drops connections after so many bytes, freezes, goes on."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

from tests.deadlines import PATIENCE

_PIECE = 16 * 1024


class Proxy:
    """Relays to one port on loopback. Counts the bytes of both directions of all connections together."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._limit: int | None = None
        self._freezes_at: int | None = None
        self._flowing = threading.Event()
        self._flowing.set()
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self.relayed = 0
        self.accepted = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._spawn(self._accept)

    def drop_after(self, count: int) -> None:
        """Break all connections once `count` further bytes went through."""
        with self._lock:
            self._limit = self.relayed + count

    def freeze(self) -> None:
        """Keep connections open and pass nothing on."""
        self._flowing.clear()

    def freeze_after(self, count: int) -> None:
        """Freeze once `count` further bytes went through: in the middle of something, however busy the machine is."""
        with self._lock:
            self._freezes_at = self.relayed + count

    @property
    def is_frozen(self) -> bool:
        """Whether it passes nothing on."""
        return not self._flowing.is_set()

    def thaw(self) -> None:
        """Go on, and let new connections through."""
        with self._lock:
            self._limit = self._freezes_at = None
        self._flowing.set()

    def drop_all(self) -> None:
        """Break all connections now."""
        with self._lock:
            doomed, self._sockets = self._sockets, []
        for one in doomed:
            _break(one)

    def close(self) -> None:
        """Stop and join everything."""
        _break(self._listener)
        self._flowing.set()
        self.drop_all()
        for thread in self._threads:
            thread.join(PATIENCE)

    def _spawn(self, target, *args) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            server = socket.create_connection(("127.0.0.1", self._target_port))
            for one in (client, server):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._sockets += [client, server]
            self._spawn(self._relay, client, server)
            self._spawn(self._relay, server, client)

    def _relay(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(_PIECE):
                self._flowing.wait()
                allowed = self._allowed(len(data))
                sink.sendall(data[:allowed])
                if allowed < len(data):
                    break
        _break(source)
        _break(sink)

    def _allowed(self, count: int) -> int:
        with self._lock:
            if self._limit is not None:
                count = max(0, min(count, self._limit - self.relayed))
            self.relayed += count
            if self._freezes_at is not None and self.relayed >= self._freezes_at:
                self._flowing.clear()
            return count


def _break(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
