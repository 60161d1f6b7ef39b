#!/bin/bash
# Readiness probe. Succeeds when PostgreSQL accepts connections; an open port is not enough.
set -euo pipefail
bin=$(echo /usr/lib/postgresql/*/bin)
exec "$bin/pg_isready" --quiet --host=/var/run/postgresql --dbname=app
