"""SSH servers that mean harm, for whatever must bound what a node may cost the others."""
