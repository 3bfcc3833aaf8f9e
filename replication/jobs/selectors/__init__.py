"""The only builders of the queries that pages need."""
