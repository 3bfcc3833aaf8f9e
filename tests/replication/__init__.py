"""The engine: claims, leases, takeovers, what people ask of jobs."""
