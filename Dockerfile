# The server with its page. The line itself (stations, jigs) runs on the PCs beside the jigs, not here.
#
#   docker build -t jigline-server .

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
# rust-toolchain.toml pins the compiler and asks for the wasm target; rustup brings what the image lacks.
RUN rustup target add wasm32-unknown-unknown
# The page first: the server embeds it.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    SQLX_OFFLINE=true cargo xtask ui \
    && SQLX_OFFLINE=true cargo build --release --locked --package jigline-server --features embed-ui \
    && install -D target/release/jigline-server /out/jigline-server

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates curl \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /var/lib/jigline --create-home jigline
COPY --from=build /out/jigline-server /usr/local/bin/jigline-server
COPY profiles /usr/share/jigline/profiles
# Keys and the first accounts' passwords. Back this volume up together with the database: records are sealed with it.
VOLUME /var/lib/jigline
USER jigline
EXPOSE 8480
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD curl -fsS http://127.0.0.1:8480/readyz || exit 1
# SIGTERM: requests under way are finished first.
STOPSIGNAL SIGTERM
ENTRYPOINT ["jigline-server"]
CMD ["serve", "--data", "/var/lib/jigline", "--listen", "0.0.0.0:8480", \
     "--profiles", "/usr/share/jigline/profiles", "--bootstrap-accounts", "/var/lib/jigline/accounts.json"]
