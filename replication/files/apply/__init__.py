"""Make one node so: stage beside the target, verify, swap, tell the server. Nothing here knows jobs or rows."""
