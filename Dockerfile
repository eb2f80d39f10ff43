# The program for Node, with the page and the client in it. The image needs no other package.
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

# package.json says that the files are modules. The emulator of the demo stays outside.
COPY package.json ./
COPY --from=build /app/dist/node.js /app/dist/node.js.map /app/dist/redis-client.cjs /app/dist/key.js /app/dist/licenses.txt ./dist/

USER node
EXPOSE 8083
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.PORT || 8083) + '/healthz').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]

# The command of `npm start`, without npm between the signals and Node.
CMD ["node", "--max-semi-space-size=8", "--enable-source-maps", "dist/node.js"]
