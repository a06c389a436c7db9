module.exports = {
  apps: [
    { script: "index.js", watch: ["src", "config.json"], ignore_watch: ["node_modules", "*.log"], watch_delay: 1000 },
    { script: "other.py", watch: true, error: "/dev/null" },
  ],
  deploy: { production: { user: "node" } },
};
