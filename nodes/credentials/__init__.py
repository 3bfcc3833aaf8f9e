"""Sealed credentials: how the portal logs in to nodes."""
