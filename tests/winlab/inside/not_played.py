"""Stands where Wine has a program that does nothing and reports success: nobody shall take that for the real one."""

import sys

sys.stderr.write("winlab: this program is not played here\n")
sys.exit(99)
