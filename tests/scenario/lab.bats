# The lab itself, before scenarios rely on it: power by IPMI, firmware, boot server, Linux; and
# each of its faults does what its name says.

setup_file() {
    source tests/scenario/lib/lab.bash
    lab_up "$BATS_FILE_TMPDIR/lab" 1
    inside_background socat "TCP-LISTEN:8670,bind=10.77.0.1,reuseaddr,fork" \
        "SYSTEM:head -n 1 >>$lab/calls; printf 'HTTP/1.0 200 OK\r\n\r\nok\n'"
    export lab
}

teardown_file() {
    source tests/scenario/lib/lab.bash
    lab_down
}

setup() {
    source tests/scenario/lib/lab.bash
    lab_reset
    : >"$lab/calls"
}

logged() {
    grep -q "$1" "$lab/dnsmasq.log"
}
not_logged() {
    ! logged "$1"
}
on_console() {
    lab_console n01 | grep -q "$1"
}
happened() {
    lab_events n01 | grep -q "$1"
}
port_answers() {
    inside bash -c 'exec 3<>/dev/tcp/10.77.0.11/22 && read -r -t 2 banner <&3 && [[ $banner == SSH* ]]'
}
is_off() {
    [[ $(lab_ipmi n01 power status) == *off ]]
}

@test "boot flag, power on: firmware, dnsmasq, Linux, and it calls home" {
    lab_ipmi n01 chassis bootdev pxe
    lab_ipmi n01 power on
    wait_for 60 grep -qi 'phone-home/52:54:00:77:00:01' "$lab/calls"
    wait_for 10 port_answers
    logged 'DHCPACK(lab-br0) 10.77.0.11 52:54:00:77:00:01'
    logged 'sent .*/boot.ipxe to 10.77.0.11'
    logged 'sent .*/vmlinuz to 10.77.0.11'
    logged 'sent .*/initrd.gz to 10.77.0.11'
    logged 'vendor class: udhcp'
    happened 'BIOS takes boot flags 80 04'
    [[ $(lab_ipmi n01 chassis bootparam get 5) == *"data: 0000000000"* ]]

    lab_ipmi n01 power soft
    wait_for 20 is_off
}

@test "without a flag: the disk" {
    lab_ipmi n01 power on
    wait_for 30 on_console 'LOCAL DISK BOOT'
    not_logged DHCPDISCOVER
}

@test "a system on disk asks for an address, and fetches nothing" {
    lab_disk_with_system n01
    lab_ipmi n01 power on
    wait_for 60 port_answers
    logged 'vendor class: udhcp'
    not_logged 'sent /'
}

@test "reset takes the flag, too" {
    lab_ipmi n01 power on
    wait_for 30 on_console 'LOCAL DISK BOOT'
    lab_ipmi n01 chassis bootdev pxe
    lab_ipmi n01 power reset
    wait_for 30 logged 'sent .*/boot.ipxe to 10.77.0.11'
}

@test "loader missing, kernel missing" {
    lab_hide vmlinuz
    lab_ipmi n01 chassis bootdev pxe
    lab_ipmi n01 power on
    wait_for 30 logged 'vmlinuz not found for 10.77.0.11'
    lab_unhide vmlinuz
    lab_hide boot.ipxe
    lab_ipmi n01 chassis bootdev pxe
    lab_ipmi n01 power reset
    wait_for 30 logged 'boot.ipxe not found for 10.77.0.11'
}

@test "DHCP ignores the node" {
    lab_ignore_mac n01
    lab_ipmi n01 chassis bootdev pxe
    lab_ipmi n01 power on
    wait_for 30 logged '52:54:00:77:00:01 ignored'
}

@test "a kernel that is never heard of" {
    lab_script lab.silent
    lab_ipmi n01 chassis bootdev pxe
    lab_ipmi n01 power on
    wait_for 60 on_console 'LABNODE silent'
    not_logged 'vendor class: udhcp'
}

@test "a system that never comes up" {
    lab_script lab.mute
    lab_ipmi n01 chassis bootdev pxe
    lab_ipmi n01 power on
    wait_for 60 on_console 'LABNODE mute'
    logged 'vendor class: udhcp'
    run port_answers
    [[ $status != 0 ]]
}

@test "BMCs that lie, refuse and die" {
    lab_lie n01 ignore-power
    lab_lie n01 drop-flag
    lab_lie n01 no-parameter-3
    lab_ipmi n01 chassis bootdev pxe
    [[ $(lab_ipmi n01 chassis bootparam get 5) == *"data: 0000000000"* ]]
    run lab_ipmi n01 raw 0x00 0x08 0x03 0x08
    [[ $output == *"rsp=0x80"* ]]
    lab_ipmi n01 power on
    happened 'says ok, ignores on'
    is_off

    rm "$lab/n01/lies"
    lab_ipmi n01 power on
    wait_for 30 happened 'machine: on'
    lab_lie n01 die-after-off
    lab_ipmi n01 power off
    wait_for 30 happened 'machine: off'
    run lab_bmc_answers 1
    [[ $status != 0 ]]
}
