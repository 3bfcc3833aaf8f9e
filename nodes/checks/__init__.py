"""The guide's rules, judged over what is known of a cluster's nodes."""
