#!/bin/bash
# Creates the database if the volume is empty, then runs PostgreSQL.
#
# DATA_VOLUME    the volume; see cluster.sh
# PASSWORD_FILE  the password of the role app: letters, digits, - and _; a new one applies from the next start
#
# Programs use the role app, which owns the database app and is not a superuser. The superuser is the
# operating system user that runs this script. It can connect only over the socket in the pod:
# kubectl exec ... -- psql app
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
. "$here/cluster.sh"
# Longer than the minute in which PostgreSQL notices that its lock file is gone, and than its shutdown.
readonly OTHER_ENDS_SECONDS=150

# If this is interrupted, only the directory "unfinished" remains, and the next start deletes it.
create() {
  rm -rf "$DATA_VOLUME/unfinished"
  copy_cluster "$DATA_VOLUME/unfinished"
  mv "$DATA_VOLUME/unfinished" "$1"
}

# Prints the major versions of all data on the volume.
versions_there() {
  local file
  for file in "$DATA_VOLUME"/pgdata*/PG_VERSION; do
    [[ ! -e $file ]] || cat "$file"
  done
}

# Lets the program connect again if an interrupted upgrade closed the database to it (upgrade.sh).
open_again() {
  [[ -e $data/orchestration.closed ]] || return 0
  alone "$data" <<<"ALTER ROLE app LOGIN;"
  rm -rf "$DATA_VOLUME/upgrade" "$DATA_VOLUME/upgrade.unfinished" "$data/orchestration.closed"
}

take_over_password() {
  local password digest taken_over=$data/orchestration.password.sha256
  password=$(<"$PASSWORD_FILE")
  [[ $password =~ ^[A-Za-z0-9_-]+$ ]] || fail "the password in $PASSWORD_FILE is empty or has other" \
    "characters than letters, digits, - and _."
  digest=$(sha256sum <<<"$password")
  [[ ! -e $taken_over || $(<"$taken_over") != "$digest" ]] || return 0
  alone "$data" <<<"ALTER ROLE app PASSWORD '$password';"
  echo "$digest" >"$taken_over"
}

# Waits until no other PostgreSQL runs on this volume. When the shim of a pod is killed, containerd leaves the processes of
# its containers running, and Kubernetes starts new ones beside them: two servers destroy the data. PostgreSQL's own lock
# does not help, because each of them is process 1 of its container. All processes of a server inherit this lock.
take_volume() {
  exec 9>>"$DATA_VOLUME/lock"
  flock --nonblock 9 && return
  echo "orchestration: another PostgreSQL still runs on this volume. It ends itself within a minute." >&2
  # It checks once a minute that this file is there, and otherwise shuts down at once.
  rm -f "$DATA_VOLUME"/pgdata*/postmaster.pid
  flock --timeout "$OTHER_ENDS_SECONDS" 9 || fail "another PostgreSQL still runs on the volume of this database" \
    "after $OTHER_ENDS_SECONDS s. Find its process on the node and end it."
}

umask 077
[[ -x $bin/postgres ]] || fail "there is no PostgreSQL under /usr/lib/postgresql in this image."
[[ -r $PASSWORD_FILE ]] || fail "the password is missing: $PASSWORD_FILE cannot be read by uid $(id -u)."
[[ -w $DATA_VOLUME ]] || fail "the volume $DATA_VOLUME cannot be written by uid $(id -u)."

take_volume
# An interrupted first start with an earlier image may have left this directory.
rm -rf "$DATA_VOLUME/pgdata.unfinished"
data=$(data_directory)
if [[ -z $data ]]; then
  there=$(versions_there | sort -u | paste -sd ,)
  if [[ -z $there ]]; then
    data=$DATA_VOLUME/pgdata
    create "$data"
  elif [[ -e $DATA_VOLUME/upgrade/complete ]]; then
    data=$DATA_VOLUME/pgdata.$major
    "$here/upgrade.sh" restore || {
      echo "orchestration: the upgrade to PostgreSQL $major failed. The data of PostgreSQL $there are as they were." >&2
      exit 75
    }
  else
    fail "the volume holds data of PostgreSQL $there, this image has $major. Use an image with version $there" \
      "(annotation orchestration-app/postgresql-major of the StatefulSet), then upgrade: npm run ops --" \
      "upgrade-database USER."
  fi
fi
open_again
take_over_password

exec "$bin/postgres" -D "$data" \
  -c config_file="$here/postgresql.conf" -c hba_file="$here/pg_hba.conf" -c ident_file="$data/pg_ident.conf"
