#!/bin/bash
# Upgrades the database to another major version of PostgreSQL, on the same volume. The old data remain next
# to the new data, unchanged, until they are discarded.
# Usage:
#   upgrade.sh dump MAJOR  in the pod of the old version: closes the database to the program, and dumps it to
#                          upgrade/. If this fails, or if the old version starts again, the program can
#                          connect again.
#   upgrade.sh restore     in the pod of the new version, before PostgreSQL runs (entrypoint.sh): restores the
#                          dump into a new cluster, counts the rows of each table, and installs the cluster if
#                          none is missing
#   upgrade.sh report      prints the previous version, the number of tables and the number of rows
#   upgrade.sh discard     deletes the data of other versions, and prints these versions
set -euo pipefail
. "$(dirname "$(readlink -f "$0")")/cluster.sh"

upgrade=$DATA_VOLUME/upgrade
umask 077

# Runs SQL from standard input as the superuser. $1 is the database; further arguments are passed to psql.
sql() {
  "$bin/psql" --dbname="$1" "${@:2}" --no-psqlrc --quiet --tuples-only --no-align --set=ON_ERROR_STOP=1
}

# Prints one line for each table: its name and its number of rows. Tables of extensions are skipped.
count_rows() {
  sql app "$@" <<'SQL'
SELECT format('SELECT %L, count(*) FROM %I.%I', nspname || '.' || relname, nspname, relname)
FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE relkind = 'r' AND nspname NOT LIKE 'pg\_%' AND nspname <> 'information_schema'
  AND NOT EXISTS (SELECT FROM pg_depend
    WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype = 'e')
ORDER BY nspname, relname \gexec
SQL
}

let_in_again() {
  sql postgres <<<'ALTER ROLE app LOGIN;'
  rm -rf "$upgrade" "$upgrade.unfinished" "$data/orchestration.closed"
}

close_to_program() {
  touch "$data/orchestration.closed"
  sql postgres <<<'ALTER ROLE app NOLOGIN;'
  # A connection that was being accepted may appear only now.
  while [[ $(sql postgres <<<"SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity WHERE usename = 'app';") != 0 ]]; do
    :
  done
}

# The volume needs space for the new cluster, its WAL, and the dump.
check_room() {
  local needed free
  needed=$(sql postgres <<<"SELECT 2 * pg_database_size('app') + 128 * 1024 * 1024;")
  free=$(($(df --output=avail -k "$DATA_VOLUME" | tail -1) * 1024))
  ((free >= needed)) || {
    echo "the volume has $((free >> 20)) MiB free, and the upgrade needs $((needed >> 20))" >&2
    exit 65
  }
}

dump() {
  data=$(data_directory)
  check_room
  trap let_in_again EXIT
  # Data of the new version may remain from an upgrade that was rolled back.
  rm -rf "$upgrade" "$upgrade.unfinished" "$DATA_VOLUME/pgdata.$1"
  mkdir "$upgrade.unfinished"
  close_to_program
  cd "$upgrade.unfinished"
  count_rows >counts
  "$bin/pg_dump" --format=custom --file=app.dump app
  # The role's settings, for this database and for all databases. The database's own settings are in the dump.
  "$bin/pg_dumpall" --roles-only --no-role-passwords | { grep -E '^ALTER ROLE app (IN DATABASE app )?SET ' || true; } >role.sql
  echo "$major" >from
  sha256sum counts app.dump role.sql from >complete
  sync ./*
  mv "$upgrade.unfinished" "$upgrade"
  sync "$DATA_VOLUME"
  trap - EXIT
}

restore() {
  local new=$DATA_VOLUME/unfinished
  local here=(--host=/tmp)
  cd "$upgrade"
  sha256sum --check --status complete
  rm -rf "$new"
  copy_cluster "$new"
  # fsync is off: after a power loss, the next start simply begins again.
  "$bin/pg_ctl" start --silent --wait --pgdata="$new" --options="-c listen_addresses='' \
    -c unix_socket_directories=/tmp -c shared_buffers=48MB -c dynamic_shared_memory_type=posix -c fsync=off \
    -c max_connections=10 -c log_checkpoints=off"
  # shellcheck disable=SC2064 # Expanded now, because the local variable is gone when the trap runs.
  trap "'$bin/pg_ctl' stop --silent --mode=immediate --pgdata='$new'" EXIT
  sql postgres "${here[@]}" <<<'DROP DATABASE app;'
  "$bin/pg_restore" "${here[@]}" --create --exit-on-error --dbname=postgres app.dump
  sql postgres "${here[@]}" <role.sql
  count_rows "${here[@]}" >"$new/counts"
  diff --unified=0 counts "$new/counts" >&2 || {
    echo "orchestration: not all rows arrived" >&2
    exit 65
  }
  rm "$new/counts"
  "$bin/vacuumdb" "${here[@]}" --analyze-only --quiet app
  "$bin/pg_ctl" stop --silent --wait --pgdata="$new" --mode=fast
  trap - EXIT
  awk -F '|' -v from="$(<from)" '{ rows += $NF } END { print from, NR, rows + 0 }' counts >"$new/orchestration.upgraded"
  "$bin/initdb" --sync-only --pgdata="$new" >/dev/null
  mv "$new" "$DATA_VOLUME/pgdata.$major"
  sync "$DATA_VOLUME"
  rm -rf "$upgrade"
}

report() {
  cat "$(data_directory)/orchestration.upgraded"
}

discard() {
  local file
  for file in "$DATA_VOLUME"/pgdata*/PG_VERSION; do
    [[ $(<"$file") != "$major" ]] || continue
    cat "$file"
    rm -rf "$(dirname "$file")"
  done
}

case "${1:-} $#" in
  'dump 2') dump "$2" ;;
  'restore 1' | 'report 1' | 'discard 1') "$1" ;;
  *)
    echo "usage: upgrade.sh dump MAJOR | restore | report | discard, not $*" >&2
    exit 64
    ;;
esac
