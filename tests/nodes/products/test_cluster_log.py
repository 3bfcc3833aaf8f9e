"""Both public forms of a cluster log's line; anything else is not taken for one."""

from __future__ import annotations

from nodes.products.cluster_log import CLUSTER_CODES, newest_lines

WINDOW = (
    "21/04/02 16:02:02.900 Debug D65ACCE8 0x41511220 Secondary cluster node added: Cluster Service on X will restart."
)
COMPACT = "210402 160205105 D [24D2AF55] 0x4151020c Replication Signal from: DESKTOP-ABC123"
LATER = "21/04/02 16:03:05.105 Debug 24D2AF55 0x4151020C Replication Signal from: OTHER"


def test_the_newest_line_of_each_code_in_either_form() -> None:
    text = "\r\n".join(["banner", WINDOW, COMPACT, "0x41510618 by itself is no line", LATER])
    assert newest_lines(text) == {"0x41511220": WINDOW, "0x4151020C": LATER}
    assert list(newest_lines(text)) == ["0x41511220", "0x4151020C"]


def test_dynamic_screening_is_another_log() -> None:
    assert newest_lines("260818 005841591 I [1002FA89] 0x415041A1 Block List: IMAP: Blocking IP:203.0.113.20") == {}
    assert not CLUSTER_CODES.search(b"0x415041A1")


def test_a_hostile_line_is_cut_and_printable() -> None:
    line = newest_lines(f"210402 160205105 D [24D2AF55] 0x4151020C \x1b[31m{'x' * 5000}")["0x4151020C"]
    assert len(line) == 300
    assert line.isprintable()
