"""The engine: every kind of job is requested, planned, approved, driven and proven here."""
