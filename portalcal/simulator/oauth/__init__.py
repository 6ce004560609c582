"""OAuth endpoints of the simulator: consent, tokens, grants."""
