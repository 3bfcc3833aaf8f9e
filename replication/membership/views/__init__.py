"""Pages of joining and leaving."""
