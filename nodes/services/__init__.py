"""The only place that writes this room's rows. Every act checks who asks, validates, and is audited as it commits."""
