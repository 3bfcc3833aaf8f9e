"""Backup, restore and what stored content is kept."""
