"""Fingerprints and key pairs: what people paste, good and bad."""

from __future__ import annotations

import subprocess

import pytest

from nodes.remote.fingerprints import fingerprint_of, parse_fingerprint
from nodes.remote.keypairs import inspect_private_key, make_key_pair, signing_key
from nodes.remote.target import SshTarget
from nodes.secret import Secret
from tests.tools import tool

GOOD = "SHA256:" + "Ab+/" * 10 + "xyz"


@pytest.fixture
def keygen(tmp_path):
    """Keys as ssh-keygen makes them."""
    count = iter(range(100))

    def make(*options: str, passphrase: str = "") -> tuple[str, str, str]:
        path = tmp_path / f"key{next(count)}"
        subprocess.run(
            [tool("ssh-keygen"), "-q", "-N", passphrase, "-C", "a comment", "-f", str(path), *options], check=True
        )
        shown = subprocess.run(
            [tool("ssh-keygen"), "-l", "-f", str(path)], check=True, capture_output=True, text=True
        ).stdout
        return path.read_text(), path.with_suffix(".pub").read_text(), shown

    return make


@pytest.mark.parametrize("options", [("-t", "ed25519"), ("-t", "rsa"), ("-t", "ecdsa"), ("-t", "ecdsa", "-b", "521")])
def test_fingerprints_and_keys_agree_with_ssh_keygen(keygen, options):
    private, public, shown = keygen(*options)
    expected = shown.split()[1]
    kind, blob = public.split()[:2]
    assert fingerprint_of(kind, blob) == expected
    assert parse_fingerprint(shown) == parse_fingerprint(public) == parse_fingerprint(expected) == expected
    info = inspect_private_key(Secret(private), None)
    assert (info.public, info.kind, info.fingerprint) == (f"{kind} {blob}", kind, expected)


@pytest.mark.parametrize("options", [("-t", "ed25519"), ("-t", "rsa", "-m", "PEM"), ("-t", "ecdsa", "-m", "PKCS8")])
def test_protected_keys_open_with_their_passphrase_only(keygen, options):
    private, public, _ = keygen(*options, passphrase="pass words")
    info = inspect_private_key(Secret(private), Secret("pass words"))
    assert info.public == " ".join(public.split()[:2])
    with pytest.raises(ValueError, match="passphrase: the key is protected"):
        inspect_private_key(Secret(private), None)
    with pytest.raises(ValueError, match="passphrase: it does not open"):
        inspect_private_key(Secret(private), Secret("other"))


def test_unneeded_passphrase_is_told(keygen):
    for options in (("-t", "ed25519"), ("-t", "rsa", "-m", "PEM")):
        private, _, _ = keygen(*options)
        with pytest.raises(ValueError, match="passphrase"):
            inspect_private_key(Secret(private), Secret("not needed"))


def test_made_pair_is_usable_and_hides_its_private_half(keygen, tmp_path):
    pair = make_key_pair("portal at node")
    assert inspect_private_key(pair.private, None).fingerprint == pair.fingerprint
    assert pair.public.startswith("ssh-ed25519 AAAA")
    assert pair.public.endswith(" portal at node")
    path = tmp_path / "made"
    path.write_text(pair.private.reveal())
    path.chmod(0o600)
    public = subprocess.run(
        [tool("ssh-keygen"), "-y", "-f", str(path)], check=True, capture_output=True, text=True
    ).stdout
    assert public.split()[:2] == pair.public.split()[:2]
    assert "PRIVATE" not in repr(pair)


@pytest.mark.parametrize("comment", ["two\nlines", "c" * 201, "bell\a"])
def test_comment_that_would_break_the_line_is_refused(comment):
    with pytest.raises(ValueError, match="comment:"):
        make_key_pair(comment)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no key found"),
        ("hello", "no key found"),
        ("PuTTY-User-Key-File-3: ssh-ed25519\n...", "PuTTY"),
        ("ssh-ed25519 AAAAC3Nz me", "public half"),
        ("x" * 70_000, "too long"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----", "damaged"),
        ("-----BEGIN PRIVATE KEY-----\n!!!!\n-----END PRIVATE KEY-----", "damaged"),
        ("-----BEGIN RSA PRIVATE KEY-----\n\u00e4\n-----END RSA PRIVATE KEY-----", "damaged"),
    ],
)
def test_what_is_no_private_key_is_refused_with_the_remedy(text, words):
    with pytest.raises(ValueError, match=f"private_key: .*{words}"):
        inspect_private_key(Secret(text), None)


def test_weak_rsa_is_refused_and_what_was_stored_before_still_signs(keygen):
    private, _, _ = keygen("-t", "rsa", "-b", "2048")
    with pytest.raises(ValueError, match="3072"):
        inspect_private_key(Secret(private), None)
    assert signing_key(Secret(private), None).get_bits() == 2048


def test_no_error_repeats_the_key(keygen):
    private, _, _ = keygen("-t", "ed25519")
    damaged = private.replace("b3BlbnNzaC1rZXktdjE", "b3BlbnNzaC1rZXktdjF")
    with pytest.raises(ValueError, match="damaged") as caught:
        inspect_private_key(Secret(damaged), None)
    assert caught.value.__cause__ is None
    assert all(line not in str(caught.value) for line in private.splitlines()[1:-1])


@pytest.mark.parametrize("text", [GOOD, GOOD + "=", f"256 {GOOD} root@mx1 (ED25519)", f"  {GOOD}\n"])
def test_parse_fingerprint_takes_what_openssh_shows(text):
    assert parse_fingerprint(text) == GOOD


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no host key"),
        (GOOD[:-1], "no host key"),
        (GOOD + "x", "no host key"),
        (GOOD.lower(), "no host key"),
        ("MD5:" + ":".join(["ab"] * 16), "MD5"),
        (":".join(["ab"] * 16), "MD5"),
        ("ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIAAA", "no ssh-rsa key"),
        ("ssh-rsa AAAA!", "base64"),
        ("\0" * 5000, "no host key"),
    ],
)
def test_parse_fingerprint_refuses_the_rest(text, words):
    with pytest.raises(ValueError, match=words):
        parse_fingerprint(text)


def test_target_shows_no_secret():
    target = SshTarget("mx1", 22, "admin", Secret("hush-1"), Secret("hush-2"), Secret("hush-3"), GOOD)
    assert "hush" not in repr(target) + str(target)
    assert target.endpoint == ("mx1", 22)
