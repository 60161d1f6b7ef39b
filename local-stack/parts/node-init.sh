#!/bin/sh
# The first process of the Kubernetes node: it runs in separate network, mount and process namespaces, sets
# them up, and then reaps orphans. When it dies, the kernel ends every process in the node (containerd, its
# shims, all containers) and removes the node's mounts, interfaces and packet filter rules.
# Arguments: the address of the host end of the veth pair, the API server's port, the DNS server's port, the
# package index's port.
set -eu
host=$1 api=$2 dns=$3 packages=$4

# Mounts made here do not propagate to the host, but do propagate between containers.
mount --make-rprivate /
mount --make-rshared /
# Sockets, leases, CNI's files and links to logs are not valid after a restart, so they are kept in tmpfs.
for directory in /run /var/lib /var/log; do mount -t tmpfs -o mode=755 node "$directory"; done
mkdir -p /run/lock /run/netns

ip link set lo up
echo 1 > /proc/sys/net/ipv4/ip_forward
for family in iptables ip6tables; do echo 1 > "/proc/sys/net/bridge/bridge-nf-call-$family"; done

# Pods may only connect to the API server, the DNS server and the package index of this machine.
iptables -w -A FORWARD -i cni0 -o eth0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
iptables -w -A FORWARD -i cni0 -o eth0 -d "$host" -p tcp --dport "$api" -j ACCEPT
iptables -w -A FORWARD -i cni0 -o eth0 -d "$host" -p tcp --dport "$dns" -j ACCEPT
iptables -w -A FORWARD -i cni0 -o eth0 -d "$host" -p udp --dport "$dns" -j ACCEPT
iptables -w -A FORWARD -i cni0 -o eth0 -d "$host" -p tcp --dport "$packages" -j ACCEPT
iptables -w -A FORWARD -i cni0 -o eth0 -j REJECT
# What enforces network policies accepts packets before these rules: the same limit, where it has no rules.
iptables -w -t mangle -A FORWARD -i cni0 -o eth0 -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN
for port in "$api" "$dns" "$packages"; do
  iptables -w -t mangle -A FORWARD -i cni0 -o eth0 -d "$host" -p tcp --dport "$port" -j RETURN
done
iptables -w -t mangle -A FORWARD -i cni0 -o eth0 -d "$host" -p udp --dport "$dns" -j RETURN
iptables -w -t mangle -A FORWARD -i cni0 -o eth0 -j DROP

touch /run/node-is-set-up
echo 'the node is set up'
while :; do sleep 2147483647 & wait $! || true; done
