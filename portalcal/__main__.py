"""`python -m portalcal`."""

from portalcal.cli.app import main

if __name__ == "__main__":
    main()
