#!/bin/bash
# Readiness probe: succeeds when PostgreSQL accepts connections, which is later than when it opens its port.
set -euo pipefail
bin=$(echo /usr/lib/postgresql/*/bin)
exec "$bin/pg_isready" --quiet --host=/var/run/postgresql --dbname=app
