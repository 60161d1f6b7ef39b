#!/bin/sh
# Creates .env for `docker compose up`, with random keys. Does nothing if .env exists.
#   sh infrastructure/compose/prepare.sh                                      everything in containers
#   KUBECONFIG=FILE KUBE_CONTEXT=NAME sh infrastructure/compose/prepare.sh    with your own cluster
set -eu
cd "$(dirname "$0")/../.."
if [ -e .env ]; then
  echo '.env is there already, and stays as it is.'
  exit 0
fi
umask 077
random() { od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n'; }
profiles=temporal,elasticsearch,kibana
cluster=
if [ -n "${KUBECONFIG:-}" ]; then
  : "${KUBE_CONTEXT:?names no context of $KUBECONFIG: no context is used by default}"
  mkdir -p .cluster
  for component in worker gateway; do cp "$KUBECONFIG" ".cluster/$component.kubeconfig"; done
  cluster="KUBE_CONTEXT=$KUBE_CONTEXT
CLUSTER_CONFIG=./.cluster"
  # Only the owner can read these files. Root gives them to the user of the containers; any other user runs
  # the containers under their own uid and gid.
  if [ "$(id -u)" = 0 ]; then
    chown -R 10003:10003 .cluster
  else
    cluster="$cluster
PLATFORM_USER=$(id -u):$(id -g)"
  fi
else
  profiles=$profiles,cluster
fi
cat > .env << END
COMPOSE_PROFILES=$profiles
API_KEY=$(random 32)
POSTGRES_PASSWORD=$(random 24)
$cluster
END
echo 'Made .env. Next: docker compose up -d --build'
