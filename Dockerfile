# procman as PID 1 of a container.
#
#   docker build -t procman .
#   docker run --rm procman
#
# Use it as a base: put your programs into /etc/procman/procman.toml (or mount a file there), and leave CMD alone.
# Or put it into an image of yours: COPY --from=procman /opt/procman /opt/procman
#
# BASE is what it is built with: it has a Python, pip and glibc. ON is what the image is made on: procman needs nothing of
# it, so where your programs need no Python it may be smaller, say docker.io/library/debian:stable-slim.
ARG BASE=docker.io/library/python:3.13-slim
ARG ON=${BASE}

FROM ${BASE} AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE procman_isolated.py ./
COPY procman ./procman
COPY conf/image/self_contained.py ./
# With a Python and a C library of its own: your programs' Python and its packages stay as they are.
RUN python3 self_contained.py /opt/procman .
COPY conf/container.toml /etc/procman/procman.toml
COPY conf/demo /etc/procman/demo
RUN mkdir /etc/procman/conf.d
# Readable for every user, whatever the umask of whoever cloned this.
RUN chmod -R a+rX /opt/procman /etc/procman

FROM ${ON}
LABEL org.opencontainers.image.title="procman" \
      org.opencontainers.image.description="A process manager for containers, as PID 1" \
      org.opencontainers.image.version="0.2.0" \
      org.opencontainers.image.licenses="MIT"
COPY --from=build /opt/procman /opt/procman
COPY --from=build /etc/procman /etc/procman
# A user without rights, to be used: `USER procman` in your Dockerfile, or `docker run --user procman`.
RUN ln -s /opt/procman/bin/procman /opt/procman/bin/procmanctl /usr/local/bin/ \
 && echo 'procman:x:10001:' >>/etc/group \
 && echo 'procman:x:10001:10001:procman:/nonexistent:/usr/sbin/nologin' >>/etc/passwd

# Nothing above is writable for, or depends on, the user: `USER`, `--user 12345` and `--read-only` all work.

# What `docker stop` sends; procman passes each program's own stopsignal on and waits for all of them.
STOPSIGNAL SIGTERM

# Does the master answer? (How the programs are is for `procmanctl status` to say.)
HEALTHCHECK --interval=30s --timeout=5s CMD ["procmanctl", "health", "--live"]

# In exec form, so that procman and not a shell is PID 1 and gets the signals.
CMD ["procman", "-c", "/etc/procman/procman.toml"]
