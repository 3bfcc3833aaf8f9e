"""What people and jobs do to shared paths."""
