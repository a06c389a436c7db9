module.exports = { apps: [{ name: 'front', script: 'npm', args: 'start', cwd: '/tmp', instances: 1, env: { PORT: 3000 } }] }
