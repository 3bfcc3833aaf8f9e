"""Pages that show a whole cluster or server."""
