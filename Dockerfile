# syntax=docker/dockerfile:1
# Tring in a container: `docker compose up`, or
#   docker build -t tring . && docker run -e TRING_ADVERTISE=<address of the host> \
#     -p 8080:8080 -p 8443:8443 -p 1935:1935 -p 7700-7703:7700-7703/udp -v tring:/data tring
# docs/deploy.md says what the ports are for.

# The pages and SDKs that the binary carries.
FROM node:22-bookworm-slim AS clients
WORKDIR /src/clients
COPY clients/package.json clients/package-lock.json ./
COPY clients/core/package.json core/
COPY clients/web/package.json web/
COPY clients/miniprogram/package.json miniprogram/
COPY clients/demo/package.json demo/
COPY clients/install/package.json install/
RUN npm ci --no-audit --no-fund
COPY clients ./
RUN npm run build

# The binary. Opus and FDK AAC are built from their sources.
FROM rust:1.95-bookworm AS binary
RUN apt-get update \
 && apt-get install -y --no-install-recommends cmake \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY Cargo.toml Cargo.lock clippy.toml ./
COPY crates crates
# Members of the workspace: cargo wants to see them, and builds none of them.
COPY bench bench
COPY e2e/lab e2e/lab
COPY fuzz/bodies fuzz/bodies
COPY --from=clients /src/clients/dist clients/dist
COPY scripts scripts
RUN cargo build --release --locked -p tring \
 && scripts/separate-symbols target/release/tring

FROM debian:bookworm-slim
# Certificate authorities, for `tring doctor --server https://…`.
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 7700 --home-dir /data --shell /usr/sbin/nologin tring \
 && install -d -o tring -g tring -m 0700 /data
COPY --from=binary /src/target/release/tring /usr/local/bin/tring
USER tring
ENV TRING_DATA=/data
VOLUME /data
# HTTP and WebSocket, HTTPS, RTMP of mini-programs, media.
EXPOSE 8080/tcp 8443/tcp 1935/tcp 7700-7703/udp
HEALTHCHECK --interval=15s --timeout=6s --start-period=10s CMD ["tring", "health"]
ENTRYPOINT ["tring"]
CMD ["serve"]
