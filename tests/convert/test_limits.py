"""Limits in other engines: carried, or said to be lost."""

from procman.convert import compose, kubernetes, systemd
from tests.support.export_checks import configured, only, services, target

TEXT = """\
[program:web]
command=/bin/web
user=www
user_group=web
supplementary_groups=audio
rlimit_nofile=1024:2048
rlimit_as=1GB
rlimit_core=unlimited
nice=-5
ionice=best-effort:2
oom_score_adj=?300
cpu_affinity=0-1,3
no_new_privs=true
capabilities=net_bind_service
memory_max=512MB
memory_high=400MB
cpu_max=150
cpu_weight=50
pids_max=20
memory_restart=300MB
max_age=24h
"""
ASSUMED = {"users": {"www": 33}, "groups": {"web": 34, "audio": 35}}


def exported(export, folder, text=TEXT):
    return export(configured(folder, text, **ASSUMED), target("shop", split=True))


def test_compose(tmp_path):
    """Each limit that compose has is in the service, and one note names the others."""
    found = exported(compose.export, tmp_path)
    service = services(only(found.files))["web"]
    assert service["user"] == "www:web"
    assert {name: service[name] for name in ("mem_limit", "cpus", "cpu_shares", "pids_limit", "cpuset")} == {
        "mem_limit": 512 * 1024 * 1024,
        "cpus": "1.5",
        "cpu_shares": 512,
        "pids_limit": 20,
        "cpuset": "0-1,3",
    }
    assert service["ulimits"] == {"nofile": {"soft": 1024, "hard": 2048}, "core": -1}
    assert service["oom_score_adj"] == 300
    assert (service["cap_drop"], service["cap_add"], service["group_add"]) == (
        ["ALL"],
        ["NET_BIND_SERVICE"],
        ["audio"],
    )
    assert service["security_opt"] == ["no-new-privileges:true"]
    lost = "[program:web]: rlimit_as, nice, ionice, memory_high, memory_restart, max_age, which docker has not"
    assert lost in found.notes


def test_kubernetes(tmp_path):
    """Memory and processors as resources, rights as the security context."""
    found = exported(kubernetes.export, tmp_path)
    text = only(found.files)
    for line in ('memory: "536870912"', 'cpu: "1500m"', "runAsGroup: 34", "allowPrivilegeEscalation: false"):
        assert line in text
    assert 'drop: ["ALL"]' in text
    [lost] = [note for note in found.notes if "which a container of Kubernetes has not" in note]
    assert "rlimit_nofile" in lost
    assert "memory_restart" in lost
    assert "memory_max" not in lost


def test_systemd(tmp_path):
    """Nearly all of them."""
    found = exported(systemd.export, tmp_path)
    unit = found.files["shop-web.service"].splitlines()
    wanted = """
        Group=web SupplementaryGroups=audio LimitNOFILE=1024:2048 LimitAS=1073741824 LimitCORE=infinity Nice=-5
        IOSchedulingClass=best-effort IOSchedulingPriority=2 OOMScoreAdjust=300 CPUAffinity=0-1,3 NoNewPrivileges=yes
        CapabilityBoundingSet=CAP_NET_BIND_SERVICE AmbientCapabilities=CAP_NET_BIND_SERVICE MemoryMax=536870912
        MemoryHigh=419430400 CPUQuota=150% CPUWeight=50 TasksMax=20 OOMPolicy=kill RuntimeMaxSec=86400
        RuntimeRandomizedExtraSec=8640
    """
    assert set(wanted.split()) <= set(unit)
    assert any("memory_restart, which systemd has not" in note for note in found.notes)


def test_what_is_taken_away_from_all(tmp_path):
    """Of all capabilities all but some are left; a program without limits has no line of them."""
    text = "[program:web]\ncommand=/bin/web\ncapabilities=all,-net_raw\noom_group=false\n"
    service = services(only(exported(compose.export, tmp_path, text).files))["web"]
    assert (service["cap_add"], service["cap_drop"]) == (["ALL"], ["NET_RAW"])
    unit = exported(systemd.export, tmp_path, text).files["shop-web.service"]
    assert "CapabilityBoundingSet=~CAP_NET_RAW\n" in unit
    assert "OOMPolicy=continue\n" in unit
    plain = exported(systemd.export, tmp_path, "[program:web]\ncommand=/bin/web\n").files["shop-web.service"]
    assert not {"Limit", "Nice", "Memory", "OOM", "Capab"} & {line[:5].rstrip("=") for line in plain.splitlines()}


VIEW = """\
[program:web]
command=/bin/web
private_tmp=64MB
read_only_paths=/,?/opt/my data
read_write_paths=/var/lib/web
inaccessible_paths=?/home
"""


def test_what_is_seen_of_the_file_system(tmp_path):
    """Systemd has all of it; container engines have a read-only root and a /tmp in memory, and notes say the rest."""
    unit = exported(systemd.export, tmp_path, VIEW).files["shop-web.service"].splitlines()
    assert {
        "PrivateTmp=yes",
        "ProtectSystem=strict",
        'ReadOnlyPaths="-/opt/my data"',
        "ReadWritePaths=/var/lib/web",
        "InaccessiblePaths=-/home",
    } <= set(unit)
    found = exported(compose.export, tmp_path, VIEW)
    service = services(only(found.files))["web"]
    assert service["read_only"] is True
    assert service["tmpfs"] == ["/tmp:size=67108864,mode=1777", "/var/tmp:size=67108864,mode=1777"]
    lost = (
        "[program:web]: read_only_paths, inaccessible_paths, which docker has not: leave these files out of the image"
    )
    assert any(note.startswith(lost) for note in found.notes)
    assert "[program:web]: read_write_paths: mount a volume at /var/lib/web" in found.notes
    text = only(exported(kubernetes.export, tmp_path, VIEW).files)
    for line in (
        "readOnlyRootFilesystem: true",
        'sizeLimit: "67108864"',
        "medium: Memory",
        "mountPath: /var/tmp",
        "name: web-var-tmp",
    ):
        assert line in text
