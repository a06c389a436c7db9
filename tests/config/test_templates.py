"""The configuration keeps the templates that `numprocs` made processes of."""

import json

from procman.config.load import load
from procman.config.snapshot import read_config, write_config
from procman.core.spec import ProgramTemplate

FILE = """
[supervisord]

[program:web]
command=/bin/serve %(process_num)d
numprocs=3
numprocs_start=7
process_name=%(program_name)s-%(process_num)02d
environment=PORT="80%(process_num)02d"
stopwaitsecs=30

[program:job]
command=/bin/job

[group:both]
programs=web
"""


def test_each_program_keeps_the_texts_that_its_processes_were_made_of(tmp_path):
    """Options that are expanded for each process are kept as written, if the file has them."""
    (tmp_path / "procman.conf").write_text(FILE)
    config = load(str(tmp_path / "procman.conf"))
    assert config.templates == (
        ProgramTemplate(
            section="program:web",
            group="both",
            numprocs=3,
            numprocs_start=7,
            process_name="%(program_name)s-%(process_num)02d",
            file_numprocs=3,
            texts={"command": "/bin/serve %(process_num)d", "environment": 'PORT="80%(process_num)02d"'},
        ),
        ProgramTemplate(
            section="program:job",
            group="job",
            numprocs=1,
            numprocs_start=0,
            process_name="%(program_name)s",
            file_numprocs=1,
            texts={"command": "/bin/job"},
        ),
    )
    assert list(config.templates[0].numbers) == [7, 8, 9]
    assert read_config(json.loads(json.dumps(write_config(config)))).templates == config.templates
