"""What should run: from supervisord.conf or TOML to one typed, checked `Config`, or to every problem at once."""
