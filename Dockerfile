# The proxy on each of its runtimes, and the echo upstream, in one image. docs/containers.md explains it.
#
# Builds with BuildKit and with the classic builder. So no `RUN --mount=type=cache`, which only BuildKit knows: what is
# built of the dependencies is a layer instead, which both keep. And no `# syntax=` line, which fetches a parser.
ARG BUILD_IMAGE=rust:1.95-slim-bookworm
ARG RUNTIME_IMAGE=debian:bookworm-slim

# What decides how the dependencies are built: manifests, the lock file, and which targets there are, their sources
# emptied. It is computed, so that a new package needs no line here.
FROM ${BUILD_IMAGE} AS manifests
WORKDIR /src
COPY . .
RUN mkdir /manifests \
 && find . \( -name Cargo.toml -o -name Cargo.lock -o -path '*/src/main.rs' -o -path '*/src/lib.rs' -o -path '*/benches/*.rs' \) \
      -exec cp --parents -t /manifests {} + \
 && printf '//! Empty.\nfn main() {}\n' | tee $(find /manifests -name '*.rs') >/dev/null

FROM ${BUILD_IMAGE} AS build
# Empty: none. docs/profiling.md
ARG FEATURES=profiling
ENV BUILD="cargo build --locked --release -p proxy-tokio -p proxy-smol -p proxy-async-std -p echo --features=${FEATURES}"
WORKDIR /src
# Built anew when the files of the stage above differ, not when a source file does. cargo compares times, and the sources
# to come may be older than what was built of the empty ones: that has to go.
COPY --from=manifests /manifests .
RUN ${BUILD} && cargo clean --release --workspace
COPY . .
# Line tables stay, for profiles that name inlined functions; compressed they are half the size.
RUN ${BUILD} \
 && mkdir /out \
 && for name in proxy-tokio proxy-smol proxy-async-std; do \
      objcopy --compress-debug-sections=zlib target/release/$name /out/$name || exit; \
    done \
 && strip -o /out/proxy-echo target/release/echo

FROM ${RUNTIME_IMAGE}
COPY --from=build /out/ /usr/local/bin/
WORKDIR /app
COPY config.docker.yaml config.yaml
# Where there is no /app/config.yaml, these decide.
ENV UPSTREAM_HOSTS=upstream1:9001,upstream2:9002 \
    PROXY_LISTEN_HOST=0.0.0.0 \
    METRICS_LISTEN_HOST=0.0.0.0
# A number, so that an orchestrator sees that it is not root; nobody in particular.
USER 10001:10001
EXPOSE 8080 8081
# The proxy is process 1. It handles the signals it is sent, starts no processes that it would have to reap, and so needs
# no init in front.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=5s --retries=3 CMD ["proxy-tokio", "healthcheck"]
ENTRYPOINT ["proxy-tokio"]

ARG VERSION=0.1.0
ARG REVISION=unknown
ARG SOURCE=
LABEL org.opencontainers.image.title="proxy" \
      org.opencontainers.image.description="A reverse proxy for HTTP/1.1, a mini-nginx." \
      org.opencontainers.image.licenses="MIT OR Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}"
