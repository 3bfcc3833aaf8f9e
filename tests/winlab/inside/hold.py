r"""Runs inside Wine: open a file so that nobody else may open it, and hold it until the input ends.

python hold.py PATH
"""

from __future__ import annotations

import ctypes
import sys
from ctypes import wintypes

READ, WRITE, OPEN_EXISTING, ORDINARY = 0x80000000, 0x40000000, 3, 0x80

kernel = ctypes.WinDLL("kernel32", use_last_error=True)
kernel.CreateFileW.restype = wintypes.HANDLE
handle = kernel.CreateFileW(sys.argv[1], READ | WRITE, 0, None, OPEN_EXISTING, ORDINARY, None)
if handle == wintypes.HANDLE(-1).value:
    sys.exit(f"cannot hold it: {ctypes.get_last_error()}")
sys.stdout.write("held\n")
sys.stdout.flush()
sys.stdin.read()
