#!/bin/bash
# Replaces the entire contents of the program's database with a dump from stdin, in one transaction.
# Usage: restore.sh BYTES SHA256, the size and hash of the dump. Nothing changes before both are verified.
set -euo pipefail
bin=$(echo /usr/lib/postgresql/*/bin)
PGPASSWORD=$(<"$PASSWORD_FILE")
export PGPASSWORD

# On the volume: a dump may be larger than /tmp.
dump=$(mktemp "$DATA_VOLUME/restore.XXXXXX")
trap 'rm -f "$dump"' EXIT
head -c "$1" >"$dump"
if [[ $(stat -c %s "$dump") != "$1" ]] || ! sha256sum --check --status <<<"$2  $dump"; then
  echo "the dump did not arrive whole; the database was not touched" >&2
  exit 65
fi
# COMMIT is sent last, and only if everything before it succeeded. Without COMMIT, nothing changes.
{
  echo 'BEGIN; DROP OWNED BY CURRENT_USER;'
  "$bin/pg_restore" --no-owner --no-privileges --file=- "$dump" && echo 'COMMIT;'
} | "$bin/psql" --host=127.0.0.1 --username=app --dbname=app --quiet --no-psqlrc --set=ON_ERROR_STOP=1 >/dev/null
