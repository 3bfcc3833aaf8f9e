"""The only writers of rows."""
