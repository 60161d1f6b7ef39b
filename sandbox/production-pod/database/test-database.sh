#!/bin/bash
# Databases for the tests of submissions, each with a role that gets into no other (pg_hba.conf).
# Usage: test-database.sh anew|open|drop NAME, with NAME test_ and hexadecimal digits
#   anew   drops what is left of it, makes it, and prints the role's password
#   open   prints the password of the one that is there; makes it if it is not
#   drop   ends its connections, and drops it with its role
# The password follows from the name and the one of the program: nobody has to keep it.
#
# The role owns its database: it may comment on it, make it a template, bound or forbid its connections, change its own
# password and settings. Nothing here depends on what the role can change, and first of all a role is closed.
set -euo pipefail

# Those that nobody dropped go after this time, in seconds: no test takes so long.
forgotten_after=21600
# Of a role, at once: production has the others.
most_connections=10

[[ $# == 2 && $1 =~ ^(anew|open|drop)$ && $2 =~ ^test_[0-9a-f]{1,40}$ ]] || {
  echo "usage: test-database.sh anew|open|drop NAME, not $*" >&2
  exit 64
}
action=$1 name=$2
bin=$(echo /usr/lib/postgresql/*/bin)

# A statement that fails is not logged: it may hold the password.
sql() {
  PGOPTIONS='-c log_min_error_statement=panic -c client_min_messages=warning' \
    "$bin/psql" --dbname="${1:-postgres}" --no-psqlrc --quiet --tuples-only --no-align --set=ON_ERROR_STOP=1
}

# Ends all that the role is doing, takes the database from it, and drops both.
drop_once() {
  sql <<<"SELECT format('ALTER ROLE %I NOLOGIN', rolname) FROM pg_roles WHERE rolname = '$1' \\gexec" &&
    sql <<<"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = '$1';" >/dev/null &&
    sql <<<"SELECT format('ALTER DATABASE %I OWNER TO CURRENT_USER', datname) FROM pg_database WHERE datname = '$1' \\gexec
SELECT format('ALTER DATABASE %I IS_TEMPLATE false', datname) FROM pg_database WHERE datname = '$1' \\gexec
DROP DATABASE IF EXISTS $1 WITH (FORCE);" &&
    drop_grants "$1" &&
    sql <<<"DROP ROLE IF EXISTS $1;"
}

# What others have given to the role in their databases would keep it.
drop_grants() {
  local database
  for database in $(sql <<<"SELECT DISTINCT datname FROM pg_shdepend JOIN pg_database ON pg_database.oid = dbid
WHERE refclassid = 'pg_authid'::regclass AND refobjid = (SELECT oid FROM pg_roles WHERE rolname = '$1');"); do
    sql "$database" <<<"DROP OWNED BY $1;" || return
  done
}

# A connection that was about to be let in when the role was closed may still be in the way: then once more.
drop() {
  drop_once "$1" || drop_once "$1" || drop_once "$1"
}

make() {
  # The role's connections are bounded by name, since owners may change the bound of their databases.
  sql <<<"CREATE ROLE $name LOGIN CONNECTION LIMIT $most_connections PASSWORD '$1';
CREATE DATABASE $name OWNER $name;
REVOKE CONNECT, TEMPORARY ON DATABASE app FROM PUBLIC;"
}

# One at a time: what is being made is not complete yet.
exec 9>"${TMPDIR:-/tmp}/test-databases.lock"
flock --wait 20 9

# PostgreSQL writes PG_VERSION when it makes a database, and never again. What cannot be dropped now is tried again by the
# next one, and is in nobody's way.
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
  # As it was made, whatever the role has done to itself.
  sql <<<"ALTER ROLE $name RESET ALL;
ALTER ROLE $name LOGIN PASSWORD '$password';"
fi
echo "$password"
