#!/bin/bash
# Readiness probe. Succeeds when PostgreSQL accepts connections; an open port is not enough. Waits for a database that is
# starting: Kubernetes repeats a probe that failed only a second later. HOLD must stay below the probe's timeoutSeconds.
set -euo pipefail
readonly HOLD=2
bin=$(echo /usr/lib/postgresql/*/bin)
until [[ -S /var/run/postgresql/.s.PGSQL.5432 ]] &&
  "$bin/pg_isready" --quiet --host=/var/run/postgresql --dbname=app; do
  ((SECONDS < HOLD)) || exit 1
  sleep 0.1
done
