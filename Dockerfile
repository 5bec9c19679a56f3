# One image for every process; compose.yaml says which process a container is.
#
# This file has not been built: no container engine was there where it was written.
# What it runs is tested, the building itself is not. Expect to correct a detail.

FROM python:3.11-slim AS packages
WORKDIR /build
COPY requirements/base.txt requirements/base.txt
RUN python -m venv /venv \
 && /venv/bin/pip install --no-cache-dir --require-hashes --requirement requirements/base.txt

FROM python:3.11-slim
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONPATH=/app/platform:/app \
    DJANGO_SETTINGS_MODULE=config.settings.base \
    VAR_DIR=/app/var \
    STATIC_ROOT=/app/static
RUN useradd --uid 10001 --create-home --shell /usr/sbin/nologin doorstone
WORKDIR /app
COPY --from=packages /venv /venv
COPY . .
# Collecting needs settings but no server; the secrets of this step stay in it.
RUN DOORSTONE_DEVELOPMENT=1 DATABASE_URL=postgresql://localhost/none \
    python manage.py collectstatic --no-input \
 && install --directory --owner=doorstone --group=doorstone /app/var
USER doorstone
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]
CMD ["granian", "--interface", "asgi", "--host", "0.0.0.0", "--port", "8000", \
     "--workers", "2", "--loop", "uvloop", "--backpressure", "1024", \
     "--workers-kill-timeout", "30", "config.asgi:application"]
