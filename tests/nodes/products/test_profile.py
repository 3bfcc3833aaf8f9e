"""The shipped profile: what each path of an MDaemon tree is, and who may change that."""

from __future__ import annotations

import time

import pytest

from nodes.products.errors import ProfileError
from nodes.products.loading import load_profile
from nodes.products.profile import Effect, FolderPath, PathClass, Profile, Source
from nodes.temp_names import PREFIX

MDAEMON = load_profile("mdaemon")

# semaphore files named in public sources; anything else would be an invention
PUBLIC_SEMAPHORES = {
    *("RELOADCACHE.SEM", "USERLIST.SEM", "GROUPS.SEM", "GRPLIST.SEM", "DOMAINS.SEM", "ALIAS.SEM", "GATEWAYS.SEM"),
    *("CFILTER.SEM", "MDSPAMD.SEM", "LOCKSEMS.SEM"),
}


@pytest.mark.parametrize(
    ("path", "path_class"),
    [
        ("App/MDaemon.ini", PathClass.CONFIG),
        ("app/mdaemon.INI", PathClass.CONFIG),
        ("App/Userlist.dat", PathClass.CONFIG),
        ("App/everyone@example.com.grp", PathClass.CONFIG),
        ("App/Away.rsp", PathClass.CONFIG),
        ("Templates/Welcome \u00fc.txt", PathClass.CONFIG),
        ("WorldClient/WorldClient.ini", PathClass.CONFIG),
        ("Users/example.com/frank/Inbox.IMAP/md5001.msg", PathClass.VOLATILE),
        ("Public Folders/x.IMAP/hiwater.mrk", PathClass.VOLATILE),
        ("LockFiles/x", PathClass.VOLATILE),
        ("Logs/MDaemon-2026-08-18-all.log", PathClass.VOLATILE),
        ("App/debug.log", PathClass.VOLATILE),
        ("Queues/Remote/pd1.msg", PathClass.VOLATILE),
        ("Backup/MDaemon.ini", PathClass.NODE_LOCAL),
        ("Docs/RelNotes.html", PathClass.BINARY),
        ("App/MDaemon.exe", PathClass.BINARY),
        ("LetsEncrypt/letsencrypt.ps1", PathClass.BINARY),
        ("Templates/evil.DLL", PathClass.BINARY),
        ("App/EXITNOW.SEM", PathClass.NEVER),
        ("App/EDITUSER.LCK", PathClass.NEVER),
        ("App/Userlist.dat.tmp", PathClass.NEVER),
        (f"App/{PREFIX}1f-2.grp", PathClass.CONFIG),
        ("PEM/example.com/dkim/private", PathClass.NEVER),
        ("Templates/server.key", PathClass.NEVER),
        ("CFilter/state.db", PathClass.NEVER),
        ("Users/a/Inbox.IMAP/IMAP.MRK", PathClass.NEVER),
        ("App/Unheard.dat", PathClass.UNCLASSIFIED),
        ("Stray.txt", PathClass.UNCLASSIFIED),
    ],
)
def test_paths_are_sorted(path: str, path_class: PathClass):
    assert MDAEMON.classify(path).path_class == path_class


@pytest.mark.parametrize(
    ("path", "semaphore"),
    [
        ("App/Userlist.dat", "USERLIST.SEM"),
        ("App/x.grp", "GRPLIST.SEM"),
        ("App/MDaemon.ini", "RELOADCACHE.SEM"),
        ("App/Away.rsp", None),
    ],
)
def test_a_change_is_announced_by_its_semaphore(path: str, semaphore: str | None):
    ruling = MDAEMON.classify(path)
    assert ruling.semaphore == semaphore
    assert ruling.effect == (Effect.SEMAPHORE if semaphore else Effect.NONE)


def test_lists_come_before_what_names_them():
    order = ["App/x.grp", "App/Userlist.dat", "App/MDaemon.ini"]
    groups = [MDAEMON.classify(path).group for path in order]
    assert groups == sorted(groups) and len(set(groups)) == len(groups)


def test_secrets_and_ini_files_are_marked():
    assert {path for path in ("App/Userlist.dat", "App/x.grp", "App/MDaemon.ini") if MDAEMON.classify(path).secret} == {
        "App/Userlist.dat",
        "App/x.grp",
    }
    assert MDAEMON.classify("App/MDaemon.ini").ini
    assert not MDAEMON.classify("App/Userlist.dat").ini


def test_only_semaphores_with_public_evidence_are_used():
    named = {rule.ruling.semaphore for rule in MDAEMON.rules} | {MDAEMON.fallback_semaphore, MDAEMON.lock_semaphore}
    assert named - {None} <= PUBLIC_SEMAPHORES


def test_only_ini_keys_with_public_evidence_are_named():
    assert [(rule.section, rule.key) for rule in MDAEMON.folders if rule.key] == [("Directories", "Raw")]


