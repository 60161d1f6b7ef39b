#!/bin/bash
# Manages test databases, each with its own role that cannot connect to any other database (pg_hba.conf).
# Usage: test-database.sh anew|open|drop NAME, where NAME is test_ followed by hexadecimal digits
#   anew   drops the database if it exists, creates it, and prints the role's password
#   open   creates the database if it does not exist, and prints the role's password
#   drop   ends the database's connections, and drops it with its role
# The password is derived from the name and the program's password, so it is not stored anywhere.
#
# The role owns its database. It may comment on it, make it a template, limit or forbid connections to it, and
# change its own password and settings. So this script relies on nothing that the role can change. The first
# step of a drop is to disable the role's login.
set -euo pipefail

# A test database that was never dropped is deleted after this time, in seconds. No test takes that long.
forgotten_after=21600
# The connection limit of each role. The other connections are for production.
most_connections=10

[[ $# == 2 && $1 =~ ^(anew|open|drop)$ && $2 =~ ^test_[0-9a-f]{1,40}$ ]] || {
  echo "usage: test-database.sh anew|open|drop NAME, not $*" >&2
  exit 64
}
action=$1 name=$2
bin=$(echo /usr/lib/postgresql/*/bin)

# Failed statements are not logged, as they may contain the password.
sql() {
  PGOPTIONS='-c log_min_error_statement=panic -c client_min_messages=warning' \
    "$bin/psql" --dbname="${1:-postgres}" --no-psqlrc --quiet --tuples-only --no-align --set=ON_ERROR_STOP=1
}

# Ends the role's sessions, takes over its database, and drops both.
drop_once() {
  sql <<<"SELECT format('ALTER ROLE %I NOLOGIN', rolname) FROM pg_roles WHERE rolname = '$1' \\gexec" &&
    sql <<<"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = '$1';" >/dev/null &&
    sql <<<"SELECT format('ALTER DATABASE %I OWNER TO CURRENT_USER', datname) FROM pg_database WHERE datname = '$1' \\gexec
SELECT format('ALTER DATABASE %I IS_TEMPLATE false', datname) FROM pg_database WHERE datname = '$1' \\gexec
DROP DATABASE IF EXISTS $1 WITH (FORCE);" &&
    drop_grants "$1" &&
    sql <<<"DROP ROLE IF EXISTS $1;"
}

# Privileges that the role was granted in other databases would prevent dropping it.
drop_grants() {
  local database
  for database in $(sql <<<"SELECT DISTINCT datname FROM pg_shdepend JOIN pg_database ON pg_database.oid = dbid
WHERE refclassid = 'pg_authid'::regclass AND refobjid = (SELECT oid FROM pg_roles WHERE rolname = '$1');"); do
    sql "$database" <<<"DROP OWNED BY $1;" || return
  done
}

# A connection that was being accepted while the login was disabled may prevent the drop. Then it is tried
# again.
drop() {
  drop_once "$1" || drop_once "$1" || drop_once "$1"
}

make() {
  # The limit is set on the role, because owners may change the connection limit of their databases.
  sql <<<"CREATE ROLE $name LOGIN CONNECTION LIMIT $most_connections PASSWORD '$1';
CREATE DATABASE $name OWNER $name;
REVOKE CONNECT, TEMPORARY ON DATABASE app FROM PUBLIC;"
}

# Only one call runs at a time, so that no call sees a database that another one has not finished creating.
exec 9>"${TMPDIR:-/tmp}/test-databases.lock"
flock --wait 20 9

# PostgreSQL writes PG_VERSION only when it creates a database. If an old database cannot be dropped now, the
# next call tries again. Until then it does no harm.
forgotten=$(sql <<<"SELECT rolname FROM pg_roles LEFT JOIN pg_database ON datname = rolname
WHERE rolname ~ '^test_[0-9a-f]+\$' AND datname IS NULL
UNION SELECT datname FROM pg_database
WHERE datname ~ '^test_[0-9a-f]+\$' AND coalesce(
  (pg_stat_file(format('base/%s/PG_VERSION', oid), true)).modification < now() - interval '$forgotten_after s', true);")
for each in $forgotten; do
  [[ $each == "$name" ]] || drop "$each" || echo "$each could not be dropped" >&2
done

if [[ $action == drop ]]; then
  drop "$name"
  exit
fi
password=$(printf '%s:%s' "$name" "$(<"$PASSWORD_FILE")" | sha256sum | cut -d ' ' -f 1)
there=$(sql <<<"SELECT 1 FROM pg_database JOIN pg_roles ON pg_roles.oid = datdba WHERE datname = '$name' AND rolname = '$name';")
if [[ $action == anew || -z $there ]]; then
  drop "$name"
  make "$password"
else
  # Restores the role's initial settings, whatever it has changed.
  sql <<<"ALTER ROLE $name RESET ALL;
ALTER ROLE $name LOGIN PASSWORD '$password';"
fi
echo "$password"
