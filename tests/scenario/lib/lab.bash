# lab.bash - real firmware, real kernel, real BMC protocol: for scenarios. To be sourced.
#
#   powerctl -> ipmi_sim + our chassis module -> machine -> QEMU/SeaBIOS/iPXE -> dnsmasq -> Linux
#
# All of it lives in network, process and mount namespaces of its own, under $lab; when the first
# process in there dies, the kernel ends the rest: lab_down cannot forget anything, and two labs
# do not meet.  `inside COMMAND` runs a command in it.
#
#   lab-br0  10.77.0.1     boot server's side; node N: 10.77.0.1N, MAC 52:54:00:77:00:0N
#   lo       127.0.1.N     the BMC of node N, port 623, user admin, password s3cret, suite 3
#
# ipmi_sim knows neither suite 17 nor the privilege in Open Session: FreeIPMI's tools need
# -W opensesspriv.
#
# shellcheck shell=bash

lab_library=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
lab_top=$(cd "$lab_library/../../.." && pwd)
# shellcheck source=tests/lib/wait.bash
source "$lab_top/tests/lib/wait.bash"

lab_build=$(realpath -m "${POWERCTL_BUILD:-$lab_top/build}")
lab_user='admin'
lab_password=s3cret

inside() {
    local user=()
    ((EUID == 0)) || user=(--user --preserve-credentials)
    nsenter --target "$(cat "$lab/holder")" "${user[@]}" --net --pid --mount --wd="$PWD" -- "$@"
}

# Outlives its caller: not a job of it, and without the descriptor bats waits for.
inside_background() {
    inside "$@" </dev/null 3>&- &
    disown
}

lab_namespaces() {
    local kinds=(--net --pid --fork --kill-child --mount-proc)
    ((EUID == 0)) || kinds+=(--user --map-root-user)
    # A shell, because somebody in there has to bury the orphans.
    unshare "${kinds[@]}" -- bash -c 'while :; do sleep 3600 & wait; done' \
        </dev/null >/dev/null 2>&1 3>&- &
    lab_unshare=$!
    disown
    echo "$lab_unshare" >"$lab/unshare"
    wait_for 10 lab_holder_is_known
    wait_for 10 inside true
}

lab_holder_is_known() {
    pgrep -P "$lab_unshare" >"$lab/holder"
}

lab_network() {
    local i
    inside ip link set lo up
    inside ip link add lab-br0 type bridge stp_state 0 forward_delay 0
    inside ip address add 10.77.0.1/16 dev lab-br0
    # dnsmasq answers iPXE's router solicitation: iPXE waits 13 s for it otherwise.
    inside ip address add fd77::1/64 dev lab-br0 nodad
    inside ip link set lab-br0 up
    for ((i = 1; i <= $1; i++)); do
        inside ip tuntap add dev "lab-tap$i" mode tap
        inside ip link set "lab-tap$i" master lab-br0 up
    done
}

# lab_script [WORD...]: what iPXE is told to boot, with more words for the kernel.
# shellcheck disable=SC2120 # the words come from tests
lab_script() {
    cat >"$lab/tftp/boot.ipxe" <<END
#!ipxe
kernel vmlinuz initrd=initrd.gz console=ttyS0,115200 quiet panic=5 nokaslr $*
initrd initrd.gz
boot
END
}

lab_bootserver() {
    local i
    mkdir -p "$lab/tftp"
    # shellcheck disable=SC2119
    lab_script
    ln "$lab/files/vmlinuz" "$lab/files/initrd.gz" "$lab/tftp/" 2>/dev/null ||
        cp "$lab/files/vmlinuz" "$lab/files/initrd.gz" "$lab/tftp/"
    for ((i = 1; i <= $1; i++)); do
        echo "52:54:00:77:00:0$i,10.77.0.1$i,n0$i"
    done >"$lab/hosts"
    for ((i = 1; i <= $1; i++)); do
        echo "52:54:00:77:00:0$i n0$i"
    done >"$lab/ethers"
    # Option 176 tells iPXE that there is no proxy DHCP to wait 3 s for.
    printf '%s\n' port=0 interface=lab-br0 bind-interfaces except-interface=lo \
        "log-facility=$lab/dnsmasq.log" log-dhcp no-ping dhcp-authoritative \
        "dhcp-leasefile=$lab/leases" dhcp-range=10.77.0.0,static,255.255.0.0,1h \
        "dhcp-hostsfile=$lab/hosts" dhcp-option=option:router,10.77.0.1 \
        enable-tftp "tftp-root=$lab/tftp" dhcp-match=set:ipxe,175 dhcp-boot=tag:ipxe,boot.ipxe \
        dhcp-option=encap:175,176,1b enable-ra dhcp-range=fd77::,ra-only ra-param=lab-br0,5 \
        >"$lab/dnsmasq.conf"
    # -d: in the foreground, and as who we are.
    inside_background dnsmasq -d -C "$lab/dnsmasq.conf" >"$lab/dnsmasq.out" 2>&1
    wait_for 10 grep -q 'TFTP root is' "$lab/dnsmasq.log"
}

