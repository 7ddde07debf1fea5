# The real chain: our agent, OpenIPMI's BMC, QEMU with SeaBIOS and iPXE, dnsmasq, a Debian kernel.
# First that it works and every stage is seen, then each broken link and its name.

bats_require_minimum_version 1.5.0

setup_file() {
    export build=${POWERCTL_BUILD:-$PWD/build}
    export lab=$BATS_FILE_TMPDIR/lab agent_dir=$BATS_FILE_TMPDIR/agent
    source tests/scenario/lib/lab.bash
    mkdir -p "$agent_dir"
    source tests/lib/agent.bash
    lab_up "$lab" 1
    agent_secret bmc "$lab_password"
    cat >"$agent_dir/powerctl.yaml" <<END
credentials: { bmc: { user: $lab_user, password_file: $agent_dir/secrets/bmc } }
devices:
  bmc-vm1: { driver: ipmi, host: 127.0.1.1, credentials: bmc }
nodes:
  vm1: { power: bmc-vm1, next_boot: bmc-vm1, mac: "52:54:00:77:00:01", up: phone-home }
limits: { retries: 0 }
deadlines: { command: 5, off: 6, on: 6, soft_off: 20, dwell: 2, settle: 0.3, post: 25, addressed: 15,
             loader: 15, loader_up: 15, config: 15, kernel: 20, initrd: 20, kernel_up: 30, up: 12,
             stall: 20, missing: 4, total: 180 }
bootserver: { interfaces: [lab-br0], tftp_root: $lab/tftp, logs: [$lab/dnsmasq.log] }
phone_home: { listen: "10.77.0.1:8670" }
$(agent_part)
END
    inside_background "$build/powerctld" --config "$agent_dir/powerctl.yaml" --foreground \
        >"$agent_dir/log" 2>&1
    wait_for 20 "$build/powerctl" jobs --quiet
}

teardown_file() {
    source tests/scenario/lib/lab.bash
    lab_down
}

setup() {
    source tests/scenario/lib/lab.bash
    source tests/lib/agent.bash
    lab_reset
}

teardown() {
    [[ -n ${BATS_TEST_COMPLETED-} ]] || tail -n 60 "$agent_dir/log" "$lab/n01/events"
}

netboot() {
    local status=0
    "$build/netboot-now" vm1 --format json --progress plain "$@" >"$agent_dir/result" \
        2>"$agent_dir/progress" || status=$?
    cat "$agent_dir/progress"
    return "$status"
}

field() {
    jq -r ".nodes[0].$1" "$agent_dir/result"
}

# fails_with EXIT VERDICT
fails_with() {
    run "-$1" netboot
    echo "$output"
    [[ $(field verdict) == "$2" ]]
}

flag() {
    lab_ipmi n01 chassis bootparam get 5
}
flag_is_valid() {
    flag | grep -q 'Boot Flag Valid'
}
on_console() {
    lab_console n01 | grep -q "$1"
}
machine_is() {
    [[ $(lab_ipmi n01 power status) == *"$1" ]]
}

@test "from off to up: every stage seen, percent shown, flag consumed, next boot from the disk" {
    run -0 netboot
    echo "$output"
    for stage in POWERED POST ADDRESSED CONFIG KERNEL INITRD KERNEL_UP UP; do
        [[ $output == *" vm1 $stage "* ]]
    done
    [[ $output == *"vmlinuz "*" %"* ]]
    [[ $output == *"initrd.gz 100 %"* ]]
    [[ $(field outcome) == ok && $(field stage) == UP && $(field attempt) == 1 ]]
    grep -q 'boot flags 80 04' "$lab/n01/events"
    grep -q 'BIOS takes boot flags 80 04' "$lab/n01/events"
    run flag
    [[ $output == *"Boot Flag Invalid"* ]]

    "$build/powerctl" off vm1
    "$build/powerctl" on vm1
    wait_for 30 on_console 'LOCAL DISK BOOT'
}

@test "a node that is on is switched off first; the flag is set and valid before power comes back" {
    "$build/powerctl" on vm1
    netboot &
    wait_for 30 flag_is_valid
    machine_is off
    wait
    [[ $(field outcome) == ok ]]
    run ! flag_is_valid
}

@test "loader missing" {
    lab_hide boot.ipxe
    fails_with 1 LOADER_MISSING
    [[ $(field text) == *boot.ipxe* ]]
}

@test "kernel missing" {
    lab_hide vmlinuz
    fails_with 1 KERNEL_MISSING
    [[ $(field text) == *vmlinuz* ]]
}

@test "DHCP ignores the MAC" {
    lab_ignore_mac n01
    fails_with 1 DHCP_UNANSWERED
    [[ $(field text) == *ignored* ]]
}

@test "a BMC that says ok and does nothing" {
    lab_lie n01 ignore-power
    fails_with 1 POWER_FAILED
}

@test "a BMC that drops the flag" {
    lab_lie n01 drop-flag
    fails_with 1 NEXT_BOOT_NOT_STORED
    machine_is off
}

@test "a BMC that refuses to stop the flag's timer is no obstacle" {
    lab_lie n01 no-parameter-3
    run -0 netboot
}

@test "a node that boots its disk" {
    lab_disk_with_system n01
    lab_lie n01 bios-ignores-flag
    fails_with 1 BOOTED_LOCAL
}

@test "a node whose disk says nothing on the network" {
    lab_lie n01 bios-ignores-flag
    fails_with 1 NO_NETBOOT
}

@test "a kernel that is never heard of" {
    lab_script lab.silent
    fails_with 1 KERNEL_SILENT
}

@test "init that never comes up" {
    lab_script lab.mute
    fails_with 1 INIT_SILENT
}

@test "a BMC that dies between off and on: left off, and said so" {
    "$build/powerctl" on vm1
    lab_lie n01 die-after-off
    fails_with 8 LEFT_OFF
    lab_reset
}

@test "the power verbs, and what ipmi_sim cannot prove is unverified" {
    "$build/powerctl" on vm1
    "$build/powerctl" cycle vm1
    run "$build/powerctl" reset vm1
    [[ $status == 0 || $status == 7 ]]
    "$build/powerctl" next-boot bios vm1
    [[ $(flag) == *"Force Boot into BIOS Setup"* ]]
    "$build/powerctl" next-boot none vm1
    run ! flag_is_valid
    "$build/powerctl" off vm1
    machine_is off
}
