# procman as PID 1 of a container.
#
#   docker build -t procman .
#   docker run --rm procman
#
# Use it as a base: put your programs into /etc/procman/procman.toml (or mount a file there), and keep its CMD.
# Or add procman to your own image: COPY --from=procman /opt/procman /opt/procman
#
# BASE is the build image, which needs Python, pip and glibc. ON is the base of the final image. procman needs nothing from
# it, so it can be smaller if your programs need no Python, for example docker.io/library/debian:stable-slim.
ARG BASE=docker.io/library/python:3.13-slim
ARG ON=${BASE}

FROM ${BASE} AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE procman_isolated.py ./
COPY procman ./procman
COPY docs/procman.schema.json ./docs/
COPY docs/man ./docs/man
COPY conf/procman.service ./conf/
COPY conf/image/self_contained.py ./
# It gets its own Python and C library, so your programs' Python and packages are not affected.
RUN python3 self_contained.py /opt/procman .
COPY conf/container.toml /etc/procman/procman.toml
COPY conf/demo /etc/procman/demo
RUN mkdir /etc/procman/conf.d
# Readable by every user, whatever umask this repository was cloned with.
RUN chmod -R a+rX /opt/procman /etc/procman

FROM ${ON}
# Of what it was built: --build-arg REVISION=$(git rev-parse HEAD) --build-arg CREATED=$(git log -1 --format=%cI)
ARG REVISION=""
ARG CREATED=""
LABEL org.opencontainers.image.title="procman" \
      org.opencontainers.image.description="A process manager for containers, as PID 1" \
      org.opencontainers.image.version="0.2.0" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.licenses="MIT"
COPY --from=build /opt/procman /opt/procman
COPY --from=build /etc/procman /etc/procman
# An unprivileged user: `USER procman` in your Dockerfile, or `docker run --user procman`.
RUN ln -s /opt/procman/bin/procman /opt/procman/bin/procmanctl /usr/local/bin/ \
 && echo 'procman:x:10001:' >>/etc/group \
 && echo 'procman:x:10001:10001:procman:/nonexistent:/usr/sbin/nologin' >>/etc/passwd

# Nothing above is writable by the user or depends on it: `USER`, `--user 12345` and `--read-only` all work.

# The signal of `docker stop`. procman sends each program its own stopsignal, and waits for all of them.
STOPSIGNAL SIGTERM

# Does the master respond? For the programs, see `procmanctl status`.
HEALTHCHECK --interval=30s --timeout=5s CMD ["procmanctl", "health", "--live"]

# In exec form, so that procman and not a shell is PID 1 and gets the signals.
CMD ["procman", "-c", "/etc/procman/procman.toml"]
