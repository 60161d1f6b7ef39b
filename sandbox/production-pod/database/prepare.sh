#!/bin/bash
# Runs while the image is built. Creates the cluster that each new database is copied from, with the programs'
# role and database, in the empty directory /opt/orchestration/cluster. So all databases of an image have the
# same system identifier. Only replication and WAL backups use it to distinguish clusters, and neither is used
# here.
set -euo pipefail
. "$(dirname "$(readlink -f "$0")")/cluster.sh"

cluster=/opt/orchestration/cluster
"$bin/initdb" --pgdata="$cluster" --encoding=UTF8 --locale=C.UTF-8 --data-checksums \
  --auth-local=peer --auth-host=reject --no-sync >/dev/null
alone "$cluster" <<<"CREATE ROLE app LOGIN;

CREATE DATABASE app OWNER app;
"
chmod -R a+rX "$cluster"
