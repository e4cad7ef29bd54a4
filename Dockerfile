# syntax=docker/dockerfile:1
FROM python:3.11-slim AS build
WORKDIR /source
COPY . .
# Every file of others is checked against its hash; pip itself does not get into the image.
RUN python -m venv --without-pip /opt/coro \
 && python scripts/install.py /opt/coro/bin/python

FROM python:3.11-slim
RUN useradd --system --uid 10001 --no-create-home coro
COPY --from=build /opt/coro /opt/coro
ENV PATH=/opt/coro/bin:$PATH \
    PYTHONUNBUFFERED=1
USER 10001
WORKDIR /opt/coro
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, http.client as h; c = h.HTTPConnection('127.0.0.1', int(os.environ.get('PORT') or 8000), timeout=4); c.request('GET', '/health'); exit(c.getresponse().status != 200)"]
# In exec form, so that the signal to stop reaches the server, which then finishes what is in flight.
CMD ["coro", "serve", "--host", "0.0.0.0"]
