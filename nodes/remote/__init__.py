"""The wire; the only room that imports paramiko."""
