"""portalcal as a user has it, a process each, against a Google that nobody of this house wrote with it in mind."""
