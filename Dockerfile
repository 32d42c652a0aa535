# Planaria in a container: the coordinator with its page, or a host that carries cells. `docker compose up` starts a swarm.
# Nothing secret is built in: keys and tokens come with volumes. Works with the plain builder, too (DOCKER_BUILDKIT=0).
FROM python:3.11-slim AS build
WORKDIR /source
COPY pyproject.toml ./
RUN python -m venv /opt/planaria && \
    python -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['dependencies'], sep='\n')" > needed && \
    /opt/planaria/bin/pip install --no-cache-dir --disable-pip-version-check -r needed
COPY README.md LICENSE ./
COPY firmware_sim firmware_sim
COPY cellnode cellnode
COPY coordinator coordinator
COPY trainer trainer
RUN /opt/planaria/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps .

FROM python:3.11-slim
COPY --from=build /opt/planaria /opt/planaria
# Named volumes take over whom these folders belong to.
RUN mkdir -p /data /keys /join && chown 10001:10001 /data /keys /join && chmod 700 /data /keys /join
ENV PATH=/opt/planaria/bin:/usr/local/bin:/usr/bin:/bin HOME=/data PYTHONUNBUFFERED=1 OPENBLAS_NUM_THREADS=1
USER 10001:10001
WORKDIR /data
HEALTHCHECK --interval=5s --timeout=30s --start-period=600s --retries=5 CMD ["python", "-m", "coordinator.health"]
ENTRYPOINT ["planaria"]
CMD ["--help"]
