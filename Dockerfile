# The page and the client, which need tools that the image does not.
FROM node:24.21.0-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY tsconfig.json ./
COPY build ./build
COPY packages ./packages
COPY src ./src
RUN node build/build.ts

# Not alpine: Node's builds for musl are experimental, and the tests and figures are those of glibc.
FROM node:24.21.0-slim
WORKDIR /app
ENV NODE_ENV=production HOST=0.0.0.0

COPY package.json package-lock.json ./
# Without --omit=optional npm also installs TypeScript, an optional peer of valibot. The packages
# would have 37 MB instead of 6.
RUN npm ci --omit=dev --omit=optional
COPY --from=build /app/src ./src
# The only package that the service needs when it runs: the page and the client are in src by now.
COPY --from=build /app/packages/ollama-grammar ./packages/ollama-grammar

USER node
EXPOSE 8083
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.PORT || 8083) + '/healthz').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]

# The command of `npm start`, without npm between the signals and Node.
CMD ["node", "--max-semi-space-size=8", "--import", "./src/runtimes/node/compile-cache.mjs", "src/runtimes/node.ts"]
