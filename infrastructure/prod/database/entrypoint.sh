#!/bin/bash
# Makes the database on an empty volume and becomes PostgreSQL.
#
# DATA_VOLUME    the volume; the data go to its subdirectory pgdata
# PASSWORD_FILE  password of the role app: letters, digits, - and _; a new one is taken over at the next start
#
# Programs use the role app, which owns the database app and is no superuser. The superuser is the operating
# system user that runs this, over the socket in the pod only: kubectl exec ... -- psql app
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
data=$DATA_VOLUME/pgdata
taken_over=$DATA_VOLUME/password.sha256
installed=(/usr/lib/postgresql/*/bin)

fail() {
  echo "orchestration: $*" >&2
  exit 78
}

# Directory of the programs that fit the data, or the newest when there are no data yet.
programs() {
  if [[ ! -e $data/PG_VERSION ]]; then
    echo "${installed[-1]}"
    return
  fi
  local version
  version=$(<"$data/PG_VERSION")
  [[ -x /usr/lib/postgresql/$version/bin/postgres ]] ||
    fail "the volume holds data of PostgreSQL $version, this image has ${installed[*]}. Use an image with" \
      "version $version, or dump the data with it and restore them to a new volume."
  echo "/usr/lib/postgresql/$version/bin"
}

# Runs SQL from standard input without opening a port. A statement that fails is not logged: it may hold the password.
alone() {
  "$bin/postgres" --single -j -D "$1" -c exit_on_error=on -c log_checkpoints=off \
    -c log_min_error_statement=panic postgres >/dev/null
}

# A stop in the middle leaves only the unfinished directory, which the next start throws away.
create() {
  local unfinished=$data.unfinished
  rm -rf "$unfinished"
  "$bin/initdb" --pgdata="$unfinished" --encoding=UTF8 --locale=C.UTF-8 --data-checksums \
    --auth-local=peer --auth-host=reject >/dev/null
  alone "$unfinished" <<<"CREATE ROLE app LOGIN;

CREATE DATABASE app OWNER app;
"
  mv "$unfinished" "$data"
}

take_over_password() {
  local password digest
  password=$(<"$PASSWORD_FILE")
  [[ $password =~ ^[A-Za-z0-9_-]+$ ]] || fail "the password in $PASSWORD_FILE is empty or has other" \
    "characters than letters, digits, - and _."
  digest=$(sha256sum <<<"$password")
  [[ ! -e $taken_over || $(<"$taken_over") != "$digest" ]] || return 0
  alone "$data" <<<"ALTER ROLE app PASSWORD '$password';"
  echo "$digest" >"$taken_over"
}

umask 077
[[ -x ${installed[-1]}/postgres ]] || fail "there is no PostgreSQL under /usr/lib/postgresql in this image."
[[ -r $PASSWORD_FILE ]] || fail "the password is missing: $PASSWORD_FILE cannot be read by uid $(id -u)."
[[ -w $DATA_VOLUME ]] || fail "the volume $DATA_VOLUME cannot be written by uid $(id -u)."

bin=$(programs)
[[ -e $data/PG_VERSION ]] || create
take_over_password

exec "$bin/postgres" -D "$data" \
  -c config_file="$here/postgresql.conf" -c hba_file="$here/pg_hba.conf" -c ident_file="$data/pg_ident.conf"
