"""INI and TOML files, and what they include, to raw sections."""