# lab_bmc NUMBER: also brings back one that died.
lab_bmc() {
    local directory=$lab/n0$1
    (
        umask 077
        cat >"$directory/lan.conf" <<END
name "n0$1"
set_working_mc 0x20
  startlan 1
    addr 127.0.1.$1 623
    priv_limit admin
    allowed_auths_callback none md2 md5 straight
    allowed_auths_user none md2 md5 straight
    allowed_auths_operator none md2 md5 straight
    allowed_auths_admin none md2 md5 straight
    guid a123456789abcdefa123456789abcd0$1
  endlan
  user 1 true "" "" user 10 none md2 md5 straight
  user 2 true "$lab_user" "$lab_password" admin 10 none md2 md5 straight
loadlib "$lab_build/peers/ipmi_sim_chassis.so" "$directory $lab_library/machine"
END
    )
    printf '%s\n' 'mc_setbmc 0x20' \
        'mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr' \
        'sel_enable 0x20 1000 0x0a' 'mc_enable 0x20' >"$directory/bmc.emu"
    rm -rf "$directory/state"
    mkdir "$directory/state"
    inside_background ipmi_sim -c "$directory/lan.conf" -f "$directory/bmc.emu" \
        -s "$directory/state" -n >"$directory/ipmi_sim.log" 2>&1
    wait_for 10 lab_bmc_answers "$1"
}

lab_bmc_answers() {
    inside ipmitool -I lanplus -C 3 -N 1 -R 1 -H "127.0.1.$1" -U "$lab_user" -P "$lab_password" \
        mc info
}

# lab_up DIRECTORY NODES: at most nine; two at a time boot in reasonable time on two cores.
lab_up() {
    lab=$1
    mkdir -p "$lab"
    "$lab_library/build-files" "$lab_build/lab"
    ln -sfn "$lab_build/lab" "$lab/files"
    lab_namespaces
    lab_network "$2"
    lab_bootserver "$2"
    local i
    for ((i = 1; i <= $2; i++)); do
        mkdir -p "$lab/n0$i"
        echo "$i" >"$lab/n0$i/number"
        echo 00 00 00 00 00 >"$lab/n0$i/bootflags"
        : >"$lab/n0$i/events"
        : >"$lab/n0$i/console.log"
        lab_bmc "$i"
    done
}

# What is inside dies with its first process; unshare dies with that.
lab_down() {
    [[ -s ${lab-}/holder ]] || return 0
    kill -9 "$(cat "$lab/holder")" 2>/dev/null || true
    wait_for 10 lab_is_gone
    rm -f "$lab/holder"
}

lab_is_gone() {
    ! kill -0 "$(cat "$lab/unshare")"
}

