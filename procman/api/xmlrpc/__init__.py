"""Supervisor's XML-RPC interface, for the clients that there are for it."""
