"""What portalcal knows without asking anybody: values in, values out. No clock, no I/O, no logging."""
