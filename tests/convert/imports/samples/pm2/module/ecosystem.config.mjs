export default {
  apps: [{ name: 'm', exec: './m.js', node_args: ['--max-old-space-size=512'], treekill: false, uid: 'nobody', gid: 'nogroup' }],
};
