# rack.bash - a simulated rack in one network namespace (see in-namespace): BMCs, nodes and a
# real dnsmasq.  To be sourced; everything is under $rack (a directory), with $build's programs.
#
#     boot0  10.77.0.1   the boot server's side; dnsmasq
#     nodes0             the nodes' side, without an address: pxe_nodes speaks raw frames
#     lo     127.1.0.N   the BMC of node N
#
# shellcheck shell=bash

# shellcheck source=tests/lib/wait.bash
source "$(dirname "${BASH_SOURCE[0]}")/wait.bash"
: "${rack:?a directory for files of the rack}" "${build:?where the programs are}"

rack_user=ops
rack_password=tinsel-and-string

# rack_nodes COUNT: n01 n02 ...
rack_nodes() {
    printf 'n%02d\n' $(seq "$1")
}

# Both sides of one wire.
rack_network() {
    ip link set lo up
    ip link add boot0 type veth peer name nodes0
    ip address add 10.77.0.1/24 dev boot0
    # Else the kernel's own neighbour discovery is what a capture sees most of.
    echo 1 >/proc/sys/net/ipv6/conf/nodes0/disable_ipv6 2>/dev/null || true
    ip link set boot0 up
    ip link set nodes0 up
}

rack_files() {
    local kilobytes=$1
    mkdir -p "$rack/tftp/pxelinux.cfg"
    head -c 42k /dev/urandom >"$rack/tftp/pxelinux.0"
    head -c "${kilobytes}k" /dev/urandom >"$rack/tftp/vmlinuz"
    head -c "$((kilobytes / 2))k" /dev/urandom >"$rack/tftp/initrd.img"
    cat >"$rack/tftp/pxelinux.cfg/default" <<'END'
DEFAULT linux
LABEL linux
    KERNEL vmlinuz
    APPEND initrd=initrd.img
END
    # dnsmasq gives out only what everybody may read.
    chmod -R a+rX "$rack/tftp"
}

# rack_dnsmasq COUNT: addresses by MAC, and TFTP. In the foreground (-d): without root it could
# not change to a user of its own.
rack_dnsmasq() {
    local i
    {
        printf '%s\n' port=0 interface=boot0 bind-interfaces except-interface=lo \
            "log-facility=$rack/dnsmasq.log" log-dhcp no-ping dhcp-authoritative \
            "dhcp-leasefile=$rack/leases" dhcp-range=10.77.0.0,static,255.255.255.0,1h \
            enable-tftp "tftp-root=$rack/tftp" tftp-max=200 dhcp-boot=pxelinux.0
        for ((i = 1; i <= $1; i++)); do
            printf 'dhcp-host=52:54:00:77:01:%02x,10.77.0.%d,n%02d\n' "$i" $((100 + i)) "$i"
        done
    } >"$rack/dnsmasq.conf"
    for ((i = 1; i <= $1; i++)); do
        printf '52:54:00:77:01:%02x n%02d\n' "$i" "$i"
    done >"$rack/ethers"
    dnsmasq -d -C "$rack/dnsmasq.conf" >"$rack/dnsmasq.out" 2>&1 &
    wait_for 10 grep -q 'TFTP root is' "$rack/dnsmasq.log"
}

# rack_up COUNT KILOBYTES [PXE_NODES OPTION...]
rack_up() {
    local count=$1 kilobytes=$2
    shift 2
    rack_network
    rack_files "$kilobytes"
    rack_dnsmasq "$count"
    "$build/peers/pxe_nodes" --interface nodes0 --count "$count" --control "$rack/nodes.sock" \
        --log "$rack/nodes.log" --config pxelinux.cfg/default --kernel vmlinuz \
        --initrd initrd.img "$@" >"$rack/nodes.out" &
    wait_for 10 grep -q listening "$rack/nodes.out"
    "$build/peers/bmc_farm" --count "$count" --user "$rack_user" --password "$rack_password" \
        --control "$rack/farm.sock" --truth "$rack/truth.log" --nodes "$rack/nodes.sock" \
        >"$rack/farm.out" &
    wait_for 10 grep -q listening "$rack/farm.out"
}

farm() {
    "$build/peers/bmc_farm" --send "$rack/farm.sock" "$@"
}

nodes() {
    "$build/peers/pxe_nodes" --send "$rack/nodes.sock" "$@"
}

# What each of the three that know says.  dnsmasq's "sent" ends a transfer; a node that only asks
# for a size and aborts is logged with "error" first, and asks for the loader only.
dnsmasq_kernels() {
    grep -c 'sent .*/vmlinuz to ' "$rack/dnsmasq.log" || true
}
nodes_kernels() {
    nodes report | awk -F'"kernels":' '{ sum += $2 } END { print sum + 0 }'
}
# rack_stage NODE: where the node itself says it is
rack_stage() {
    nodes report | sed -n "s/.*\"name\":\"$1\",\"stage\":\"\\([^\"]*\\)\".*/\\1/p"
}
rack_count_stage() {
    nodes report | grep -c "\"stage\":\"$1\"" || true
}
rack_has_up() {
    (($(rack_count_stage up) == $1))
}
truth_count() {
    grep -c "$1" "$rack/truth.log" || true
}
