"""What any kind of job that touches files uses."""
