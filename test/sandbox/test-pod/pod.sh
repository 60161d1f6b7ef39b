#!/bin/sh
# A stand-in for the test pod's container on a machine without Kubernetes: runs the supervisor as PID 1 in
# separate namespaces, with a separate root, as uid 10001 without capabilities. Needs root and Linux.
# Usage: unshare --fork --pid --mount --net --ipc pod.sh SANDBOX_FOLDER [without-landlock|with-faults|with-namespaces]
set -eu
source=$1
root=/mnt
mount --make-rprivate /
mount -t tmpfs -o mode=0755 tmpfs "$root"
cd "$root"
mkdir -p usr etc dev proc work tmp layers opt/test-pod/bin opt/languages
for folder in bin sbin lib lib64; do ln -s "usr/$folder" "$folder"; done
# Like the file system of an image in a container: readable, but not writable.
for folder in usr etc; do
  mount --bind "/$folder" "$folder"
  mount -o remount,bind,ro "$folder"
done
cp -R "$source/test-pod/." opt/test-pod
cp "$source"/shared/*.py opt/test-pod/supervisor
cp -R "$source/languages/." opt/languages
case "${2:-}" in without-landlock|with-namespaces) echo 'VERSION = 0' >> opt/test-pod/supervisor/landlock.py ;; esac
if [ "${2:-}" = with-faults ]; then cat "$(dirname "$0")/faults.py" >> opt/test-pod/supervisor/execution.py; fi
# As in Dockerfile.test: a user who cannot read the interpreter's file cannot inspect its processes.
install -m 0711 "$(readlink -f /usr/bin/python3)" opt/test-pod/bin/python3
mount -t proc proc proc
ip link set lo up
for device in null zero random urandom; do
  touch "dev/$device"
  mount --bind "/dev/$device" "dev/$device"
done
# Two folders that runtimes create, and that all users may write to.
mkdir dev/shm dev/mqueue
mount -t mqueue mqueue dev/mqueue
touch dev/termination-log
chmod 0666 dev/termination-log
for folder in work tmp layers dev/shm; do mount -t tmpfs -o mode=1777,size=64m tmpfs "$folder"; done
# A memory cgroup, as for the pod. If none can be created, the supervisor sums up processes.
memory=/sys/fs/cgroup/memory
if [ -d $memory ] && group=$(mktemp -d $memory/stand-in.XXXXXX 2>/dev/null); then
  chmod 0755 "$group"
  echo 2560M > "$group/memory.limit_in_bytes"
  echo 0 > "$group/cgroup.procs"
  mkdir -p sys/fs/cgroup/memory
  mount --bind "$group" sys/fs/cgroup/memory
  mount -o remount,bind,ro sys/fs/cgroup/memory
fi
# In a root that was only changed by chroot, Linux creates no user namespaces. With one, programs get their own.
root_change="chroot $root"
if [ "${2:-}" = with-namespaces ]; then
  mkdir .old supervisor
  mount -t tmpfs -o mode=1777,size=1m tmpfs supervisor
  pivot_root . .old
  umount -l .old
  root_change=
fi
exec env -i PATH="$PATH" POD_UID=stand-in $root_change \
  setpriv --reuid=10001 --regid=10001 --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all \
  /opt/test-pod/bin/python3 -I -S /opt/test-pod
