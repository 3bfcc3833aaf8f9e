"""Template tags about jobs."""
