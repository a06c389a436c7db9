"""What to do next. No I/O, no clock, no asyncio and no logging: events in, actions out."""
