"""portalcal connects a portal's scheduling to a Google Calendar. Importing this package imports nothing else."""

__version__ = "0.1.0"
