"""A host of a lab that systemd runs: PID 1 of a container over a copy of this machine's files, with the host's network.

    machine = Machine(lab.entry, lab.directory, installed)     # what `meson install --destdir installed` has left is in it
    machine.run("systemctl", "enable", "--now", "arctic")

Its root is an overlay: nothing that happens there reaches this machine's files. Units that this machine has enabled are not, and
/proc/sys is for reading but for the network, as in systemd-nspawn(1).
"""

import shutil
import subprocess
import uuid
from contextlib import suppress
from pathlib import Path

from arctic_lab import Namespace, Process, labs, wait_for
from arctic_lab.namespace import completed
from arctic_lab.ownership import NETNS_DIRECTORY

SYSTEMD = Path("/lib/systemd/systemd")

# $1: a folder for mounts, $2: what was installed, $3: the id of the machine.
_BOOT = """
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs "$1"
mkdir -m 755 "$1/upper" "$1/work" "$1/root"
cp -a "$2/." "$1/upper"
chmod 755 "$1/upper"
mount -t overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" overlay "$1/root"
cd "$1/root"
mount -t proc proc proc
mount --bind proc/sys proc/sys
mount --bind proc/sys/net proc/sys/net
mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
for folder in run tmp var/lib dev; do mount -t tmpfs -o mode=755 tmpfs "$folder"; done
chmod 1777 tmp
mkdir dev/net dev/pts dev/shm old
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts dev/pts
mount -t tmpfs -o mode=1777 tmpfs dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
node() { mknod -m 666 "dev/$1" c "$2" "$3"; }
node null 1 3; node zero 1 5; node full 1 7; node random 1 8; node urandom 1 9; node tty 5 0; node net/tun 10 200
rm -rf etc/systemd/system/* etc/arctic
echo "$3" >etc/machine-id
pivot_root . old
umount -l /old
ldconfig
exec env -i container=lab PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --unit=multi-user.target
"""


def missing() -> str:
    """Why there can be no such host here, or nothing."""
    if not SYSTEMD.exists():
        return "systemd is not installed"
    if not _unified_hierarchy():
        return "there is no cgroup v2 hierarchy here"
    if "overlay" not in Path("/proc/filesystems").read_text():
        return "there is no overlayfs here"
    return ""


def _unified_hierarchy() -> Path | None:
    """Where cgroup v2 is mounted."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields, _, rest = line.partition(" - ")
        if rest.split()[0] == "cgroup2":
            return Path(fields.split()[4])
    return None


def _remove_group(group: Path) -> None:
    for folder in sorted(group.glob("**/"), reverse=True):
        folder.rmdir()


def _remove_dead_groups(hierarchy: Path) -> None:
    """What tests that were killed have left behind."""
    alive = labs()
    for group in hierarchy.glob("arc*-*"):
        if not any(group.name.startswith(f"{lab}-") for lab in alive):
            with suppress(OSError):  # another run removes it too, or a last process is still there
                _remove_group(group)


class Machine:
    """systemd on a host of a lab; stop() powers it off."""

    def __init__(self, host: Namespace, directory: Path, installed: Path) -> None:
        hierarchy = _unified_hierarchy()
        assert hierarchy
        _remove_dead_groups(hierarchy)
        self.host = host
        self._group = hierarchy / host.netns
        self._group.mkdir()
        self._mounts = directory / f"{host.name}-machine"
        self._mounts.mkdir()
        self._process = self._boot(directory / f"{host.name}-systemd.log", installed)
        try:
            wait_for(self._init, 20, "a first process")
            wait_for(self._is_up, 60, "systemd that is up")
        except BaseException:
            self.stop()
            raise

    def _boot(self, log: Path, installed: Path) -> Process:
        # Not by ip-netns(8), which covers /sys, and with it the cgroups.
        enter = f'echo $$ >{self._group}/cgroup.procs\nexec nsenter --net={NETNS_DIRECTORY / self.host.netns} "$@"'
        spaces = ("--mount", "--pid", "--uts", "--ipc", "--cgroup", "--kill-child")
        boot = ("sh", "-ec", _BOOT, "sh", str(self._mounts), str(installed), uuid.uuid4().hex)
        process = Process(f"{self.host.name}/systemd", ["sh", "-ec", enter, "sh", "unshare", *spaces, *boot], log)
        self.host.processes.append(process)
        return process

    def _init(self) -> int:
        """The pid of its PID 1 to this machine; 0 before it is there."""
        if self._process.returncode is not None:
            raise RuntimeError(f"the machine has ended with {self._process.returncode}:\n{self._process.log()}")
        parent = self._process.pid
        for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
            if Path(f"/proc/{child}/comm").read_text() == "systemd\n":
                return int(child)
        return 0

    def _is_up(self) -> bool:
        return self.run("systemctl", "is-system-running", check=False).stdout.strip() in ("running", "degraded")

    def command(self, *args: str) -> list[str]:
        """The command line that runs `args` there."""
        return ["nsenter", "--all", "--target", str(self._init()), "--", *args]

    def run(
        self, *args: str, check: bool = True, timeout: float = 60.0, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Runs a program to its end; CommandFailed unless it gives 0 or `check` is off."""
        return completed(self.command(*args), check, timeout, stdin)

    def show(self, unit: str, name: str) -> str:
        """One property of a unit, as it is in effect."""
        return self.run("systemctl", "show", "--value", "--property", name, unit).stdout.strip()

    def write(self, path: str, text: str) -> None:
        """Writes a file there, with the folders that it takes."""
        self.run("install", "-D", "-m", "644", "/dev/stdin", path, stdin=text)

    def journal(self, *options: str) -> str:
        return self.run("journalctl", "--no-pager", "--output=cat", *options).stdout

    def stop(self) -> None:
        """Powers it off; the same again does nothing."""
        if self._process.returncode is None:
            self._process.kill()
        wait_for(lambda: not self._busy(), 10, "the end of the machine's processes")
        _remove_group(self._group)
        shutil.rmtree(self._mounts)

    def _busy(self) -> bool:
        return any(path.read_text() for path in self._group.glob("**/cgroup.procs"))
