"""Calendar API of the simulator: calendars, events, recurrence, free/busy."""
