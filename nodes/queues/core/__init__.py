"""Queues as values: pure."""
