// the server
module.exports = {
  apps: [{
    name: "server",
    script: "./server/src/server.js",
    instances: 2,
    exec_mode: "cluster",
    env: { PORT: 3001, RATE: 60_000, RATIO: 1.50 },
    env_production: { NODE_ENV: "production" },
    max_memory_restart: '1G',
    out_file: "/tmp/server.log",
  }]
}
