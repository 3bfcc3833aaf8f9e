"""The lines that let the key in: they work in a real shell, and nothing from a form breaks out of its quotes."""

import subprocess

from nodes.credentials.authorized_keys import authorized_key_lines
from tests.tools import tool

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0 clusterportal-1"


def test_posix_lines_put_the_key_where_sshd_looks(tmp_path):
    lines = authorized_key_lines(public_key=KEY, username="portal").posix
    for _ in range(2):
        subprocess.run([tool("sh"), "-e"], input="\n".join(lines), text=True, env={"HOME": str(tmp_path)}, check=True)
    keys = tmp_path / ".ssh" / "authorized_keys"
    assert keys.read_text() == f"restrict {KEY}\n" * 2
    assert keys.stat().st_mode & 0o777 == 0o600
    assert keys.parent.stat().st_mode & 0o777 == 0o700


def test_hostile_text_stays_inside_its_quotes(tmp_path):
    hostile = "ssh-ed25519 AAAA '; touch $HOME/broken; echo '"
    lines = authorized_key_lines(public_key=hostile, username="x\ntouch $HOME/broken").posix
    subprocess.run([tool("sh")], input="\n".join(lines), text=True, env={"HOME": str(tmp_path)}, check=True)
    assert not (tmp_path / "broken").exists()
    assert (tmp_path / ".ssh" / "authorized_keys").read_text() == f"restrict {hostile}\n"


def test_windows_lines_quote_for_powershell():
    lines = authorized_key_lines(public_key="ssh-rsa AAAA it's \u2018so\u2019", username="CORP\\portal")
    value = "'restrict ssh-rsa AAAA it''s \u2018\u2018so\u2019\u2019'"
    assert lines.windows_administrator[4].endswith(value)
    assert lines.windows_user[2].endswith(value)
    assert "*S-1-5-32-544:F" in lines.windows_administrator[5]
