"""REST for jobs, snapshots and conflicts."""
