# Casework's server, for an external PostgreSQL 15 or later: CASEWORK_DATABASE_URL and the secrets are given at run
# time (see README.md), none is in the image. The schema is brought up to date by the same image:
#   docker run --rm -e CASEWORK_OWNER_DATABASE_URL=… -e CASEWORK_SECRET=… -e CASEWORK_SEALING_KEY=… IMAGE migrate
# The base is pinned to a minor version, the one CI runs on; a rebuild takes its security fixes.
FROM python:3.11-slim-bookworm AS builder
RUN pip install --no-cache-dir "uv==0.13.*"
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_NO_CACHE=1
WORKDIR /app
# The dependencies first: this layer is rebuilt when the lock changes, not when the code does.
COPY pyproject.toml uv.lock ./
RUN uv sync --locked --no-dev --no-install-project
COPY README.md LICENSE ./
COPY alembic ./alembic
COPY docs/redraw.py ./docs/redraw.py
COPY casework ./casework
RUN uv sync --locked --no-dev --no-editable

FROM python:3.11-slim-bookworm AS runtime
# A number, so that an orchestrator can check that it is not root's.
RUN useradd --system --uid 10001 --gid 0 --home-dir /nonexistent --shell /usr/sbin/nologin casework
COPY --from=builder /app/.venv /app/.venv
ENV PATH=/app/.venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 CASEWORK_ENVIRONMENT=production
WORKDIR /app
USER 10001
EXPOSE 8000
# Alive, not ready: a database that is away for a minute is no reason to replace a server that waits for it.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/health/live', timeout=2)"]
# Exec form: the server is process 1 and gets the stop signal itself.
ENTRYPOINT ["casework"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]
