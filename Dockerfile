# The image of rollback-watchdog. Any base with Python 3.11 or newer will do; BUILD_BASE needs
# its venv module as well, BASE nothing but Python and the certificates it is to trust. The extra
# `kubernetes` is in it.
ARG BUILD_BASE=python:3.13-slim
ARG BASE=python:3.13-slim

FROM ${BUILD_BASE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
COPY requirements/build.txt requirements/image.txt requirements/
RUN python3 -m venv /opt/build \
    && /opt/build/bin/pip install --quiet --require-hashes --only-binary :all: -r requirements/build.txt \
    && python3 -m venv --without-pip /opt/rollback-watchdog \
    && /opt/build/bin/pip --python /opt/rollback-watchdog install --quiet --require-hashes \
       --only-binary :all: --no-compile -r requirements/image.txt
COPY pyproject.toml README.md LICENSE ./
COPY watchdog watchdog
COPY config config
# Bytecode is compiled here: the running container cannot write, and imports would take longer.
# Unchecked, so that nothing depends on the time stamps of the layers.
RUN /opt/build/bin/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir /wheels . \
    && /opt/build/bin/pip --python /opt/rollback-watchdog install --quiet --no-deps --no-compile \
       /wheels/*.whl \
    && /opt/rollback-watchdog/bin/python -m compileall -q --invalidation-mode unchecked-hash \
       /opt/rollback-watchdog/lib \
    && mkdir -m 0700 /state

FROM ${BASE}
COPY --from=build /opt/rollback-watchdog /opt/rollback-watchdog
COPY --from=build --chown=65532:65532 /state /var/lib/rollback-watchdog
# 65532 is "nonroot" by convention. Only the journal's folder is ever written to.
USER 65532:65532
ENV PATH=/opt/rollback-watchdog/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    STATE_DIRECTORY=/var/lib/rollback-watchdog
VOLUME /var/lib/rollback-watchdog
EXPOSE 9095
STOPSIGNAL SIGTERM
ENTRYPOINT ["rollback-watchdog"]
CMD ["run", "/etc/rollback-watchdog/watchdog.yaml"]
