# Images of the three programs: docker build --target master|worker|client -t podling-master .
ARG SWIFT_IMAGE=swift:6.2-bookworm
ARG DEBIAN_IMAGE=debian:bookworm-slim

FROM ${SWIFT_IMAGE} AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends libpq-dev libssl-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
RUN mkdir /programs \
    && for program in podling-master podling-worker podling-client; do \
        swift build -c release --static-swift-stdlib --product "$program" -Xlinker -s \
            && cp "$(swift build -c release --static-swift-stdlib --show-bin-path)/$program" /programs/ || exit 1; \
    done

# The CA certificates are for sslmode=verify-full.
FROM ${DEBIAN_IMAGE} AS runtime
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates libssl3 \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --system --uid 7070 --user-group --home-dir /nonexistent --shell /usr/sbin/nologin podling

# The client is for the health check and for `docker exec`.
FROM runtime AS master
RUN apt-get update \
    && apt-get install -y --no-install-recommends libpq5 \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /programs/podling-master /programs/podling-client /usr/local/bin/
# Loopback of a container reaches nobody; TLS or --insecure stays for whoever runs it to say.
ENV PODLING_LISTEN=0.0.0.0:7070 \
    PODLING_HTTP_LISTEN=0.0.0.0:8070
EXPOSE 7070 8070
USER podling
# A standby is healthy too. With TLS it needs PODLING_MASTER, see docs/OPERATIONS.md.
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s --retries=3 \
    CMD ["podling-client", "ping", "--retry-seconds", "0"]
LABEL org.opencontainers.image.title="podling-master" \
    org.opencontainers.image.description="Accepts workers and clients, places tasks, and tells what became of them." \
    org.opencontainers.image.licenses="Apache-2.0"
ENTRYPOINT ["podling-master"]

# Root, as the group of the engine's socket is not known here; with --group-add it runs as podling, in the same folder.
FROM runtime AS worker
COPY --from=build /programs/podling-worker /usr/local/bin/
RUN install -d -o podling -g podling /var/lib/podling-worker
ENV XDG_STATE_HOME=/var/lib
VOLUME /var/lib/podling-worker
LABEL org.opencontainers.image.title="podling-worker" \
    org.opencontainers.image.description="Runs Podling's tasks through the engine whose socket is mounted." \
    org.opencontainers.image.licenses="Apache-2.0"
ENTRYPOINT ["podling-worker"]

FROM runtime AS client
COPY --from=build /programs/podling-client /usr/local/bin/
USER podling
LABEL org.opencontainers.image.title="podling-client" \
    org.opencontainers.image.description="Submits, follows and cancels Podling's tasks." \
    org.opencontainers.image.licenses="Apache-2.0"
ENTRYPOINT ["podling-client"]
