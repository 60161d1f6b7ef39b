#!/bin/sh
# Installs the Debian packages of every language (packages in its folder) into the image that is being built. A base
# image that already contains all of them, such as that of the local stack, needs no network.
set -eu
languages=$(dirname "$0")
for package in $(cat "$languages"/*/packages | sort -u); do
  dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || set -- "$@" "$package"
done
[ $# -gt 0 ] || exit 0
apt-get update
DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "$@"
rm -rf /var/lib/apt/lists/*
