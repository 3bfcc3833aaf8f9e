"""How the portal logs in: sealed credentials, the lines that let a key in, rotation of the sealing keys."""
