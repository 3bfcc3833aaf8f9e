"""What the portal's own temporary names on a node begin with. No listing takes them for configuration; the product
profiles and the advice on antivirus in docs/windows.md name them, too."""

PREFIX = ".cp~"
