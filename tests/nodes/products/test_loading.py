"""Profiles from files: what extends what, and mistakes told with file, entry and remedy."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nodes.products.loading import ProfileError, load_profile, profile_names
from nodes.products.profile import Effect, PathClass, Source

RULE = '[[path]]\npatterns = ["App/x.dat"]\nclass = "config"\nsource = "vendor"\n'


def write(folder: Path, text: str, name: str = "own") -> Path:
    path = folder / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_shipped_profile_is_complete():
    profile = load_profile("mdaemon")
    assert (profile.name, profile.label) == ("mdaemon", "MDaemon")
    assert (profile.semaphore_folder, profile.lock_semaphore) == ("App", "LOCKSEMS.SEM")
    assert (profile.stable_seconds, profile.settle_retries, profile.clock_limit_seconds) == (2.0, 3, 300.0)
    assert (profile.file_bytes, profile.total_bytes) == (64 * 2**20, 4 * 2**30)


def test_an_own_profile_extends_the_shipped_one(tmp_path: Path):
    write(
        tmp_path,
        'extends = "mdaemon"\nlabel = "Demo"\n[timing]\nstable_seconds = 1\n'
        '[[path]]\npatterns = ["App/*.dat", "Extra/**"]\nclass = "config"\n'
        'source = "assumed"\nsemaphore = "ALIAS.SEM"\n'
        '[[folder]]\nrole = "users"\nlabel = "Mail"\ndefault = "Mail"\nclass = "volatile"\nsource = "assumed"\n',
    )
    profile, base = load_profile("own", str(tmp_path)), load_profile("mdaemon")
    assert (profile.name, profile.label, profile.stable_seconds) == ("own", "Demo", 1.0)
    assert profile.settle_seconds == base.settle_seconds
    assert profile.classify("App/Userlist.dat").semaphore == "ALIAS.SEM"  # its own entries come first
    assert profile.classify("Extra/a/b").effect == Effect.SEMAPHORE
    assert profile.classify("App/X.SEM").path_class == PathClass.NEVER
    assert [rule.default for rule in profile.folders if rule.role == "users"] == ["Mail"]
    assert len(profile.folders) == len(base.folders)
    assert profile_names(str(tmp_path)) == ("mdaemon", "own")


def test_an_own_file_of_a_shipped_name_takes_its_place_and_may_extend_it(tmp_path: Path):
    write(tmp_path, 'extends = "mdaemon"\nlabel = "Ours"\n', "mdaemon")
    profile = load_profile("mdaemon", str(tmp_path))
    assert profile.label == "Ours"
    assert profile.rules == load_profile("mdaemon").rules


def test_a_profile_may_stand_by_itself(tmp_path: Path):
    write(tmp_path, f'label = "Small"\n{RULE}effect = "restart-service"\nini = true\nsecret = true\ngroup = 7\n')
    profile = load_profile("own", str(tmp_path))
    (rule,) = profile.rules
    assert (rule.ruling.group, rule.ruling.ini, rule.ruling.secret, rule.source) == (7, True, True, Source.VENDOR)
    assert profile.classify("App/x.dat").effect == Effect.RESTART_SERVICE
    assert profile.skip_folders() == ()
    assert profile.with_overrides([("y", "config")]).classify("y").semaphore is None


@pytest.mark.parametrize("name", ["none", "../own", "", "a/b", "OWN", "x" * 100])
def test_an_unknown_profile_is_refused_with_the_known_ones(tmp_path: Path, name: str):
    write(tmp_path, 'label = "x"\n')
    with pytest.raises(ProfileError, match="use one of: mdaemon, own"):
        load_profile(name, str(tmp_path))


def test_profiles_that_extend_each_other_are_refused(tmp_path: Path):
    write(tmp_path, 'extends = "two"\n', "one")
    write(tmp_path, 'extends = "one"\n', "two")
    with pytest.raises(ProfileError, match="leads back here"):
        load_profile("one", str(tmp_path))


FOLDER = '[[folder]]\nrole = "r"\nlabel = "l"\ndefault = "D"\nclass = "volatile"\nsource = "guide"\n'
REGISTRY = '[[registry]]\nfact = "version"\nkey = "k"\nvalue = "v"\n'


@pytest.mark.parametrize(
    ("text", "place", "remedy"),
    [
        ('label = "x\n', "no valid TOML: .*line 1", "Mend"),
        ("", "label: is missing", "give the product a name"),
        ("label = 5\n", "label: '5' is not a text", "give a text"),
        ('label = "x"\ncolour = "red"\n', "colour: is not known", "use only: .*label"),
        ('extends = "none"\n', "no profile 'none'", "use one of"),
        ('label = "x"\nlock_semaphore = "lock"\n', "lock_semaphore: 'lock'", "write it like"),
        ('label = "x"\nsemaphore_folder = "/App"\n', "semaphore_folder", "write it like App"),
        ('label = "x"\ntiming = 3\n', "timing: '3' is not a table", "give a table"),
        (
            'label = "x"\n[timing]\nstable_seconds = "2"\n',
            r"\[timing\]: stable_seconds: '2'",
            "number from 0.0 to 60.0",
        ),
        ('label = "x"\n[timing]\nstable_seconds = true\n', r"\[timing\]: stable_seconds: 'True'", "give a number"),
        ('label = "x"\n[timing]\nstable_seconds = nan\n', r"stable_seconds: nan is out of range", "give a number"),
        ('label = "x"\n[timing]\nsettle_retries = 1.5\n', "settle_retries: '1.5'", "give a whole number"),
        ('label = "x"\n[timing]\nsettle_retries = -1\n', "settle_retries: -1 is out of range", "from 0 to 20"),
        ('label = "x"\n[timing]\nspeed = 1\n', r"\[timing\]: speed: is not known", "use only"),
        ('label = "x"\n[brakes]\nshrink_share = 2\n', r"\[brakes\]: shrink_share", "from 0.0 to 1.0"),
        ('label = "x"\n[limits]\nfile_mb = 0\n', r"\[limits\]: file_mb: 0 is out", "a whole number from 1 to 65536"),
        ('label = "x"\n[limits]\ntotal_mb = 0.5\n', r"\[limits\]: total_mb: '0.5'", "a whole number from 1"),
        ('label = "x"\n[limits]\nfiles = 9\n', r"\[limits\]: files: is not known", "file_mb, total_mb"),
        ('label = "x"\npath = 1\n', "path: '1' is not entries", r"written as \[\[path\]\]"),
        ('label = "x"\npath = [1]\n', "path: is not a list of tables", r"write each entry as \[\[path\]\]"),
        (f'label = "x"\n{RULE}{RULE}colour = 1\n', r"\[\[path\]\] number 2: colour: is not known", "use only: class"),
        (
            f'label = "x"\n{RULE}'.replace("config", "konfig"),
            "number 1: class: there is no 'konfig'",
            "use one of: config",
        ),
        (f'label = "x"\n{RULE}'.replace("vendor", "operator"), "source: there is no 'operator'", "use one of: guide"),
        (f'label = "x"\n{RULE}'.replace("App/x.dat", "**.sem"), r"patterns: '\*\*\.sem'", r"write \*\*/\*\.sem"),
        (f'label = "x"\n{RULE}'.replace('["App/x.dat"]', "[]"), "patterns: is not a list of texts", "at least one"),
        (f'label = "x"\n{RULE}'.replace('["App/x.dat"]', "[1]"), "patterns: is not a list of texts", "at least one"),
        (f'label = "x"\n{RULE}'.replace('patterns = ["App/x.dat"]\n', ""), "patterns: is missing", "give a list"),
        (f'label = "x"\n{RULE}semaphore = "../X.SEM"\n', "semaphore: '../X.SEM'", "write it like USERLIST.SEM"),
        (
            f'label = "x"\n{RULE}semaphore = "X.SEM"\neffect = "none"\n',
            "effect: 'none'",
            "either a semaphore or an effect",
        ),
        (f'label = "x"\n{RULE}effect = "semaphore"\n', "effect: 'semaphore'", "either a semaphore or an effect"),
        (f'label = "x"\n{RULE}ini = 1\n', "ini: '1' is not true or false", "give true or false"),
        (f'label = "x"\n{FOLDER}'.replace('"D"', '"D/*"'), r"\[\[folder\]\] number 1: default", "write it like"),
        (f'label = "x"\n{FOLDER}key_source = "x"\n', "key_source: there is no 'x'", "use one of"),
        (f'label = "x"\n{REGISTRY}', r"\[\[registry\]\] number 1: source: is missing", "give a text"),
    ],
)
def test_a_mistake_is_told_with_file_entry_and_remedy(tmp_path: Path, text: str, place: str, remedy: str):
    path = write(tmp_path, text)
    with pytest.raises(ProfileError) as caught:
        load_profile("own", str(tmp_path))
    message = str(caught.value)
    assert re.search(place, message) and re.search(remedy, message), message
    assert str(path) in message or "no profile" in message


def test_files_that_cannot_be_read_are_told(tmp_path: Path):
    (tmp_path / "own.toml").write_bytes(b'label = "\xff"\n')
    with pytest.raises(ProfileError, match=r"own\.toml: not UTF-8 at byte 9"):
        load_profile("own", str(tmp_path))
