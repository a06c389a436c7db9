"""The keys of a compose service that are limits, that belong to a container alone, or that need nothing."""

from procman.convert.imports.draft import Section, duration
from procman.convert.imports.shapes import FLAG, ITEMS, MAPPINGS, NUMBER, TEXTS, VARIABLES
from procman.convert.imports.source import Keys, Ready
from procman.convert.imports.values import bytes_of, seconds_of, size

LOST_AT_TOP = {
    "networks": "all programs share the network of the machine",
    "volumes": "the programs use the files of the machine",
    "configs": "the programs use the files of the machine",
    "include": "import the included files, too: name them after this one",
}
SHAPES = {
    "environment": VARIABLES,
    "secrets": ITEMS,
    "env_file": ITEMS,
    **dict.fromkeys(("command", "entrypoint", "group_add", "profiles", "tmpfs"), TEXTS),
    **dict.fromkeys(("scale", "oom_score_adj", "pids_limit"), NUMBER),
    **dict.fromkeys(("read_only", "tty", "stdin_open"), FLAG),
    **dict.fromkeys(("pre_start", "post_start", "pre_stop"), MAPPINGS),
}
LOST = {
    "image": "procman runs what is installed here, not images",
    "build": "procman runs what is installed here, not images",
    "ports": "the program itself listens on the machine: give it the port that is to be reached",
    "volumes": "it sees the files of the machine: put them where it looks for them",
    "networks": "all programs share the network of the machine",
    "network_mode": "all programs share the network of the machine",
    "links": "all programs share the network of the machine",
    "external_links": "all programs share the network of the machine",
    "extra_hosts": "names are looked up as on the machine: add it to /etc/hosts",
    "dns": "names are looked up as on the machine",
    "hostname": "it has the host name of the machine",
    "domainname": "it has the host name of the machine",
    "privileged": "it has the rights of its user",
    "logging": "its output goes where stdout_logfile says",
    "labels": "procman has no labels",
    "configs": "it sees the files of the machine",
    "extends": "name the other file before this one, and copy what the service takes from it",
    "memswap_limit": "procman limits memory without swap (memory_max)",
    "mem_reservation": "procman reserves no memory",
    "shm_size": "its shared memory is that of the machine",
    "devices": "it sees the devices of the machine",
    "sysctls": "they are those of the machine",
    "ipc": "it is that of the machine",
    "pid": "it is that of the machine",
    "platform": "procman runs what is installed here, not images",
}
HARMLESS = {
    "container_name": "its name is that of the service",
    "init": "procman reaps orphans",
    "expose": "it says nothing of the program",
    "pull_policy": "there is no image",
}
_RLIMITS = {
    "as", "core", "cpu", "data", "fsize", "memlock", "msgqueue", "nice", "nofile", "nproc", "rss", "rtprio", "rttime",
    "sigpending", "stack",
}  # fmt: skip
_MICROSECONDS = 100_000


def limits(section: Section, keys: Keys) -> None:
    """Memory, processors, descriptors and rights."""
    _memory(section, keys, "mem_limit")
    _cpus(section, keys, "cpus")
    for key, option in (("pids_limit", "pids_max"), ("oom_score_adj", "oom_score_adj")):
        text = keys.text(key)
        if text is not None and text.lstrip("-").isdecimal() and (key == "oom_score_adj" or int(text) > 0):
            section.set(option, int(text), keys.at(key))
    quota, period = keys.text("cpu_quota"), keys.text("cpu_period")
    if quota is not None and quota.isdecimal():
        each = int(period) if period is not None and period.isdecimal() and int(period) else _MICROSECONDS
        section.set("cpu_max", max(1, round(int(quota) * 100 / each)), keys.at("cpu_quota"))
    cpuset = keys.text("cpuset")
    if cpuset is not None:
        section.set("cpu_affinity", Ready(cpuset), keys.at("cpuset"))
    _ulimits(section, keys)
    dropped, added = keys.take("cap_drop"), keys.take("cap_add")
    if dropped is not None and any(item.text.upper() == "ALL" for item in dropped.items):
        names = [item.text.upper().removeprefix("CAP_") for item in added.items] if added is not None else []
        section.set("capabilities", names or ["none"], dropped)
    elif dropped is not None:
        names = [f"-{item.text.upper().removeprefix('CAP_')}" for item in dropped.items]
        section.set("capabilities", ["all", *names], dropped)
        keys.lost("cap_add", "what cap_drop leaves is what the master has")
    else:
        keys.lost("cap_add", "it has the rights of its user; capabilities takes some away")
    security = keys.take("security_opt")
    for item in security.items if security is not None else ():
        if item.text.replace("=", ":") in ("no-new-privileges", "no-new-privileges:true"):
            section.set("no_new_privs", value=True, place=security)
        else:
            keys.lost("security_opt", f"{item.text}: procman sets no such profile")


