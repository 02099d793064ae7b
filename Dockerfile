# The command line in a container: docker build -t app-password-watch . && docker run --rm app-password-watch scan --help
# docs/install.md says how to sign in from it.
FROM python:3.13-slim AS build
WORKDIR /source
COPY . .
RUN python -m venv /opt/app \
 && /opt/app/bin/pip install --no-cache-dir --no-compile --no-deps --require-hashes -r requirements.lock -r requirements-cli.lock \
 && python -m pip wheel --no-cache-dir --no-deps -w /tmp/wheel . \
 && /opt/app/bin/pip install --no-cache-dir --no-deps /tmp/wheel/*.whl \
 && /opt/app/bin/python -m compileall -q /opt/app/lib/python3.13/site-packages/app_password_watch \
 && /opt/app/bin/python -m compileall -q /opt/app/lib/python3.13/site-packages/click

FROM python:3.13-slim
COPY --from=build /opt/app /opt/app
RUN useradd --create-home --uid 10001 reader
USER 10001
WORKDIR /home/reader
ENTRYPOINT ["/opt/app/bin/app-password-watch"]
CMD ["--help"]
