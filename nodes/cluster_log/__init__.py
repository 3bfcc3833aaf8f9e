"""The portal's own lines, in the form of MDaemon's cluster log."""
