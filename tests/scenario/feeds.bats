# Racks have outlets: a real machine on two PDUs of different makes, one on a serial line, one on
# TCP, with its BMC behind the same feeds; and one that has outlets only.  What the PDUs physically
# did is in their own log, which the agent never sees.
#
#     n01   pdu-a outlet 1, pdu-b outlet 2, and a BMC that dies with them
#     n02   pdu-a outlet 2, pdu-b outlet 1; its BIOS boots from the network and starts with power

bats_require_minimum_version 1.5.0

setup_file() {
    export build=${POWERCTL_BUILD:-$PWD/build}
    export lab=$BATS_FILE_TMPDIR/lab agent_dir=$BATS_FILE_TMPDIR/agent
    source tests/scenario/lib/lab.bash
    mkdir -p "$agent_dir"
    source tests/lib/agent.bash
    lab_up "$lab" 2
    lab_outlets_up
    agent_secret bmc "$lab_password"
    cat >"$agent_dir/powerctl.yaml" <<END
credentials: { bmc: { user: $lab_user, password_file: $agent_dir/secrets/bmc } }
devices:
  bmc-n01: { driver: ipmi, host: 127.0.1.1, credentials: bmc }
  pdu-a: { driver: modbus, profile: waveshare-relay, serial: $lab/pdu-a.tty, unit: 1, outlets: 8,
           dwell_ms: 1000, stagger_ms: 200, timeout_ms: 300, gap_ms: 5 }
  pdu-b: { driver: modbus, profile: netio-4x, host: 127.0.2.1, port: 1502,
           dwell_ms: 1000, stagger_ms: 200, timeout_ms: 300, gap_ms: 5 }
nodes:
  n01: { power: [pdu-a/1, pdu-b/2], next_boot: bmc-n01, mac: "52:54:00:77:00:01", up: phone-home }
  n02: { power: [pdu-a/2, pdu-b/1], mac: "52:54:00:77:00:02", up: phone-home }
limits: { retries: 0 }
deadlines: { command: 4, off: 6, on: 6, soft_off: 20, dwell: 1, settle: 0.3, post: 25, addressed: 15,
             loader: 15, loader_up: 15, config: 15, kernel: 20, initrd: 20, kernel_up: 30, up: 12,
             stall: 20, missing: 4, bmc_back: 30, total: 180 }
bootserver: { interfaces: [lab-br0], tftp_root: $lab/tftp, logs: [$lab/dnsmasq.log] }
phone_home: { listen: "10.77.0.1:8670" }
$(agent_part)
END
    agent_begin
}

agent_begin() {
    inside_background "$build/powerctld" --config "$agent_dir/powerctl.yaml" --foreground \
        >>"$agent_dir/log" 2>&1
    wait_for 20 "$build/powerctl" jobs --quiet
}

agent_kill() {
    inside pkill -9 -f "^$build/powerctld --config $agent_dir/"
}

teardown_file() {
    source tests/scenario/lib/lab.bash
    lab_down
}

setup() {
    source tests/scenario/lib/lab.bash
    source tests/lib/agent.bash
    lab_outlets_reset
    lab_reset
    lab_outlets_mark
}

teardown() {
    [[ -n ${BATS_TEST_COMPLETED-} ]] || tail -n 60 "$agent_dir/log" "$lab"/n0*/events "$lab/pdu.truth"
}

powerctl() {
    "$build/powerctl" "$@"
}

# What the rack physically did since the test began, a line each: "pdu-a 1 off".
rack_did() {
    lab_outlet_changes
}

# The n-th line (from 1) where that happened, 0: never.
when_did() {
    rack_did | awk -v what="$*" '$0 == what { print NR; found = 1; exit } END { if (!found) print 0 }'
}

machine_has() {
    lab_events "$1" | grep -q "$2"
}

machine_is_on() {
    [[ $(lab_events n01 | grep '^machine: o' | tail -n 1) == 'machine: on' ]]
}

@test "both feeds go off before any comes on; the machine loses its power, and its BMC too" {
    powerctl on n01 --feeds
    wait_for 20 lab_bmc_answers 1
    powerctl status n01
    run -0 powerctl cycle n01
    echo "$output"
    rack_did
    ((before = $(rack_did | grep -n ' on$' | sed -n 2p | cut -d: -f1)))
    a=$(when_did pdu-a 1 off) b=$(when_did pdu-b 2 off)
    ((a > before && b > before))
    rack_did | tail -n 2 | grep -qx 'pdu-a 1 on'
    [[ $(rack_did | tail -n 1) == 'pdu-b 2 on' ]]
    [[ $(rack_did | wc -l) == 6 ]]
    machine_has n01 'mains: off'
}

@test "netboot to UP: mains off and on, the BMC comes back, its flag is set then, and the kernel boots" {
    powerctl on n01 --feeds
    wait_for 20 lab_bmc_answers 1
    run -0 "$build/netboot-now" n01 --progress plain
    echo "$output"
    [[ $output == *" n01 UP "* ]]
    lab_events n01
    [[ $(lab_events n01 | grep -c 'mains: off') == 1 ]]
    machine_has n01 'BIOS takes boot flags 80 04'
    rack_did | tail -n 1 | grep -qx 'pdu-b 2 on'
}

