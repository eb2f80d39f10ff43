# The program for Node, with the page and the client in it. The image needs no other package.
# The files are JavaScript, so one build serves every architecture, without emulation.
FROM --platform=$BUILDPLATFORM node:24.21.0-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY tsconfig.json ./
COPY build ./build
COPY packages ./packages
COPY src ./src
RUN node build/build.ts

# Node, its libraries and certificates: no shell, no npm, no package manager. Not alpine: Node's
# builds for musl are experimental, and the tests and figures are those of glibc.
FROM gcr.io/distroless/nodejs24-debian13:nonroot
WORKDIR /app
ENV NODE_ENV=production HOST=0.0.0.0
LABEL org.opencontainers.image.title="Sluice" \
  org.opencontainers.image.description="Pipes Ollama's streams to browsers as Server-Sent Events" \
  org.opencontainers.image.licenses="MIT" \
  org.opencontainers.image.base.name="gcr.io/distroless/nodejs24-debian13:nonroot"

# package.json says that the files are modules. The emulator of the demo stays outside.
COPY package.json ./
COPY --from=build /app/dist/node.js /app/dist/node.js.map /app/dist/redis-client.cjs /app/dist/key.js /app/dist/cli.js /app/dist/command.js /app/dist/licenses.txt ./dist/

# The user `nonroot`, as a number, because Kubernetes cannot tell from a name that it is not root.
USER 65532
EXPOSE 8083
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
  CMD ["/nodejs/bin/node", "-e", "fetch('http://127.0.0.1:' + (process.env.PORT || 8083) + '/healthz').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]

# The command of `npm start`, without npm between the signals and Node.
# `docker run --rm sluice dist/key.js alice` makes a key. `dist/cli.js check` says what is wrong.
ENTRYPOINT ["/nodejs/bin/node", "--max-semi-space-size=8", "--enable-source-maps"]
CMD ["dist/node.js"]
