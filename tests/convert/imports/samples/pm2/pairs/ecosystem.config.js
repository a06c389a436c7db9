module.exports = {
  apps: [
    { name: 'a b', script: 'node server.js --port 1', restart_delay: 500 },
    { name: 'a-b', script: '/usr/bin/true', instances: 3, instance_var: 'N', error_file: 'e.log' },
    { name: 'none' },
  ],
}
