"""Joining and leaving a cluster."""
