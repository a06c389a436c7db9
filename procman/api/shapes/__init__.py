"""The JSON that travels between the master and its clients: field names and types.

The modules in here have only types, so that a client may import them at no cost. Times are seconds since the epoch.
Which endpoint takes and gives which of them is the table in `api.openapi`.
"""
