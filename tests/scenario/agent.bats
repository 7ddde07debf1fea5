#!/usr/bin/env bats
# shellcheck disable=SC2119 # agent_start takes a prefix, rarely
# The agent's life: killed in the middle of a cycle, started twice, reloaded, stopped, on a disk
# that is full.

bats_require_minimum_version 1.5.0
build=$(realpath "${POWERCTL_BUILD:-build}")

setup() {
    export build agent_dir=$BATS_TEST_TMPDIR
    source tests/lib/agent.bash
    mkdir -p "$agent_dir/device"
    configure 'rack1: "n[1-4]"'
}

teardown() {
    agent_stop
    if mountpoint -q "$agent_dir/state"; then umount "$agent_dir/state"; fi
}

configure() { # GROUP [LINE]
    cat >"$agent_dir/powerctl.yaml" <<END
devices:
  d[1-4]: { driver: fake, state: "$agent_dir/device/[1-4]" }
nodes:
  n[1-4]: { power: "d[1-4]", next_boot: "d[1-4]" }
groups: { $1 }
limits: { power_on_per_second: 1000 }
deadlines: { dwell: ${dwell:-0}, settle: 0.1 }
${2-}
$(agent_part)
END
}

api() { # PATH [CURL-ARGUMENTS...]
    local path=$1
    shift
    curl -gsS --max-time 30 --unix-socket "$POWERCTL_SOCKET" "http://agent$path" "$@"
}

job() { # VERB NODES [KEY]: what the agent answers
    api /v1/jobs -H 'Content-Type: application/json' \
        -d "{\"verb\":\"$1\",\"nodes\":\"$2\"${3:+,\"key\":\"$3\"}}"
}

job_id() {
    sed -E 's/.*"id":"([^"]*)".*/\1/'
}

finish() { # JOB: its events, until it has ended
    api "/v1/jobs/$1/events"
}

all_are() { # on|off
    ! grep -hv "^$1 " "$agent_dir"/device/[1-4]
}

is_ready() {
    api /healthz | grep -q '"ready":true'
}

logged() {
    grep -Eq "$1" "$agent_dir/log"
}

logged_times() { # COUNT PATTERN
    (($(grep -Ec "$2" "$agent_dir/log") == $1))
}

@test "killed between off and on, the next agent brings the nodes on, and repeats nothing" {
    dwell=30 configure 'rack1: "n[1-4]"'
    agent_start
    finish "$(job on n[1-4] | job_id)" >/dev/null
    id=$(job cycle n[1-3] night | job_id)
    wait_for 10 logged "job=$id node=n1 power=off"
    wait_for 10 logged "job=$id node=n2 power=off"
    wait_for 10 logged "job=$id node=n3 power=off"
    kill -9 "$(cat "$agent_dir/pid")"
    dwell=2 configure 'rack1: "n[1-4]"'
    agent_start
    wait_for 10 is_ready
    logged "job=$id verb=cycle nodes=\"n\[1-3\]\" actor=.* taken_over=3 ended_before=0"
    [[ $(job cycle n[1-3] night) == *"\"id\":\"$id\""* ]] # the same key: nothing is sent again
    [[ $(job on n1) == *"busy with job $id"* ]]
    finish "$id" | grep -q '"kind":"job-ended"'
    [[ $(api "/v1/jobs/$id") == *'"exit_code":0'*'"counts":{"ok":3}'* ]]
    logged_times 3 "job=$id node=n. event=command attempt=1 text=\"power-off"
    logged_times 3 "job=$id node=n. event=command attempt=1 text=\"power-on"
    all_are on
}

@test "stopped between off and on, it brings the nodes on before it goes" {
    dwell=2 configure 'rack1: "n[1-4]"'
    agent_start
    finish "$(job on n[1-4] | job_id)" >/dev/null
    job cycle n[1-4] >/dev/null
    for node in n1 n2 n3 n4; do wait_for 10 logged "node=$node power=off"; done
    agent_stop
    all_are on
    logged 'agent=stopped'
}

@test "a second agent on the same state directory ends at once and names the first" {
    agent_start
    run -1 --separate-stderr "$build/powerctld" --config "$agent_dir/powerctl.yaml" \
        --socket "$agent_dir/other.sock"
    # shellcheck disable=SC2154 # bats sets it
    [[ $stderr == *"another agent (pid $(cat "$agent_dir/pid"))"*"$agent_dir/state"* ]]
    api /healthz >/dev/null
}

@test "a reload takes all of a good configuration and nothing of a bad one" {
    agent_start
    configure 'rack2: "n[1-2]"'
    kill -HUP "$(cat "$agent_dir/pid")"
    wait_for 10 logged 'config=reloaded nodes=4 devices=4'
    [[ $(api '/v1/nodes?nodes=@rack2') == *'"folded":"n[1-2]"'* ]]
    configure 'rack3: "n[3-4]"' 'nonsense: 1'
    kill -HUP "$(cat "$agent_dir/pid")"
    wait_for 10 logged 'config=refused errors=1'
    logged "powerctl.yaml:[0-9]+:1: error: unknown key 'nonsense'"
    [[ $(api '/v1/nodes?nodes=@rack2') == *'"folded":"n[1-2]"'* ]]
    [[ $(api '/v1/nodes?nodes=@rack3') == *'"type":"usage"'* ]]
}