@test "a node with outlets only starts when it has power, and its firmware boots from the network" {
    echo n >"$lab/n02/order"
    echo on >"$lab/n02/standby"
    run -0 powerctl plan netboot n02
    [[ $output == *"boot order"* ]]
    run -0 "$build/netboot-now" n02 --progress plain
    echo "$output"
    [[ $output == *" n02 UP "* ]]
    rack_did
    run -0 powerctl off n02
    [[ $(rack_did | tail -n 2 | sort) == $'pdu-a 2 off\npdu-b 1 off' ]]
    run -0 powerctl status n02 --format json
    [[ $(jq -r '.nodes[0].power' <<<"$output") == off ]]
}

@test "one outlet stuck on: still fed, said so, and nothing is switched on again" {
    powerctl on n01 --feeds
    lab_pdu pdu-b stick 2 on
    run -1 powerctl cycle n01
    echo "$output"
    [[ $output == *"still fed by pdu-b outlet 2"* ]]
    [[ $(rack_did | tail -n 1) == 'pdu-a 1 off' ]]
    run powerctl off n01
    [[ $status == 1 && $output == *"still fed by pdu-b outlet 2"* ]]
    run powerctl status n01 --format json
    [[ $(jq -r '.nodes[0].power' <<<"$output") == on ]]
    machine_has n01 'mains: on'
    run ! machine_has n01 'mains: off'
}

@test "one PDU dead: off is never reported, and a cycle does not leave the node dark" {
    powerctl on n01 --feeds
    lab_pdu pdu-b dead
    run -1 powerctl off n01
    echo "$output"
    [[ $output == *"pdu-b"* ]]
    run powerctl status n01 --format json
    [[ $(jq -r '.nodes[0].power' <<<"$output") != off ]]
    run ! machine_has n01 'mains: off'
    lab_pdu pdu-b alive
    run -0 powerctl off n01
    machine_has n01 'mains: off'
}

both_are_off() {
    (($(when_did pdu-a 1 off) && $(when_did pdu-b 2 off)))
}

one_is_off() {
    rack_did | grep -qE '^pdu-(a 1|b 2) off'
}

both_are_on_again() {
    [[ $(rack_did | grep '^pdu-a 1' | tail -n 1) == *on && $(rack_did | grep '^pdu-b 2' | tail -n 1) == *on ]]
}

@test "the agent is killed between off and on: the next one brings it on, once" {
    powerctl on n01 --feeds
    powerctl cycle n01 --no-wait
    wait_for 20 both_are_off
    agent_kill
    agent_begin
    wait_for 60 both_are_on_again
    job_is_done() {
        [[ -z $(powerctl jobs --format json | jq -r '.jobs[] | select(.done | not) | .id') ]]
    }
    wait_for 60 job_is_done
    rack_did
    [[ $(rack_did | grep -c 'pdu-a 1 off') == 1 && $(rack_did | grep -c 'pdu-b 2 off') == 1 ]]
    [[ $(rack_did | grep -c 'pdu-a 1 on') == 2 && $(rack_did | grep -c 'pdu-b 2 on') == 2 ]]
}

@test "the agent is killed between the two offs: never left off silently" {
    powerctl on n01 --feeds
    lab_pdu pdu-b slow 200
    powerctl cycle n01 --no-wait
    wait_for 20 one_is_off
    agent_kill
    lab_pdu pdu-b slow 0
    agent_begin
    job_is_done() {
        [[ -z $(powerctl jobs --format json | jq -r '.jobs[] | select(.done | not) | .id') ]]
    }
    wait_for 90 job_is_done
    rack_did
    powerctl jobs
    run powerctl status n01
    echo "$output"
    # Either it went through, or it is fed and the job says what happened.
    if ! both_are_on_again; then
        [[ $(powerctl status n01 --format json | jq -r '.nodes[0].power') == on ]]
        [[ $(powerctl history n01) == *INTERRUPTED* ]]
    fi
}

@test "outlets are shown with their nodes, and only free ones are switched by hand" {
    run -0 powerctl outlets pdu-b
    echo "$output"
    [[ $output == *"pdu-b/1"*"n02"* ]]
    run powerctl outlet off pdu-b/2
    [[ $status != 0 && $output == *n01* ]]
    run -0 powerctl outlet on pdu-b/4
    rack_did | grep -qx 'pdu-b 4 on'
    run -0 powerctl outlet off pdu-b/4
}

@test "check names what would go wrong: a BMC without mains, a PDU that is dead; nothing is switched" {
    run -1 powerctl check n01
    echo "$output"
    [[ $output == *bmc-n01* ]]
    powerctl on n01 --feeds
    wait_for 20 lab_bmc_answers 1
    run -0 powerctl check n01
    echo "$output"
    lab_pdu pdu-a dead
    run -1 powerctl check n01
    echo "$output"
    [[ $output == *pdu-a* ]]
    [[ $(rack_did) == $'pdu-a 1 on\npdu-b 2 on' ]]
}
