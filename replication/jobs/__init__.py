"""One runner a kind of job, all of one shape."""
