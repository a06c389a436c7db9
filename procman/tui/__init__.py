"""`procmanctl top`: a screen for terminals, with Textual, which the extra `procman[tui]` installs.

It is a client as the others: it uses `/v1` through `procman.client`, and procmanctl's texts. What is shown of which
process, in which order, and what a key does, is decided by modules that know nothing of Textual.
"""
