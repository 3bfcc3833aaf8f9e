"""A Redis stand-in for demos on machines without Redis or Valkey: `python -m demo.broker PORT`. Slow, keeps nothing."""

from __future__ import annotations

import sys

from fakeredis import TcpFakeServer


def main(port: int) -> None:
    """Serve on loopback until killed."""
    with TcpFakeServer(("127.0.0.1", port), server_type="redis") as server:
        server.serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]))
