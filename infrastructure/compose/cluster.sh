#!/bin/sh
# Runs in the container cluster-setup. Applies the RBAC rules of the worker and the gateway, permits the images
# of users' pods, and writes a kubeconfig for each of the two, with a service account token that is valid for a
# year. `docker compose up` renews it.
set -eu
sed 's#https://127.0.0.1:6443#https://k3s:6443#' /output/kubeconfig > /tmp/admin
export KUBECONFIG=/tmp/admin
kubectl apply --server-side -f /setup/rbac.yaml
# Adds to the images that are there: programs of earlier versions still run with theirs.
for image in "$TEST_IMAGE" "$PROGRAM_IMAGE" "$DATABASE_IMAGE" "$DATABASE_IMAGE_15"; do
  key=$(printf %s "${image##*/}" | tr -c 'A-Za-z0-9._-' .)
  kubectl create configmap user-images -n orchestration-system > /dev/null 2>&1 || true
  kubectl patch configmap user-images -n orchestration-system --type merge \
    -p "{\"data\": {\"$key\": \"$image\"}}"
done
authority=$(kubectl config view --raw -o 'jsonpath={.clusters[0].cluster.certificate-authority-data}')
for component in worker gateway; do
  token=$(kubectl create token "orchestration-$component" -n orchestration-system --duration=8760h)
  file="/cluster/$component.kubeconfig"
  cat > "$file" << END
{"apiVersion": "v1", "kind": "Config", "current-context": "default",
 "clusters": [{"name": "default", "cluster": {"server": "https://k3s:6443", "certificate-authority-data": "$authority"}}],
 "users": [{"name": "default", "user": {"token": "$token"}}],
 "contexts": [{"name": "default", "context": {"cluster": "default", "user": "default"}}]}
END
  chown 10003:10003 "$file"
  chmod 0400 "$file"
done
