"""The clustering guide's rules, judged from facts and attestations."""
