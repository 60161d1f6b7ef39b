#!/bin/sh
# A stand-in for the test pod's container on a machine without Kubernetes: becomes PID 1 of the supervisor in
# namespaces of its own, with a root of its own, as uid 10001 without capabilities. Needs root and Linux.
# Usage: unshare --fork --pid --mount --net --ipc pod.sh INFRASTRUCTURE_FOLDER [without-landlock]
set -eu
source=$1
root=/mnt
mount --make-rprivate /
mount -t tmpfs -o mode=0755 tmpfs "$root"
cd "$root"
mkdir -p usr etc dev proc work tmp layers opt/test-pod/bin opt/languages
for folder in bin sbin lib lib64; do ln -s "usr/$folder" "$folder"; done
mount --rbind /usr usr
mount --rbind /etc etc
cp -R "$source/test-pod/." opt/test-pod
cp "$source/pods/listening.py" opt/test-pod/supervisor
cp -R "$source/languages/." opt/languages
if [ "${2:-}" = without-landlock ]; then echo 'VERSION = 0' >> opt/test-pod/supervisor/landlock.py; fi
# As in Dockerfile.test: who may not read the interpreter's file cannot look into its processes.
install -m 0711 "$(readlink -f /usr/bin/python3)" opt/test-pod/bin/python3
mount -t proc proc proc
ip link set lo up
for device in null zero random urandom; do
  touch "dev/$device"
  mount --bind "/dev/$device" "dev/$device"
done
mkdir dev/shm
for folder in work tmp layers dev/shm; do mount -t tmpfs -o mode=1777,size=64m tmpfs "$folder"; done
exec env -i PATH="$PATH" POD_UID=stand-in chroot --userspec=10001:10001 --groups=10001 "$root" \
  setpriv --no-new-privs --bounding-set=-all --inh-caps=-all \
  /opt/test-pod/bin/python3 -I -S /opt/test-pod
