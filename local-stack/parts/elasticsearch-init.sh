#!/bin/sh
# Starts Elasticsearch as an unprivileged user, even if its files are below a home folder that this user
# cannot access: they are bind-mounted at /mnt, in a mount namespace that ends with the server.
# Arguments: the user and group id, the unpacked Elasticsearch, the data folder. ES_JAVA_HOME is set.
set -eu
id=$1 home=$2 data=$3

mount --make-rprivate /
mkdir -p "$data/config" "$data/data" "$data/logs"
chown -R "$id:$id" "$data"
mount -t tmpfs -o mode=755 elasticsearch /mnt
mkdir -p /mnt/home /mnt/state /mnt/tmp
chmod 1777 /mnt/tmp
mount --bind "$home" /mnt/home
mount -o remount,ro,bind /mnt/home
mount --bind "$data" /mnt/state
export ES_HOME=/mnt/home ES_PATH_CONF=/mnt/state/config ES_TMPDIR=/mnt/tmp HOME=/mnt/tmp
cd /mnt/tmp
exec setpriv --pdeathsig KILL --reuid "$id" --regid "$id" --clear-groups --no-new-privs -- /mnt/home/bin/elasticsearch
