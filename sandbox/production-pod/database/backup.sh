#!/bin/bash
# Writes a dump of the program's database to stdout, and its SHA-256 to stderr as the last line. The hash
# reveals a truncated stream. pg_dump runs as the program's role, not as a superuser, so the dump contains
# only the user's data.
set -euo pipefail
bin=$(echo /usr/lib/postgresql/*/bin)
PGPASSWORD=$(<"$PASSWORD_FILE")
export PGPASSWORD

exec 4> >(sha256sum | cut -d ' ' -f 1 >&2)
hasher=$!
"$bin/pg_dump" --host=127.0.0.1 --username=app --format=custom app | tee /dev/fd/4
exec 4>&-
wait "$hasher"
