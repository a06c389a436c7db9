module.exports = {
  apps: [
    {
      name: 'shop-api', cwd: './api', script: 'bun', args: 'run src/index.ts', interpreter: 'none',
      watch: false, autorestart: true, max_restarts: 10, min_uptime: '10s', restart_delay: 2000,
      exp_backoff_restart_delay: 100, error_file: '/tmp/error.log', out_file: '/tmp/out.log',
      merge_logs: true, time: true,
      env: { NODE_ENV: 'development', PORT: 8000 }
    },
    { name: 'shop-web', cwd: './web', script: './node_modules/.bin/vite', args: '--host' },
  ],
};
