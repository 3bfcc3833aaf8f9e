"""Logs as MDaemon writes them: session transcripts with a banner, and the compact form of its plug-ins."""

from __future__ import annotations

import random
from datetime import datetime
from pathlib import Path

from demo.tree import VERSION

RULE = "-" * 79


class Logs:
    """Writes beneath one Logs folder, in local time without a zone, as the real ones are."""

    def __init__(self, folder: Path, rng: random.Random) -> None:
        self._folder = folder
        self._rng = rng
        self._session = 0x09012300
        folder.mkdir(parents=True, exist_ok=True)

    def session(self) -> None:
        """One SMTP session; sometimes one that dynamic screening notices."""
        self._session += 1
        peer = f"203.0.113.{self._rng.randrange(1, 255)}"
        refused = self._rng.random() < 0.2
        answer = "535 5.7.8 Authentication failed" if refused else "250 2.6.0 Ok, message saved"
        texts = [
            f"Session {self._session:08X}; child 0001",
            f"Accepting SMTP connection from {peer}:{self._rng.randrange(1024, 65536)} to 192.0.2.1:25",
            "--> 220 mail.harbour.example ESMTP MDaemon (demo stand-in)",
            f"--> {answer}",
            f"SMTP session {'terminated' if refused else 'successful'} (Bytes in/out: {self._rng.randrange(9999)}/310)",
            "----------",
        ]
        self._write("SMTP-(in)", texts, code="05")
        if refused:
            self._plugin("0x415040C1", f"Block List: Refusing SMTP access: IP:{peer} VIA:198.51.100.21")

    def system(self, text: str) -> None:
        """A line of the system log."""
        self._write("System", [text], code="01")

    def _write(self, name: str, texts: list[str], *, code: str) -> None:
        now = datetime.now()  # noqa: DTZ005 - local time without a zone is the format
        path = self._folder / f"MDaemon-{now:%Y-%m-%d}-{name}.log"
        stamp = f"{now:%a %Y-%m-%d %H:%M:%S}.{now.microsecond // 1000:03d}: {code}: "
        rows = [stamp + text for text in texts]
        if not path.exists():
            rows = [*self._banner(name), *rows]
        self._append(path, rows)

    def _banner(self, name: str) -> list[str]:
        title = f"START Event Log / MDaemon PRO v{VERSION}, {name.replace('-', ' ')} log information"
        return [title, RULE, "Event Time/Date             Event Description", RULE]

    def _plugin(self, code: str, text: str) -> None:
        now = datetime.now()  # noqa: DTZ005 - local time without a zone is the format
        stamp = f"{now:%y%m%d %H%M%S}{now.microsecond // 1000:03d}"
        row = f"{stamp} I [{self._rng.getrandbits(32):08X}] {code} {text}"
        self._append(self._folder / f"DynScrn-{now:%Y-%m-%d}.log", [row])

    def _append(self, path: Path, rows: list[str]) -> None:
        with path.open("ab") as log:
            log.write("".join(row + "\r\n" for row in rows).encode("cp1252"))
