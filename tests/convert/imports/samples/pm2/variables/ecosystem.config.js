'use strict';
/* with variables */
module.exports = {
  apps: [{
    name: 'x', script: './x.js', cwd: __dirname,
    env: { PORT: process.env.PORT || 3000, KEY: process.env.KEY, NAME: process.env["NAME"] ?? 'y', DIR: `${__dirname}/data`, P: '5%' },
  }],
};
