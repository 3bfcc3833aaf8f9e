"""Runs inside Wine as a service's program: does nothing for an hour."""

import time

time.sleep(3600)
