"""Builds one node's installation folder, several hundred files as a small MDaemon would have them.

Public names are used where they are known. Made up for the demo, because not public: which file holds the domains and
the content filter's rules, the keys of registration, host name, folders and mail routing, and all binary formats.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from demo import content
from demo.content import Account

VERSION = "26.0.3"
DOMAINS = ("harbour.example", "mill.example", "orchard.example")
DESKS = (
    "postmaster",
    "sales",
    "support",
    "billing",
    "press",
    "hr",
    "warehouse",
    "reception",
    "it-desk",
    "legal",
    "planning",
    "purchasing",
    "quality",
    "returns",
)
PROGRAMS = (
    "MDaemon.exe",
    "CFEngine.exe",
    "MDLaunch.exe",
    "ASMCUI.exe",
    "MDSpamD.exe",
    "MDConfig.exe",
    "MDUser.dll",
    "MDAPI.dll",
    "CFAPI.dll",
)
QUEUES = (
    "Raw",
    "Local",
    "Remote",
    "Inbound",
    "Retry",
    "LAN",
    "Bad",
    "Holding",
    "Quarantine",
)
FOLDERS = ("Users", "LockFiles", "PEM", "Archives", "Digests", "Gateways", "Queues", "Logs")
TOPICS = (
    "all",
    "staff",
    "announcements",
    "outages",
    "releases",
    "stocktaking",
    "deliveries",
    "complaints",
    "projects",
    "training",
    "safety",
    "canteen",
    "partners",
    "suppliers",
    "auditors",
    "board",
    "newsletter",
    "weekly",
    "shifts",
    "parking",
)
FIRST_DAY_NS = 1_760_000_000 * 10**9  # files of a fresh tree are dated from here on

File = tuple[str, bytes]


@dataclass(frozen=True, slots=True)
class NodeTree:
    """What makes one node's tree its own. `behind`: its configuration is older than the primary's, as a server's is
    that was installed first and joins later. `home`: how its own files spell the installation folder."""

    host_name: str
    address: str
    registration: str
    seed: str = "demo"
    behind: bool = False
    home: str = "C:\\MDaemon"

    def spelled(self, *names: str) -> str:
        """A folder within, as its files spell it."""
        separator = "/" if self.home.startswith("/") else "\\"
        return separator.join([self.home, *names, ""])


def accounts() -> tuple[Account, ...]:
    """Every mailbox of the demo."""
    return tuple(
        Account(desk, domain, f"{desk.title()} desk ({domain.partition('.')[0]})")
        for domain in DOMAINS
        for desk in DESKS
    )


def build(root: Path, tree: NodeTree) -> int:
    """Write the tree beneath `root`, which must not exist. Returns the number of files."""
    rng = random.Random(tree.seed)
    count = 0
    for path, data in _files(tree):
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        modified = FIRST_DAY_NS + rng.randrange(10**7) * 10**9 + rng.randrange(10**7) * 100
        os.utime(target, ns=(modified, modified))
        count += 1
    for folder in ("LockFiles", "Updates", "Logs/OldLogs", "Digests", *(f"Queues/{queue}" for queue in QUEUES)):
        (root / folder).mkdir(parents=True, exist_ok=True)
    return count


def _files(tree: NodeTree) -> Iterator[File]:
    yield "App/MDaemon.ini", mdaemon_ini(tree)
    yield from _accounts_and_domains(tree)
    yield from _lists(tree)
    yield from _answers_and_templates(tree)
    yield from _screening_and_filter(tree)
    yield from _webmail(tree)
    yield from _programs(tree)
    yield from _mail(tree)
    yield from _rest(tree)


def mdaemon_ini(tree: NodeTree) -> bytes:
    """MDaemon.ini with what is each server's own (host name, address, key) and what is the cluster's."""
    folders = {name: tree.spelled(name) for name in FOLDERS}
    folders["Public"] = tree.spelled("Public Folders")
    limits = "10" if tree.behind else "25"
    sections = {
        "Registration": {"RegistrationKey": tree.registration, "Owner": "Demo licence, not a real one"},
        "Special": {"IMAPKeywordFlags": "Yes", "IMAPFolderDelimiter": "/", "RelayAliasedMail": "No"},
        "Domain": {"HostName": tree.host_name, "DomainName": DOMAINS[0], "IP": tree.address},
        "Directories": folders,
        "Server": {"MaxSMTPSessions": limits, "SMTPTimeout": "30", "Greeting": "Grüße vom $HOSTNAME$", "Retry%": "80%"},
        "Advanced": {"DynamicQueueing": "Yes"},
        "Routing": {"MultiNode": "No"},
        "AttachmentLinking": {"Enabled": "No"},
        "AutoUpdate": {"Install": "No"},
    }
    return content.ini(sections, comment="MDaemon.ini of the demo, made up where MDaemon's own is not public")


def _accounts_and_domains(tree: NodeTree) -> Iterator[File]:
    people = accounts()[: -len(DESKS)] if tree.behind else accounts()
    yield "App/Userlist.dat", content.user_list(people, tree.seed)
    yield "App/Domains.dat", content.ini({domain: _domain(index) for index, domain in enumerate(DOMAINS)})
    yield "App/Groups.dat", content.ini({f"Group{n}": {"Name": topic} for n, topic in enumerate(TOPICS[:8])})
    yield "App/Alias.dat", content.lines(f"{topic}@{DOMAINS[0]} = sales@{DOMAINS[1]}" for topic in TOPICS)
    yield "App/Forward.dat", content.lines(f"reception@{domain}=support@{domain}" for domain in DOMAINS)
    yield "App/GateWays.dat", content.ini({"branch.example": {"Enabled": "Yes", "Host": "192.0.2.44"}})
    yield "App/MultiPOP.dat", content.ini({f"support@{DOMAINS[0]}": {"Server": "pop.example.net", "Enabled": "No"}})
    yield "App/Schedule.dat", content.ini({"Remote": {"Every": "5", "Days": "1234567"}})
    yield (
        "App/NEWUSERHELP.DAT",
        content.lines(["Willkommen, $USERNAME$!", "Your mailbox is ready.", "Überblick: /help"]),
    )


def _domain(index: int) -> dict[str, str]:
    return {
        "MaxUsers": "0",
        "MaxLists": "0",
        "IP": f"192.0.2.{10 + index}",
        "Bind": "No",
        "MaxInactive": "0",
        "MaxMessageAge": "0",
        "RecurseIMAP": "No",
        "EnableAntiVirus": "Yes",
        "EnableAntiSpam": "Yes",
    }


def _lists(tree: NodeTree) -> Iterator[File]:
    people = [account.address for account in accounts()]
    for index, domain in enumerate(DOMAINS):
        for topic in TOPICS[: 12 if tree.behind else None]:
            members = people[index :: 3 if topic != "all" else 1]
            yield f"App/{topic}@{domain}.grp", content.mailing_list(topic, domain, members)
    yield "App/Größere Räume@harbour.example.grp", content.mailing_list("rooms", DOMAINS[0], people[:4])
    if tree.behind:
        yield f"App/only on {tree.host_name}.grp", content.mailing_list("local", DOMAINS[0], people[:2])


def _answers_and_templates(tree: NodeTree) -> Iterator[File]:
    greeting = "Danke für Ihre Nachricht." if tree.behind else "Danke für Ihre Nachricht. Wir antworten bis morgen."
    for desk in DESKS:
        yield f"App/{desk}.rsp", content.response_script(f"Re: {desk}", greeting)
    for name in ("WelcomeMsg", "DeliveryError", "DeliveryWarning", "ListSubscribe", "ListUnsubscribe", "Receipt"):
        yield f"App/{name}.dat", content.lines([f"Subject: {name}", "", "$MESSAGEID$", "Gruß, MAILER-DAEMON"])
        yield f"App/{name}.SMP", content.lines([f"; sample of {name}"])
    for number, name in enumerate(("New Accounts", "Sales", "External", "Archive only")):
        folder = tree.spelled("Users", "$DOMAIN$", "$MAILBOX$")
        yield f"App/Templates/{name}.tpl", content.utf16_ini({"Template": {"Order": str(number), "MailDir": folder}})


def _screening_and_filter(tree: NodeTree) -> Iterator[File]:
    rules = {f"Rule{n}": {"Name": f"Park {kind}", "Enable": "Yes"} for n, kind in enumerate(("exe", "scr", "js"), 1)}
    yield "App/CFRules.dat", content.ini(rules)
    yield "App/CFilter.ini", content.ini({"General": {"Enable": "Yes", "Quarantine": "Yes"}})
    for name in (
        "IPScreen",
        "HostScreen",
        "IPShield",
        "TrustedHosts",
        "TrustedIPs",
        "LANIPs",
        "LANDomains",
        "Priority",
    ):
        yield f"App/{name}.dat", content.lines(f"192.0.2.{n} ; {name} {n}" for n in range(3 if tree.behind else 9))
    for number in range(60):
        rule = [f"header DEMO_{number} Subject =~ /offer {number}/i", f"score DEMO_{number} {number / 10}"]
        yield f"SpamAssassin/rules/{number:02d}_demo.cf", "\n".join([*rule, ""]).encode()
    yield "SpamAssassin/rules/local.cf", b"required_score 5.0\nreport_safe 0\n"


def _webmail(tree: NodeTree) -> Iterator[File]:
    yield "WorldClient/WorldClient.ini", content.ini({"Session": {"CheckCookie": "Yes", "CheckIP": "No"}})
    yield "WorldClient/Domains.ini", content.ini({domain: {"Theme": "LookOut", "Language": "de"} for domain in DOMAINS})
    yield "WebAdmin/WebAdmin.ini", content.ini({"WebServer": {"Port": "1000", "SSL": "Yes"}})
    for language in ("de", "en", "fr", "it"):
        for name in ("index", "login", "help", "terms", "calendar", "contacts"):
            text = f"<p>{name} ({language}): für alle Domänen</p>"
            yield f"WorldClient/Templates/{language}/{name}.html", content.page(name, text)


def _programs(tree: NodeTree) -> Iterator[File]:
    for name in PROGRAMS:
        yield f"App/{name}", content.program(name, tree.seed, size=20_000)
    yield "WorldClient/WorldClient.exe", content.program("WorldClient.exe", tree.seed)
    for name in ("DynamicScreen", "Greylist", "SecurePasswords", "AttachmentLinks"):
        yield f"App/{name}.db", content.database(name, tree.seed + tree.host_name)


def _mail(tree: NodeTree) -> Iterator[File]:
    for account in accounts():
        box = f"Users/{account.domain}/{account.mailbox}"
        for number in range(3):
            yield f"{box}/md5000000{number:04d}.msg", content.message(number, "partner@example.net", account.address)
        yield f"{box}/IMAP.MRK", content.imap_marks(3)
        yield f"{box}/Hiwater.mrk", content.ini({"Groupware": {"FolderClass": "IPF.Note"}})
        yield f"{box}/Sent Items.IMAP/Hiwater.mrk", content.ini({"Groupware": {"FolderClass": "IPF.Note"}})
    for name, kind in (("Contacts", "IPF.Contact"), ("Kalender", "IPF.Appointment"), ("Documents", "IPF.Document")):
        yield f"Public Folders/{name}.IMAP/Hiwater.mrk", content.ini({"Groupware": {"FolderClass": kind}})
        yield f"Public Folders/{name}.IMAP/pd50000000001.msg", content.message(1, "all@" + DOMAINS[0], name)
    yield "Queues/Raw/demo0001.raw", content.raw_message("it-desk@" + DOMAINS[0], "sales@" + DOMAINS[1], tree.host_name)


def _rest(tree: NodeTree) -> Iterator[File]:
    for name in ("mail", "webmail"):
        yield f"PEM/{name}.pem", content.pem("PRIVATE KEY", tree.seed + name + tree.host_name)
        yield f"PEM/{name}.crt", content.pem("CERTIFICATE", tree.seed + name)
    yield "LetsEncrypt/letsencrypt.ps1", content.lines(["param($AlternateHostNames, $To)", "# stand-in of the demo"])
    notes = f"<h1>MDaemon {VERSION} release notes (demo stand-in)</h1>"
    yield "Docs/RelNotes.html", content.page("Release notes", notes)
    yield "Docs/API/XML API/readme.html", content.page("XML API", "<p>See the vendor's own.</p>")
    yield "Gateways/branch.example/Hiwater.mrk", content.ini({"Groupware": {"FolderClass": "IPF.Note"}})
    yield "Digests/readme.txt", content.lines(["list digests are kept here"])
    yield "Backup/MDaemon.ini.20251001", mdaemon_ini(tree)
    for name in ("house rules.xyz", "printer.map"):
        yield f"App/{name}", content.lines(["a file that no profile knows: the operator sorts it"])
    banner = f"START Event Log / MDaemon PRO v{VERSION}, System log information"
    yield "Logs/MDaemon-2025-10-01-System.log", content.lines([banner, "-" * 79])
