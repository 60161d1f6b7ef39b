#!/bin/sh
# The first process of the Kubernetes node: it runs in network, mount and process namespaces of its own, sets
# them up, and then waits for orphans. When it dies, the kernel ends every process in the node (containerd, its
# shims, all containers) and drops the node's mounts, interfaces and packet filter rules with it.
# Arguments: the address of the machine's end of the cable, the API server's port, the port of the DNS server,
# the port of the package index.
set -eu
host=$1 api=$2 dns=$3 packages=$4

# Mounts made here stay here; containers may pass theirs on among themselves.
mount --make-rprivate /
mount --make-rshared /
# Sockets, leases, CNI's notes and links to logs: all of it is void after a restart anyway.
for directory in /run /var/lib /var/log; do mount -t tmpfs -o mode=755 node "$directory"; done
mkdir -p /run/lock /run/netns

ip link set lo up
echo 1 > /proc/sys/net/ipv4/ip_forward
for family in iptables ip6tables; do echo 1 > "/proc/sys/net/bridge/bridge-nf-call-$family"; done

# Pods may ask the API server, the DNS server and the package index of this machine, and open nothing else on it.
iptables -w -A FORWARD -i cni0 -o eth0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
iptables -w -A FORWARD -i cni0 -o eth0 -d "$host" -p tcp --dport "$api" -j ACCEPT
iptables -w -A FORWARD -i cni0 -o eth0 -d "$host" -p tcp --dport "$dns" -j ACCEPT
iptables -w -A FORWARD -i cni0 -o eth0 -d "$host" -p udp --dport "$dns" -j ACCEPT
iptables -w -A FORWARD -i cni0 -o eth0 -d "$host" -p tcp --dport "$packages" -j ACCEPT
iptables -w -A FORWARD -i cni0 -o eth0 -j REJECT

touch /run/node-is-set-up
echo 'the node is set up'
while :; do sleep 2147483647 & wait $! || true; done
