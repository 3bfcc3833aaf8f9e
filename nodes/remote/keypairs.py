"""Key pairs for logging in: making them, and reading what people paste."""

from __future__ import annotations

import io
from dataclasses import dataclass

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from nodes.errors import AuthRejected
from nodes.remote.fingerprints import fingerprint_of
from nodes.secret import Secret

PrivateKey = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

SHORTEST_RSA = 3072
"""Bits of an RSA key that is stored anew (128 bits of security); one that was stored before still logs in."""

LONGEST_KEY = 64 * 1024
LONGEST_COMMENT = 200


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A new key: `private` in OpenSSH's format without passphrase, `public` the line for authorized_keys."""

    private: Secret
    public: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """What may be shown of a private key. `kind` is its SSH name ("ssh-ed25519")."""

    public: str
    fingerprint: str
    kind: str


def make_key_pair(comment: str) -> KeyPair:
    """A new ed25519 key pair. Raises ValueError for a comment that would not fit one line."""
    if not comment.isprintable() or len(comment) > LONGEST_COMMENT:
        raise ValueError(f"comment: use one line of at most {LONGEST_COMMENT} printable characters.")
    key = ed25519.Ed25519PrivateKey.generate()
    public = f"{_public_line(key)} {comment}".strip()
    return KeyPair(Secret(_openssh(key)), public, fingerprint_of(*public.split()[:2]))


def inspect_private_key(private_key: Secret, passphrase: Secret | None) -> KeyInfo:
    """Public half, fingerprint and kind of a private key. Raises ValueError naming field and remedy, never the key."""
    key = _load(private_key, passphrase)
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size < SHORTEST_RSA:
        raise ValueError(f"private_key: RSA keys need {SHORTEST_RSA} bits or more. Make a new key, best ed25519.")
    public = _public_line(key)
    kind, blob = public.split()
    return KeyInfo(public, fingerprint_of(kind, blob), kind)


def signing_key(private_key: Secret, passphrase: Secret | None) -> paramiko.PKey:
    """The key as the wire signs with it. Raises AuthRejected where it cannot be used."""
    try:
        key = _load(private_key, passphrase)
    except ValueError as exc:
        raise AuthRejected(f"The stored key cannot be used. {exc}") from exc
    if isinstance(key, rsa.RSAPrivateKey):
        return paramiko.RSAKey(key=key)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return paramiko.ECDSAKey(vals=(key, key.public_key()))
    return paramiko.Ed25519Key(file_obj=io.StringIO(_openssh(key)))


def _load(private_key: Secret, passphrase: Secret | None) -> PrivateKey:
    text = private_key.reveal().strip() + "\n"
    _refuse_other_things(text)
    word = passphrase.reveal().encode() if passphrase else None
    loader = serialization.load_ssh_private_key if "OPENSSH PRIVATE KEY" in text else serialization.load_pem_private_key
    try:
        key = loader(text.encode(), password=word)
    except (ValueError, TypeError, UnsupportedAlgorithm) as exc:
        # the library's text may hold parts of the key: neither shown nor chained
        raise _unreadable(text, exc, has_passphrase=word is not None) from None
    return _accepted(key)


def _refuse_other_things(text: str) -> None:
    if len(text) > LONGEST_KEY:
        raise ValueError("private_key: this is too long for a private key.")
    if text.startswith("PuTTY-User-Key-File"):
        raise ValueError("private_key: this is PuTTY's format. In PuTTYgen use Conversions, Export OpenSSH key.")
    if text.startswith(("ssh-", "ecdsa-", "---- BEGIN SSH2 PUBLIC")):
        raise ValueError("private_key: this is the public half. Paste the file without .pub.")
    if "PRIVATE KEY-----" not in text:
        raise ValueError("private_key: no key found. Paste the whole file, from -----BEGIN to END-----.")


def _unreadable(text: str, exc: Exception, *, has_passphrase: bool) -> ValueError:
    if isinstance(exc, TypeError) or (not has_passphrase and ("encrypted" in str(exc) or "ENCRYPTED" in text)):
        if has_passphrase:
            return ValueError("passphrase: the key has none. Leave the passphrase empty.")
        return ValueError("passphrase: the key is protected by one. Enter it.")
    if isinstance(exc, UnsupportedAlgorithm):
        return ValueError("private_key: this kind of key is not supported. Use ed25519, ECDSA or RSA.")
    if has_passphrase:
        return ValueError("passphrase: it does not open this key, or the key is damaged. Enter it again.")
    return ValueError("private_key: the key is damaged. Paste the whole file again.")


def _accepted(key: object) -> PrivateKey:
    if isinstance(key, ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        return key
    raise ValueError("private_key: this kind of key is not supported. Use ed25519, ECDSA or RSA.")


def _public_line(key: PrivateKey) -> str:
    public = key.public_key()
    try:
        line = public.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("private_key: this curve is not supported. Use ed25519, a NIST curve or RSA.") from None
    return line.decode()


def _openssh(key: PrivateKey) -> str:
    form = serialization.PrivateFormat.OpenSSH
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()
