"""A demo cluster on this machine: SSH nodes with MDaemon-shaped trees and a stand-in for the mail server.

Nothing here is MDaemon, and nothing here runs in a real installation. Where MDaemon's own formats are public they are
followed (see each maker's docstring); names and keys that are not public are made up and say so.
"""
