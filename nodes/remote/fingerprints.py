"""SHA-256 fingerprints of SSH public keys, made and read."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from itertools import pairwise

_SHA256 = re.compile(r"SHA256:([A-Za-z0-9+/]{43})=?")
_MD5 = re.compile(r"(MD5:)?([0-9a-f]{2}:){15}[0-9a-f]{2}", re.IGNORECASE)
_REMEDY = "Give it as OpenSSH shows it, SHA256: and 43 characters (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub)."
_LONGEST = 4096


def fingerprint_of_blob(blob: bytes) -> str:
    """The fingerprint of a public key in SSH's binary form."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def fingerprint_of(key_type: str, public_key_b64: str) -> str:
    """OpenSSH's SHA-256 fingerprint of a public key. Raises ValueError if the key is not of that type."""
    try:
        blob = base64.b64decode(public_key_b64, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise ValueError("The public key is not base64. Paste the second word of its .pub file.") from exc
    name = key_type.encode()
    if not blob.startswith(len(name).to_bytes(4, "big") + name):
        raise ValueError(f"The public key is no {key_type} key. Paste first and second word of the same .pub file.")
    return fingerprint_of_blob(blob)


def parse_fingerprint(text: str) -> str:
    """A fingerprint from what people paste: itself, a line of `ssh-keygen -l`, or a public key. Raises ValueError."""
    words = text[:_LONGEST].split()
    for word in words:
        if found := _SHA256.fullmatch(word):
            return f"SHA256:{found[1]}"
    for key_type, key in pairwise(words):
        if key.startswith("AAAA"):
            return fingerprint_of(key_type, key)
    if any(_MD5.fullmatch(word) for word in words):
        raise ValueError(f"An MD5 fingerprint is too weak to trust. {_REMEDY}")
    raise ValueError(f"This is no host key fingerprint. {_REMEDY}")
