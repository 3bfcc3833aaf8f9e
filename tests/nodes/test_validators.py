"""What may be called a server, an address, a folder: accepted forms and refused ones, each with a remedy."""

import pytest
from django.core.exceptions import ValidationError

from nodes import validators

PRINT = "SHA256:" + "a" * 43


@pytest.mark.parametrize("name", ["MAIL1", "mail-1", "mail1.example.com", "a", "x" * 63, "srv_2", "1und1"])
def test_host_names_that_are_taken(name):
    assert validators.host_name(f" {name} ") == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "-mail",
        "mail-",
        "mail 1",
        "mail..de",
        ".mail",
        "x" * 64,
        "m\u00e4il",
        "10.0.0.1",
        "1234",
        "a/b",
        "a\0b",
        "a\nb",
        "a;b",
    ],
)
def test_host_names_that_are_refused(name):
    with pytest.raises(ValidationError):
        validators.host_name(name)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("::1", "::1"),
        ("2001:DB8::0001", "2001:db8::1"),
        ("Mail1.Example.COM.", "mail1.example.com"),
        ("MAIL1", "mail1"),
        ("xn--mil-7qa.example", "xn--mil-7qa.example"),
    ],
)
def test_addresses_that_are_taken(given, kept):
    assert validators.address(given) == kept


@pytest.mark.parametrize(
    ("given", "remedy"),
    [
        ("", "Give the IP address"),
        ("ssh://mail1", "bare host"),
        ("root@mail1", "bare host"),
        ("mail1/share", "bare host"),
        ("\\\\mail1", "bare host"),
        ("-oProxyCommand=x", "hyphen"),
        ("mail 1", "spaces"),
        ("mail\t1", "spaces"),
        ("mail1:22", "field of its own"),
        ("[::1]", "without brackets"),
        ("[::1]:22", "without brackets"),
        ("256.1.1.1", "looks like an IP"),
        ("10.1", "looks like an IP"),
        ("0.0.0.0", "one server"),
        ("224.0.0.1", "one server"),
        ("255.255.255.255", "one server"),
        ("m\u00e4il.de", "xn--"),
        ("a" * 64 + ".de", "letters"),
        (".".join(["a" * 60] * 5), "253"),
        ("mail1\0", "letters"),
        ("$(id)", "letters"),
    ],
)
def test_addresses_that_are_refused(given, remedy):
    with pytest.raises(ValidationError, match=remedy):
        validators.address(given)


@pytest.mark.parametrize("number", [1, 22, 65535])
def test_ports_that_are_taken(number):
    assert validators.port(number) == number


@pytest.mark.parametrize("number", [0, -1, 65536, True, "22", 22.0, None])
def test_ports_that_are_refused(number):
    with pytest.raises(ValidationError, match="65535"):
        validators.port(number)


@pytest.mark.parametrize(
    ("given", "platform", "kept"),
    [
        (r"C:\MDaemon", "windows", r"C:\MDaemon"),
        ("c:/MDaemon/", "windows", r"c:\MDaemon"),
        (r"D:\Program Files\MDaemon\\", "windows", r"D:\Program Files\MDaemon"),
        (r"\\nas\mail\MDaemon", "windows", r"\\nas\mail\MDaemon"),
        (r"\\nas\mail", "windows", r"\\nas\mail"),
        ("/srv/md", "posix", "/srv/md"),
        ("//srv//md/", "posix", "/srv/md"),
        ("/srv/has space", "posix", "/srv/has space"),
    ],
)
def test_installation_folders_that_are_taken(given, platform, kept):
    assert validators.install_root(given, platform) == kept


@pytest.mark.parametrize(
    ("given", "platform", "remedy"),
    [
        ("", "posix", "installation folder"),
        ("srv/md", "posix", "absolute"),
        ("/", "posix", "not the root"),
        ("/srv/../etc", "posix", "without"),
        ("/srv/./md", "posix", "without"),
        ("/srv\0/md", "posix", "NUL"),
        ("/srv\n/md", "posix", "line break"),
        ("/" + "a" * 400, "posix", "400"),
        ("MDaemon", "windows", "absolute"),
        ("C:MDaemon", "windows", "absolute"),
        ("/srv/md", "windows", "absolute"),
        ("C:\\", "windows", "whole drive"),
        (r"C:\MDaemon\..\Windows", "windows", "without"),
        (r"C:\MDaemon:stream", "windows", "colon"),
        (r"C:\MD*", "windows", "holds none"),
        (r"C:\MDaemon \App", "windows", "ends neither"),
        (r"\\nas", "windows", "absolute"),
        (r"\\nas\..\x", "windows", "share|absolute|without"),
    ],
)
def test_installation_folders_that_are_refused(given, platform, remedy):
    with pytest.raises(ValidationError, match=remedy):
        validators.install_root(given, platform)


@pytest.mark.parametrize("text", [PRINT, f" {PRINT} ", f"256 {PRINT} root@mail1 (ED25519)", f"{PRINT}="])
def test_fingerprints_as_people_paste_them(text):
    assert validators.fingerprint(text) == PRINT


@pytest.mark.parametrize("text", ["", "SHA256:short", "aa:bb", ":".join(["aa"] * 16), "ssh-ed25519 AAAAnonsense"])
def test_fingerprints_that_are_refused_name_the_remedy(text):
    with pytest.raises(ValidationError, match=r"SHA256|\.pub"):
        validators.fingerprint(text)


@pytest.mark.parametrize(
    ("given", "kept"), [("App/*.dat", "App/*.dat"), ("App\\Lists\\**", "App/Lists/**"), ("**/*.grp", "**/*.grp")]
)
def test_patterns_that_are_taken(given, kept):
    assert validators.path_pattern(given) == kept


@pytest.mark.parametrize("given", ["", "/etc/*", "C:\\x", "a//b", "../x", "a/../b", "a\0b", "**", "x" * 401])
def test_patterns_that_are_refused(given):
    with pytest.raises(ValidationError):
        validators.path_pattern(given)


@pytest.mark.parametrize("text", ["", "x" * 64, "a\nb", "a\0b"])
def test_titles_that_are_refused(text):
    with pytest.raises(ValidationError):
        validators.title(text)


@pytest.mark.parametrize("text", ["\uff4d\uff41\uff49\uff4c", "\u00a0mail\u2003", "mai\u2113"])
def test_a_title_has_one_spelling(text):
    """Two that only differ in the width of their letters would pass beside each other."""
    assert validators.title(text) == "mail"


@pytest.mark.parametrize("text", ["\ufdfa" * 4, "\u00a0"])
def test_a_title_is_measured_in_its_one_spelling(text):
    with pytest.raises(ValidationError):
        validators.title(text)


@pytest.mark.parametrize("text", ["", "-l root", "a\nb", "x" * 105])
def test_user_names_that_are_refused(text):
    with pytest.raises(ValidationError):
        validators.username(text)


@pytest.mark.parametrize("text", ["root", "DOMAIN\\portal", "portal@example.com", "J\u00fcrgen"])
def test_user_names_that_are_taken(text):
    assert validators.username(text) == text


def test_checks_gather_every_complaint_by_field():
    checks = validators.FieldErrors()
    checks("name", validators.host_name, "-")
    checks("port", validators.port, 0)
    checks("address", validators.address, "10.0.0.1")
    with pytest.raises(ValidationError) as caught:
        checks.finish()
    assert set(caught.value.message_dict) == {"name", "port"}
