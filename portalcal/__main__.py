"""The program: `portalcal`, or `python -m portalcal`."""

import gc

# A start makes many objects and drops few, so that collecting garbage meanwhile costs a tenth of it (measured) and
# finds nothing. Long-running commands still collect, only less often.
gc.set_threshold(100_000, 20, 20)

from portalcal.cli.app import main  # noqa: E402

if __name__ == "__main__":
    main()
