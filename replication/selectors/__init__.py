"""The queries that pages, the API and the engine need."""
