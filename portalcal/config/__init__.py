"""config.toml: its model, its loader, and the typed TOML reader."""
