"""A browser for BROWSER to name: follows the address it is given to its end."""

from __future__ import annotations

import sys
import urllib.request

if __name__ == "__main__":
    with urllib.request.urlopen(sys.argv[1], timeout=120) as page:
        page.read()