def test_the_seven_folders_of_the_guide_are_shared():
    assert [rule.label for rule in MDAEMON.folders if rule.shared] == [
        *("Mail folders", "Public folders", "Lock files", "Private keys", "Mail archives", "List digests", "Gateways")
    ]


def test_every_rule_says_where_it_comes_from():
    assert {rule.source for rule in MDAEMON.rules} == {*(Source.GUIDE, Source.VENDOR, Source.COMMUNITY, Source.ASSUMED)}


def test_an_operators_word_beats_the_profile():
    profile = MDAEMON.with_overrides(
        [("App/*.dat", "config"), ("App/Unheard.dat", "volatile"), ("Logs/keep/**", "config")]
    )
    assert profile.classify("App/Other.dat").path_class == PathClass.CONFIG
    assert profile.classify("App/Other.dat").semaphore == "RELOADCACHE.SEM"
    assert profile.classify("App/Other.dat").source == Source.OPERATOR
    assert profile.classify("app/unheard.DAT").path_class == PathClass.VOLATILE  # the more precise pattern
    assert profile.classify("Logs/keep/a").path_class == PathClass.CONFIG
    assert MDAEMON.classify("App/Other.dat").path_class == PathClass.UNCLASSIFIED


def test_what_is_known_of_a_file_stays_under_an_override():
    ruling = MDAEMON.with_overrides([("App/*", "config")]).classify("App/Userlist.dat")
    assert (ruling.secret, ruling.semaphore, ruling.group) == (True, "USERLIST.SEM", 40)
    assert MDAEMON.with_overrides([("**", "node-local")]).classify("App/x.grp").secret


@pytest.mark.parametrize("path", ["App/EXITNOW.SEM", "App/x.exe", "PEM/a", "App/x.tmp", "App/x.sqlite"])
@pytest.mark.parametrize("pattern", ["**", "{path}"])
def test_no_override_makes_config_of_what_must_never_be_written(path: str, pattern: str):
    profile = MDAEMON.with_overrides([(pattern.format(path=path), "config")])
    assert profile.classify(path) == MDAEMON.classify(path)


@pytest.mark.parametrize(
    ("pattern", "path_class", "message"),
    [("App\\x", "config", "write / between"), ("App/x", "Config", "use one of: config"), ("", "never", "empty")],
)
def test_bad_overrides_are_refused_with_the_remedy(pattern: str, path_class: str, message: str):
    with pytest.raises(ProfileError, match=message):
        MDAEMON.with_overrides([("App/fine", "config"), (pattern, path_class)])


def moved(role: str, inside: str) -> FolderPath:
    return FolderPath(role, role, f"C:\\MDaemon\\{inside}", "C:\\MDaemon\\x", "S", "k", "discovered", inside)


def test_folders_are_no_config_wherever_they_lie():
    profile = MDAEMON.with_folders([moved("users", "Templates/Mail"), moved("keys", "CFilter/Keys"), moved("logs", "")])
    assert profile.classify("templates/mail/a/b.msg").path_class == PathClass.VOLATILE
    assert profile.classify("CFilter/Keys/x").path_class == PathClass.NEVER
    assert profile.classify("Templates/x").path_class == PathClass.CONFIG
    assert "Templates/Mail" in profile.skip_folders()
    both = profile.with_overrides([("Templates/Mail/keep.txt", "config")])
    assert both.classify("Templates/Mail/keep.txt").path_class == PathClass.CONFIG
    assert both.classify("Templates/Mail/x.txt").path_class == PathClass.VOLATILE
    assert both.with_folders([]).classify("Templates/Mail/x.txt").path_class == PathClass.CONFIG


def test_folders_without_anything_to_do_need_no_listing():
    skipped = MDAEMON.skip_folders()
    assert {"Users", "Public Folders", "Logs", "Queues", "PEM", "Docs"} <= set(skipped)
    assert not {"App", "Templates", "WorldClient", "CFilter", "SpamAssassin"} & set(skipped)


@pytest.mark.parametrize("pattern", ["Logs/keep/*.txt", "logs/x", "L*/x", "**/*.txt", "Logs/**"])
def test_a_folder_with_something_to_do_is_listed(pattern: str):
    skipped = MDAEMON.with_overrides([(pattern, "config")]).skip_folders()
    assert "Logs" not in skipped
    assert "PEM" in skipped  # protected: nothing in it can become config


def test_an_overrides_folder_is_skipped_too():
    assert "App/Cache" in MDAEMON.with_overrides([("App/Cache/**", "volatile")]).skip_folders()


@pytest.mark.parametrize("profile", [MDAEMON, MDAEMON.with_overrides([("App/d1*/**", "config")])], ids=["plain", "own"])
def test_five_thousand_paths_are_sorted_quickly(profile: Profile):
    paths = [f"App/d{number % 50}/Some File {number}.dat" for number in range(5000)]
    started = time.process_time()
    for path in paths:
        profile.classify(path)
    assert time.process_time() - started < 0.5  # 0.02 here; a loaded machine may be slow
