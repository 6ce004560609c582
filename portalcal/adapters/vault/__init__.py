"""Where refresh tokens and cached access tokens are kept."""
