"""What the portal's own temporary names on a node begin with. No listing takes them for configuration; the product
profiles and the README's advice on antivirus name them, too."""

PREFIX = ".cp~"
