"""The engine: it plans jobs and drives their targets, whatever their kind, and keeps their leases."""
