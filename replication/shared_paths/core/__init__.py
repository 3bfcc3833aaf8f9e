"""Plans and edits of shared paths: pure."""
