"""Who may do what: a judgement on plain facts. No I/O, no clock, nothing imported from other rooms.

An `Identity` is what the kernel, a token or a login says of a client. The sections of the configuration and the
options of the server make `Rules`. `Rights` puts both together and is asked: for a row of the table of endpoints, for a
program, for the log of one. There are three verdicts: allowed; denied, where the client may know that the program is
there; and hidden, where the answer has to be that of a name that does not exist.

    roles.py      the roles in their order, and what an endpoint needs
    rules.py      sections, and who they are about
    rights.py     the judgement
"""
