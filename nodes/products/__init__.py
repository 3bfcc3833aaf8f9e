"""What is known of the mail server: profile, ini editor. Pure."""