@test "what only a start can change is told at each reload, compared with the start" {
    agent_start
    for count in 1 2; do # the second time nothing is new, and still nothing has taken effect
        configure 'rack1: "n[1-4]"'
        sed -i "s|state_dir: [^,]*|state_dir: $agent_dir/other|" "$agent_dir/powerctl.yaml"
        kill -HUP "$(cat "$agent_dir/pid")"
        wait_for 10 logged_times "$count" 'config=reloaded'
        logged_times "$count" 'take effect at the next start'
    done
    configure 'rack1: "n[1-4]"'
    kill -HUP "$(cat "$agent_dir/pid")"
    wait_for 10 logged_times 3 'config=reloaded'
    logged_times 2 'take effect at the next start' # back at what is running
}

@test "an agent installed anywhere finds its drivers, and a wrong name gets a hint" {
    mkdir -p "$agent_dir/pc/sbin" "$agent_dir/pc/libexec/powerctl"
    cp "$build/powerctld" "$agent_dir/pc/sbin/"
    cp "$build/powerctl-driver-fake" "$agent_dir/pc/libexec/powerctl/"
    configure 'rack1: "n[1-4]"'
    sed -i "s|, driver_dir: [^ ]*||" "$agent_dir/powerctl.yaml"
    run -0 --separate-stderr "$agent_dir/pc/sbin/powerctld" --check-config "$agent_dir/powerctl.yaml"
    sed -i 's|driver: fake|driver: fakr|' "$agent_dir/powerctl.yaml"
    run -2 --separate-stderr "$agent_dir/pc/sbin/powerctld" --check-config "$agent_dir/powerctl.yaml"
    [[ $stderr == *"$agent_dir/pc/libexec/powerctl/powerctl-driver-fakr"*"did you mean 'fake'?"*"driver_dir"* ]]
    configure 'rack1: "n[1-4]"'
    agent_start # for teardown
}

@test "an empty configuration is refused, also at a reload; what is missing here is a warning" {
    agent_start
    logged 'warning config: .*: warning: nothing will be seen of a network boot'
    : >"$agent_dir/empty.yaml"
    cmp <("$build/powerctld" --check-config "$agent_dir/empty.yaml" 2>&1) \
        <(echo "$agent_dir/empty.yaml: error: no nodes: the file is empty or cut short")
    cmp <("$build/powerctld" --check-config "$agent_dir/none.yaml" 2>&1) \
        <(echo "$agent_dir/none.yaml: error: cannot be read: No such file or directory")
    : >"$agent_dir/powerctl.yaml"
    kill -HUP "$(cat "$agent_dir/pid")"
    wait_for 10 logged 'config=refused errors=1'
    [[ $(api '/v1/nodes?nodes=@rack1') == *'"folded":"n[1-4]"'* ]]
}

@test "a bad configuration is told with its place, exit 2" {
    configure 'rack1: "n[1-5]"'
    run -2 --separate-stderr "$build/powerctld" --check-config "$agent_dir/powerctl.yaml"
    [[ $stderr == "$agent_dir/powerctl.yaml:"*"error:"* ]]
    configure 'rack1: "n[1-4]"'
    run -0 --separate-stderr "$build/powerctld" --check-config "$agent_dir/powerctl.yaml"
    [[ $stderr == "$agent_dir/powerctl.yaml:"*": warning: nothing will be seen of a network boot"* ]]
    [[ $output == "$agent_dir/powerctl.yaml: good: 4 nodes, 4 devices" ]]
    agent_start # for teardown
}

@test "with a full disk status works and nothing is switched; with room again it goes on by itself" {
    ((EUID == 0)) || skip "needs root to mount a small file system"
    mkdir -p "$agent_dir/state"
    mount -t tmpfs -o size=3m tmpfs "$agent_dir/state" || skip "no mounts here"
    agent_start
    dd if=/dev/zero of="$agent_dir/state/fill" bs=4k 2>/dev/null || true
    for _ in {1..200}; do # the reserve goes, and what the WAL had
        answer=$(job on n1)
        [[ $answer == *'"type":"system"'* ]] && break
        finish "$(job_id <<<"$answer")" >/dev/null
    done
    [[ $(job off n1) == *'"status":503'* ]]
    finish "$(job status n1 | job_id)" | grep -q '"kind":"outcome".*"outcome":"ok"'
    [[ $(api /healthz) == *'"status":"degraded"'*'disk full'* ]]
    [[ $(api '/v1/nodes?nodes=n1') == *'"node":"n1"'* ]]
    rm "$agent_dir/state/fill"
    wait_for 20 logged 'journal=writable'
    finish "$(job on n[1-4] | job_id)" | grep -q '"kind":"job-ended"'
    all_are on
}
