#!/bin/bash
# Readiness probe: succeeds when PostgreSQL accepts connections, which is later than when it opens its port.
set -euo pipefail
installed=(/usr/lib/postgresql/*/bin)
exec "${installed[-1]}/pg_isready" --quiet --host=/var/run/postgresql --dbname=app
