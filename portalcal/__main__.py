"""The program: `portalcal`, or `python -m portalcal`."""

import atexit
import gc

# A start makes many objects and drops few, so that collecting garbage meanwhile costs a tenth of it (measured) and
# finds nothing. Long-running commands still collect, only less often.
gc.set_threshold(100_000, 20, 20)
# At the end Python looks through all of them once more, a fifth of a short command (measured), though the process
# gives them back anyhow. What has to be closed is closed by then: nothing here waits to be collected for that.
atexit.register(gc.freeze)

from portalcal.cli.app import main  # noqa: E402

if __name__ == "__main__":
    main()
