# rack.bash - a simulated rack in one network namespace (see in-namespace): BMCs, nodes and a
# real dnsmasq.  To be sourced; everything is under $rack (a directory), with $build's programs.
#
#     boot0  10.77.0.1   the boot server's side; dnsmasq
#     nodes0             the nodes' side, without an address: pxe_nodes speaks raw frames
#     lo     127.1.0.N   the BMC of node N
#            127.2.0.N   PDU N, if it is one on TCP
#
# shellcheck shell=bash

# shellcheck source=tests/lib/wait.bash
source "$(dirname "${BASH_SOURCE[0]}")/wait.bash"
: "${rack:?a directory for files of the rack}" "${build:?where the programs are}"

rack_user=ops
rack_password=tinsel-and-string
rack_pdu=$(cd "$(dirname "${BASH_SOURCE[0]}")/../peers" && pwd)/pdu

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

# rack_up COUNT KILOBYTES [PXE_NODES OPTION...]: the first $rack_bmcs nodes have a BMC, else all
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
    "$build/peers/bmc_farm" --count "${rack_bmcs:-$count}" \
        --user "$rack_user" --password "$rack_password" \
        --control "$rack/farm.sock" --truth "$rack/truth.log" --nodes "$rack/nodes.sock" \
        >"$rack/farm.out" &
    wait_for 10 grep -q listening "$rack/farm.out"
}

# rack_pdus MAINS LINE DEVICE...: simulated PDUs (tests/peers/pdu) whose outlets are the power of
# nodes. MAINS: which node hangs on an outlet, words NODE=DEVICE/OUTLET.
rack_pdus() {
    rack_mains=$1
    shift
    mkfifo "$rack/mains"
    mains_feed <"$rack/mains" &
    "$rack_pdu" --control "$rack/pdu.sock" --truth "$rack/pdu.log" \
        --changes "$rack/mains" "$@" >"$rack/pdu.out" &
    wait_for 20 grep -q ready "$rack/pdu.out"
}

# What an outlet's relay does, its node's power supply feels: it runs while any of them is on.
mains_feed() {
    local device outlet state fed word node of
    local -A live
    while read -r device outlet state; do
        live[$device/$outlet]=$state
        for word in $rack_mains; do
            [[ $word == *"=$device/$outlet" ]] || continue
            node=${word%%=*} fed=off
            for of in $rack_mains; do
                [[ $of != "$node="* || ${live[${of#*=}]-} != on ]] || fed=on
            done
            nodes "$node" "$fed" >/dev/null
        done
    done
}

pdu() {
    /usr/bin/python3 -IS "$rack_pdu" --send "$rack/pdu.sock" "$@"
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
# What the PDUs wrote down: "NODE OUTLET on|off", and "by hand" if it was not by a request.
mains_switched() {
    jq -r --arg mains "$rack_mains" '($mains | split(" ") | map(split("=") | {(.[1]): .[0]}) | add)
        as $node_of | select(.event == "switch") | "\(.device)/\(.outlet)" as $outlet
        | "\($node_of[$outlet] // "-") \($outlet) \(.power) \(.by | select(. == "by hand") // "")"
        ' "$rack/pdu.log"
}
mains_outlets_on() {
    mains_switched | awk '$3 == "on" && !$4 { n++ } END { print n + 0 }'
}
# How often a node was given power, none of its outlets having been on before.
mains_starts() {
    mains_switched | awk '$3 == "off" { fed[$1]-- }
        $3 == "on" && !fed[$1]++ && !$4 { n++ }
        END { print n + 0 }'
}
truth_count() {
    grep -c "$1" "$rack/truth.log" || true
}
