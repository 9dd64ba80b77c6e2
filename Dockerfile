# Builds nothing and runs nothing: the context holds dependencies for the target architecture (deps/) and the
# application (app/), both with compiled byte code, so that an ARM64 image is made on any machine without emulation.
ARG BASE_IMAGE=python:3.11-slim
FROM ${BASE_IMAGE}

ARG AGENT
ARG VERSION=unversioned
ARG COMMIT=unknown

LABEL org.opencontainers.image.title="vitracka/${AGENT}" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${COMMIT}" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.vitracka.builder="docker"

ENV AGENT_NAME="${AGENT}" \
    AGENT_VERSION="${VERSION}" \
    PYTHONPATH=/app:/opt/deps \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONFAULTHANDLER=1

COPY deps/ /opt/deps/
COPY app/ /app/

# A read-only root needs a place that is not: an empty volume over /tmp takes the rights that the image's /tmp has.
VOLUME ["/tmp"]

WORKDIR /app
USER 10001:10001
EXPOSE 8000

HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
    CMD ["python3", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ.get(\"PORT\", \"8000\")}/ready', timeout=2)"]

# The agent is the one that AGENT_NAME names.
CMD ["python3", "-m", "agent_runtime"]
