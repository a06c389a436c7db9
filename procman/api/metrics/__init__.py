"""The metrics on the wire: the table of all series, and the two text formats that monitoring systems read."""
