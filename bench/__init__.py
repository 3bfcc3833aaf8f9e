"""The benchmarks: `./run bench NAME` measures a whole portal on real nodes, beside rsync on the same nodes.

Everything runs on this machine: the portal as `./run up` starts it, an sshd a node, trees on a file system in memory.
What is measured and how to read it stands in `docs/performance.md`, whose tables this package writes.
"""