def _ulimits(section: Section, keys: Keys) -> None:
    inner = keys.inner("ulimits")
    for name in list(inner.node.mapping) if inner is not None else ():
        assert inner is not None
        if name not in _RLIMITS:
            continue
        node = inner.take(name)
        if node is None:
            continue
        pair = [node.mapping[part].text for part in ("soft", "hard") if part in node.mapping] or [node.text]
        section.set(f"rlimit_{name}", ":".join(_unlimited(part) for part in pair), node)
    if inner is not None:
        inner.finish()


def _unlimited(text: str) -> str:
    return "unlimited" if text == "-1" else text


def _memory(section: Section, keys: Keys, key: str) -> None:
    text = keys.text(key)
    if text is None:
        return
    count = bytes_of(text)
    if count:
        section.set("memory_max", size(count), keys.at(key))
    else:
        keys.lost(key, f"cannot read the size {text}")


def _cpus(section: Section, keys: Keys, key: str) -> None:
    text = keys.text(key)
    if text is None:
        return
    try:
        section.set("cpu_max", max(1, round(float(text) * 100)), keys.at(key))
    except (ValueError, OverflowError):
        keys.lost(key, f"cannot read the number {text}")


def services_of_deploy(section: Section, keys: Keys) -> None:
    """What `deploy` has of the same."""
    deploy = keys.inner("deploy")
    if deploy is None:
        return
    replicas = deploy.text("replicas")
    if replicas is not None and replicas.isdecimal() and int(replicas) > 1:
        section.set("numprocs", int(replicas), deploy.at("replicas"))
        section.set("process_name", Ready("%(program_name)s_%(process_num)d"), deploy.at("replicas"))
        section.set("numprocs_start", 1, deploy.at("replicas"))
        _rolling(section, deploy)
    elif replicas == "0":
        section.set("autostart", value=False, place=deploy.at("replicas"))
    resources = deploy.inner("resources")
    if resources is not None:
        bounds = resources.inner("limits")
        if bounds is not None:
            _memory(section, bounds, "memory")
            _cpus(section, bounds, "cpus")
            pids = bounds.text("pids")
            if pids is not None and pids.isdecimal():
                section.set("pids_max", int(pids), bounds.at("pids"))
            bounds.finish()
        resources.lost("reservations", "procman reserves nothing")
        resources.finish()
    policy = deploy.inner("restart_policy")
    if policy is not None:
        _policy(section, policy)
    deploy.finish("there is one machine, and no swarm")


def _rolling(section: Section, deploy: Keys) -> None:
    """What `update_config` has of a rolling restart, which ends one batch before the next version of it starts."""
    update = deploy.inner("update_config")
    if update is None:
        return
    order, failure = update.text("order") or "stop-first", update.text("failure_action") or "pause"
    batch = update.text("parallelism") or "1"
    if not batch.isdecimal():
        update.lost("parallelism", f"cannot read the number {batch}")
    elif int(batch):  # 0 is all of them at once
        section.set("restart_strategy", "rolling", update.node)
        section.set("rolling_batch", int(batch), update.at("parallelism"))
    if order != "stop-first":
        update.approximated("order", "each process ends before the next version of it starts")
    if failure != "pause":
        update.approximated("failure_action", "a rolling restart stops at the first that fails, and says how to go on")
    update.finish("the next batch starts when the one before is ready")


def _policy(section: Section, policy: Keys) -> None:
    word = policy.text("condition") or "any"
    policies: dict[str, bool | str] = {"none": False, "on-failure": "unexpected", "any": True}
    restart = policies.get(word)
    if restart is None:
        policy.lost("condition", f"there is no condition {word}")
    elif section.get("type") is None:
        section.set("autorestart", restart, policy.node)
    delay = policy.text("delay")
    seconds = None if delay is None else seconds_of(delay)
    if seconds:
        section.set("backoff", duration(seconds), policy.at("delay"))
    most, window = policy.text("max_attempts"), policy.text("window")
    if most is not None and most.isdecimal():
        if window is not None and seconds_of(window):
            section.set("restart_limit", f"{most}/{duration(seconds_of(window) or 1)}", policy.at("max_attempts"))
        else:
            section.set("startretries", int(most), policy.at("max_attempts"))
            policy.approximated("max_attempts", "it counts failed starts, and not all restarts")
    policy.finish()
