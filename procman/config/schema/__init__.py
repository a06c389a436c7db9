"""Every option, declared once: its kind, help, default and effect."""
