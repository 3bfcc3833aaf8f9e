"""Nodes and the host keys they are known by."""