# lab_ipmi NODE WORDS...: ipmitool at the BMC of n0N
lab_ipmi() {
    local number=${1#n0}
    shift
    inside ipmitool -I lanplus -C 3 -H "127.0.1.$number" -U "$lab_user" -P "$lab_password" "$@"
}

# lab_events NODE, lab_console NODE
lab_events() {
    cut -d' ' -f2- "$lab/$1/events"
}
lab_console() {
    tr -d '\r\033' <"$lab/$1/console.log"
}

# Faults of a BMC: lab_lie NODE ignore-power|drop-flag|no-parameter-3|die-after-off
lab_lie() {
    echo "$2" >>"$lab/$1/lies"
}
# Faults of a machine: a system on its disk; one that ignores the power button.
lab_disk_with_system() {
    echo os >"$lab/$1/disk"
}
lab_ignore_soft_off() {
    echo ignored >"$lab/$1/soft"
}

# Faults of the boot server.
lab_hide() {
    mv "$lab/tftp/$1" "$lab/tftp/.hidden-$1"
}
lab_unhide() {
    mv "$lab/tftp/.hidden-$1" "$lab/tftp/$1"
}
lab_hosts_read_again() {
    # By the process that has the configuration, not by name: other labs have their own.
    inside pkill -HUP -f "^dnsmasq -d -C $lab/dnsmasq.conf"
}
lab_ignore_mac() {
    sed -i "s/^\\(52:54:00:77:00:${1#n}\\),.*/\\1,ignore/" "$lab/hosts"
    lab_hosts_read_again
}

# lab_outlets_up: two PDUs of different makes, pdu-a on a serial line, pdu-b on TCP; n01 and n02
# hang on both of them, crossed. Their BMCs die with their power.
lab_outlets_up() {
    printf '%s\n' 'pdu-a 1' 'pdu-b 2' >"$lab/n01/feeds"
    printf '%s\n' 'pdu-a 2' 'pdu-b 1' >"$lab/n02/feeds"
    inside pkill -9 -f "^ipmi_sim -c $lab/" || true
    inside_background env "lab=$lab" "$lab_top/tests/peers/pdu" --control "$lab/pdu.sock" \
        --truth "$lab/pdu.truth" --on-change "$lab_library/outlet" \
        "rtu:$lab/pdu-a.tty" pdu-a=waveshare,outlets=8 \
        tcp:127.0.2.1:1502 pdu-b=netio >"$lab/pdu.out" 2>&1
    wait_for 20 grep -q ready "$lab/pdu.out"
}

# lab_pdu DEVICE COMMAND...: faults of a PDU
lab_pdu() {
    inside "$lab_top/tests/peers/pdu" --send "$lab/pdu.sock" "$@"
}

# lab_outlet_changes: what physically changed since lab_outlets_mark: "pdu-a 1 off" a line
lab_outlet_changes() {
    tail -n "+$(($(cat "$lab/pdu.mark") + 1))" "$lab/pdu.truth" |
        jq -r 'select(.event == "switch") | "\(.device) \(.outlet) \(.power)"'
}

# All outlets off, all machines without power, no faults.
lab_outlets_reset() {
    local outlet
    lab_pdu all clear
    for outlet in 1 2 3 4; do
        lab_pdu pdu-a set "$outlet" off
        lab_pdu pdu-b set "$outlet" off
    done
    wait_for 20 lab_has_no_mains
    rm -f "$lab"/n0*/{order,standby}
}
# lab_outlets_mark: what lab_outlet_changes tells begins here
lab_outlets_mark() {
    wc -l <"$lab/pdu.truth" >"$lab/pdu.mark"
}
lab_has_no_mains() {
    ! compgen -G "$lab/n0*/mains"
}

# Back to machines that are off, BMCs and boot server without faults.
lab_reset() {
    local directory
    for directory in "$lab"/n0*; do
        inside "$lab_library/machine" "$directory" off
        rm -f "$directory"/{lies,disk,soft}
        echo 00 00 00 00 00 >"$directory/bootflags"
        : >"$directory/events"
        : >"$directory/console.log"
        [[ -e $directory/feeds ]] || lab_bmc_answers "${directory##*/n0}" >/dev/null 2>&1 ||
            lab_bmc "${directory##*/n0}"
    done
    # shellcheck disable=SC2119
    lab_script
    [[ ! -e $lab/tftp/.hidden-vmlinuz ]] || lab_unhide vmlinuz
    [[ ! -e $lab/tftp/.hidden-boot.ipxe ]] || rm "$lab/tftp/.hidden-boot.ipxe"
    if grep -q ignore "$lab/hosts"; then
        sed -i 's/^\(52:54:00:77:00:0\([0-9]\)\),ignore/\1,10.77.0.1\2,n0\2/' "$lab/hosts"
        lab_hosts_read_again
    fi
    : >"$lab/dnsmasq.log"
}
