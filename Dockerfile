# procman as PID 1 of a container.
#
#   docker build -t procman .
#   docker run --rm procman
#
# Use it as a base: put your programs into /etc/procman/procman.toml (or mount a file there), and leave CMD alone.
ARG BASE=docker.io/library/python:3.13-slim

FROM ${BASE} AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE procman_isolated.py ./
COPY procman ./procman
# In an environment of its own and without pip in it: your programs' Python and its packages stay as they are.
RUN python3 -m venv --without-pip /opt/procman \
 && python3 -m pip --python /opt/procman/bin/python3 install --no-cache-dir --disable-pip-version-check .
# PYTHONPATH and PYTHONHOME of your image are for your programs: no Python of procman's ever looks at them.
RUN sed -i '1s/$/ -I/' /opt/procman/bin/procman /opt/procman/bin/procmanctl
COPY conf/container.toml /etc/procman/procman.toml
COPY conf/demo /etc/procman/demo
RUN mkdir /etc/procman/conf.d
# Readable for every user, whatever the umask of whoever cloned this.
RUN chmod -R a+rX /opt/procman /etc/procman

FROM ${BASE}
COPY --from=build /opt/procman /opt/procman
RUN ln -s /opt/procman/bin/procman /opt/procman/bin/procmanctl /usr/local/bin/
COPY --from=build /etc/procman /etc/procman

# Nothing above is writable for, or depends on, the user: `USER`, `--user 12345` and `--read-only` all work.

# What `docker stop` sends; procman passes each program's own stopsignal on and waits for all of them.
STOPSIGNAL SIGTERM

# Does the master answer? (How the programs are is for `procmanctl status` to say.)
HEALTHCHECK --interval=30s --timeout=5s CMD ["procmanctl", "health", "--live"]

# In exec form, so that procman and not a shell is PID 1 and gets the signals.
CMD ["procman", "-c", "/etc/procman/procman.toml"]
