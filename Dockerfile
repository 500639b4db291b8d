# One image for every service of docker-compose.yaml: Airflow, its DAGs, MLflow. Build it with `docker compose build`.
FROM python:3.12-slim-bookworm AS packages

# The lock is complete, so nothing is resolved here: what is installed is what was tested. Bytecode is compiled once.
COPY requirements.txt /tmp/requirements.txt
RUN python -m venv /opt/venv \
    && /opt/venv/bin/python -m pip install --no-cache-dir --no-deps --compile --requirement /tmp/requirements.txt

# true: also the Google provider, 800 MB that only warehouse = "bigquery" needs. Resolved against the lock above.
ARG WITH_BIGQUERY=false
COPY requirements-bigquery.txt /tmp/requirements-bigquery.txt
RUN case "$WITH_BIGQUERY" in \
        true) /opt/venv/bin/python -m pip install --no-cache-dir --no-deps --compile \
            --requirement /tmp/requirements-bigquery.txt ;; \
        false) ;; \
        *) echo "Expected: WITH_BIGQUERY true or false. Found: $WITH_BIGQUERY. Next step: mend it in .env or --build-arg" >&2; exit 1 ;; \
    esac \
    && /opt/venv/bin/python -m pip check


FROM python:3.12-slim-bookworm

# Each folder that a volume is mounted on belongs to the user, and so then does a new volume, with what is in the folder.
RUN groupadd --gid 10001 higawari \
    && useradd --uid 10001 --gid 10001 --home-dir /opt/airflow --create-home --shell /usr/sbin/nologin higawari \
    && install --directory --owner=10001 --group=10001 \
        /var/lib/higawari /var/lib/higawari/warehouse /var/lib/higawari/spill \
        /var/lib/higawari/landing /var/lib/higawari/landing/events /var/lib/higawari/landing/items \
        /var/lib/mlflow /opt/airflow/logs

# The probes of Airflow's Helm chart write `/entrypoint` before their commands, as Airflow's own image has one. Nothing else
# needs it, so it is no ENTRYPOINT.
RUN printf '#!/bin/sh\nexec "$@"\n' > /entrypoint && chmod 0755 /entrypoint

COPY --from=packages /opt/venv /opt/venv
WORKDIR /opt/higawari
COPY config config
COPY dags dags
COPY docs docs
COPY include include
COPY plugins plugins

# Numba keeps what it compiled. OMP: threads that spin on shared cores cost more than they gain. MALLOC: each pool of
# memory keeps what its threads gave back. The last three: nothing phones home.
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/opt/higawari \
    PYTHONUNBUFFERED=1 \
    AIRFLOW_HOME=/opt/airflow \
    AIRFLOW__CORE__DAGS_FOLDER=/opt/higawari/dags \
    AIRFLOW__CORE__PLUGINS_FOLDER=/opt/higawari/plugins \
    NUMBA_CACHE_DIR=/opt/airflow/numba \
    OMP_WAIT_POLICY=passive \
    OMP_NUM_THREADS=2 \
    OPENBLAS_NUM_THREADS=2 \
    MALLOC_ARENA_MAX=2 \
    GIT_PYTHON_REFRESH=quiet \
    GX_ANALYTICS_ENABLED=false \
    MLFLOW_DISABLE_TELEMETRY=true
RUN python -m compileall -q dags include plugins

USER 10001:10001
