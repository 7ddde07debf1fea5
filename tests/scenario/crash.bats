#!/usr/bin/env bats
# shellcheck disable=SC2119 # agent_start takes a prefix, rarely
# kill -9 at any moment: of the agent, its drivers, the packet tap.  The BMCs' own log is believed.

bats_require_minimum_version 1.5.0
build=$(realpath "${POWERCTL_BUILD:-build}")

setup() {
    export build agent_dir=$BATS_TEST_TMPDIR
    source tests/lib/agent.bash
}

teardown() {
    [[ -z ${holder-} ]] || kill -9 "$holder" || true
    [[ ! -e $agent_dir/pid ]] || agent_stop
    [[ ! -e $agent_dir/farm.pid ]] || kill "$(cat "$agent_dir/farm.pid")"
}

needs_strace() {
    strace -o /dev/null true || skip "nothing may be traced here"
}

@test "a cycle of 16, killed at every journal step and at random moments" {
    needs_strace
    run -0 tests/scenario/crash/sweep "$agent_dir/sweep" cycle check "$build"
    echo "$output" >&3
}

@test "a netboot of 16, killed at journal steps and at random moments" {
    needs_strace
    run -0 tests/scenario/crash/sweep "$agent_dir/sweep" netboot check "$build"
    echo "$output" >&3
}

farm() {
    "$build/peers/bmc_farm" --send "$agent_dir/farm" "$@"
}

start_farm() {
    "$build/peers/bmc_farm" --first 127.1.48.1 --count 4 --port 0 --control "$agent_dir/farm" \
        --truth "$agent_dir/truth" --user ops --password tinsel --power on \
        >"$agent_dir/farm.out" 3>&- &
    echo $! >"$agent_dir/farm.pid"
    wait_for 10 grep -q listening "$agent_dir/farm.out"
    agent_secret bmc tinsel
    cat >"$agent_dir/powerctl.yaml" <<END
credentials: { bmc: { user: ops, password_file: $agent_dir/secrets/bmc } }
devices:
  b[1-4]: { driver: ipmi, host: "127.1.48.[1-4]", port: $(awk '{ print $4 }' "$agent_dir/farm.out"), credentials: bmc }
nodes:
  n[1-4]: { power: "b[1-4]", next_boot: "b[1-4]", up: none }
limits: { power_on_per_second: 1000 }
deadlines: { off: 20, on: 20, dwell: 0.5, settle: 0.1 }
$(agent_part)
END
}

logged() {
    grep -Eq "$1" "$agent_dir/log"
}

edges() { # PATTERN COUNT
    (($(grep -c "edge $1" "$agent_dir/truth") == $2))
}

# On by the button at the start, then off and on once.
each_once() {
    local node
    for node in n01 n02 n03 n04; do
        (($(grep -c "$node edge off" "$agent_dir/truth") == 1)) || return 1
        (($(grep -c "$node edge on" "$agent_dir/truth") == 2)) || return 1
    done
}

driver_pid() {
    pgrep -P "$(cat "$agent_dir/pid")" -x powerctl-driver
}

health() {
    curl -sS --max-time 10 --unix-socket "$POWERCTL_SOCKET" http://agent/healthz
}

@test "a driver that hangs is killed with its agent, and nothing of it lands later" {
    start_farm
    agent_start
    farm all latency 1000 # answers come late: it hangs with what it sent
    id=$("$build/powerctl" cycle n[1-4] --no-wait --quiet)
    wait_for 60 grep -q 'control off' "$agent_dir/truth"
    driver=$(driver_pid)
    kill -STOP "$driver"
    kill -9 "$(cat "$agent_dir/pid")"
    wait_for 10 agent_gone "$driver"
    farm all latency 0
    agent_start
    "$build/powerctl" job "$id" --follow
    each_once
}

@test "an older driver that cannot die is waited for: no command meanwhile, and it is said" {
    start_farm
    mkdir -p "$agent_dir/state"
    # flock holds the lock as such a driver would.
    flock "$agent_dir/state/driver-ipmi.lock" tail -f /dev/null 3>&- &
    holder=$!
    wait_for 10 test -e "$agent_dir/state/driver-ipmi.lock"
    holder=$(wait_for 10 pgrep -P $holder && pgrep -P $holder)
    agent_start
    wait_for 10 logged 'waits for an older driver to end'
    run -6 --separate-stderr "$build/powerctl" off n[1-4]
    # shellcheck disable=SC2154 # bats sets it
    [[ $stderr == *'waits for the drivers'* ]]
    [[ $(health) == *'"ready":false'* ]]
    kill -9 "$holder"
    holder=
    wait_for 10 logged 'agent=ready'
    "$build/powerctl" off n[1-4]
    edges off 4
}

@test "a driver killed with commands under way: read, not sent again" {
    start_farm
    agent_start
    farm all latency 1000 # answers come late: it dies with what it sent
    id=$("$build/powerctl" cycle n[1-4] --no-wait --quiet)
    wait_for 60 grep -q 'control off' "$agent_dir/truth"
    farm all latency 0
    kill -9 "$(driver_pid)"
    "$build/powerctl" job "$id" --follow
    logged 'driver=ipmi .*died \(signal 9\)'
    logged 'power-off may have been done \(.*driver ipmi died'
    each_once
}
