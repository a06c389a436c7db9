module.exports = {
  apps: [{
    name: "api", script: "C:\\Python\\python.exe", args: "-u app.py", interpreter: "none",
    cwd: "C:\\srv\\app",
    out_file: "logs\\out.log",
    max_size: "50M",
  }],
};
