#!/bin/bash
# Databases for the tests of submissions, each with a role that gets into no other (pg_hba.conf).
# Usage: test-database.sh anew|open|drop NAME, with NAME test_ and hexadecimal digits
#   anew   drops what is left of it, makes it, and prints the role's password
#   open   prints the password of the one that is there; makes it if it is not
#   drop   ends its connections, and drops it with its role
# The password follows from the name and the one of the program: nobody has to keep it.
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
bin=$(echo /usr/lib/postgresql/"$(<"$DATA_VOLUME/pgdata/PG_VERSION")"/bin)

# A statement that fails is not logged: it may hold the password.
sql() {
  PGOPTIONS='-c log_min_error_statement=panic -c client_min_messages=warning' \
    "$bin/psql" --dbname=postgres --no-psqlrc --quiet --tuples-only --no-align --set=ON_ERROR_STOP=1
}

drop() {
  sql <<<"DROP DATABASE IF EXISTS $1 WITH (FORCE);
DROP ROLE IF EXISTS $1;"
}

make() {
  # The role's connections are bounded by name, since owners may change the bound of their databases.
  sql <<<"CREATE ROLE $name LOGIN CONNECTION LIMIT $most_connections PASSWORD '$1';
CREATE DATABASE $name OWNER $name;
COMMENT ON DATABASE $name IS '$(date +%s)';
REVOKE CONNECT, TEMPORARY ON DATABASE app FROM PUBLIC;"
}

# One at a time: what is being made has no comment yet.
exec 9>/tmp/test-databases.lock
flock --wait 20 9

forgotten=$(sql <<<"SELECT datname FROM pg_database
WHERE datname ~ '^test_[0-9a-f]+\$'
  AND coalesce(shobj_description(oid, 'pg_database'), '0')::bigint < extract(epoch FROM now()) - $forgotten_after;")
for each in $forgotten; do drop "$each"; done

if [[ $action == drop ]]; then
  drop "$name"
  exit
fi
password=$(printf '%s:%s' "$name" "$(<"$PASSWORD_FILE")" | sha256sum | cut -d ' ' -f 1)
there=$(sql <<<"SELECT 1 FROM pg_database WHERE datname = '$name';")
if [[ $action == anew || -z $there ]]; then
  drop "$name"
  make "$password"
fi
echo "$password"
