#!/usr/bin/env bats
# shellcheck disable=SC2119 # agent_start takes a prefix, rarely
# The journal's disk: full, read-only, failing, out of inodes, damaged, gone.  Each time no new
# command is sent, status goes on, the directory is named, and all is well again by itself.

bats_require_minimum_version 1.5.0
build=$(realpath "${POWERCTL_BUILD:-build}")

setup() {
    ((EUID == 0)) || skip "needs root to mount a small file system"
    export build agent_dir=$BATS_TEST_TMPDIR
    source tests/lib/agent.bash
    mkdir -p "$agent_dir/device" "$agent_dir/state"
    configure
    # Mounts are seen by the agent and by inside, and are gone with this process.
    unshare --mount tail -f /dev/null 3>&- &
    holder=$!
    wait_for 10 has_mounts_of_its_own
}

teardown() {
    [[ -n ${holder-} ]] || return 0
    [[ -z ${tracer-} ]] || kill "$tracer" || true
    agent_stop
    [[ -n ${BATS_TEST_COMPLETED-} ]] || tail -n 40 "$agent_dir/log"
    kill "$holder"
}

has_mounts_of_its_own() {
    [[ $(readlink "/proc/$holder/ns/mnt") != $(readlink /proc/self/ns/mnt) ]]
}

inside() {
    nsenter --mount --target "$holder" -- "$@"
}

disk() { # OPTIONS: of a tmpfs for the state directory
    inside mount -t tmpfs -o "$1" tmpfs "$agent_dir/state"
}

start() {
    agent_start nsenter --mount --target "$holder" --
}

configure() { # [DEADLINES]
    cat >"$agent_dir/powerctl.yaml" <<END
devices:
  d[1-4]: { driver: fake, state: "$agent_dir/device/[1-4]" }
nodes:
  n[1-4]: { power: "d[1-4]", next_boot: "d[1-4]", up: none }
limits: { power_on_per_second: 1000 }
deadlines: { settle: 0.1, ${1:-dwell: 0} }
$(agent_part)
END
}

power() { # WORDS...
    "$build/powerctl" "$@" --progress none
}

all_are() { # on|off
    (($(cat "$agent_dir"/device/[1-4] | grep -c "^$1 ") == 4))
}

logged() {
    grep -Eq "$1" "$agent_dir/log"
}

# Nodes, by the cycle: the first job found them off, too.
seen_off() { # COUNT
    (($(grep -Ec 'job=J[^ ]*-2 node=n. power=off' "$agent_dir/log") == $1))
}

health() {
    curl -sS --max-time 10 --unix-socket "$POWERCTL_SOCKET" http://agent/healthz
}

# refused REGEX: no new command, in words; status, and what is known, go on
refused() {
    run -3 --separate-stderr power off n[1-4]
    # shellcheck disable=SC2154 # bats sets it
    [[ $stderr =~ $agent_dir/state.*($1) ]] || { echo "$stderr" && return 1; }
    [[ $(health) == *'"status":"degraded"'*"$agent_dir/state"* ]]
    power status n[1-4] --quiet
    "$build/powerctl" nodes n[1-4] --quiet
}

well_again() {
    wait_for 20 logged 'journal=writable'
    [[ $(health) == *'"status":"ok"'* ]]
    power on n[1-4]
    all_are on
    power off n[1-4]
    all_are off
}

fill() {
    inside dd if=/dev/zero of="$agent_dir/state/fill" bs=4k 2>/dev/null || true
}

is_full() {
    [[ $(health) == *'disk full'* ]] || ! power identify n4 --quiet
}

# fdatasync fails from here on, as it does on a dying disk; until sync_works
sync_fails() {
    strace -o /dev/null true || skip "nothing may be traced here"
    strace -p "$(cat "$agent_dir/pid")" -o "$agent_dir/strace" -e trace=fdatasync \
        -e inject=fdatasync:error=EIO 2>"$agent_dir/strace.err" 3>&- &
    tracer=$!
    wait_for 10 grep -q attached "$agent_dir/strace.err"
}

# No power-on went out before: those of the first job are all there are.
still_dwelling() {
    (($(grep -c 'text="power-on to' "$agent_dir/log") == 4))
}

sync_works() {
    kill "$tracer"
    wait "$tracer" || true
    tracer=
}

@test "full in the middle of a cycle: it ends by the reserve, and nothing new begins" {
    configure 'dwell: 4'
    disk size=4m
    start
    power on n[1-4]
    power cycle n[1-3] >"$agent_dir/cycle" &
    cycle=$!
    wait_for 10 seen_off 3
    fill
    wait_for 30 is_full
    wait "$cycle"
    grep -q '3 ok' "$agent_dir/cycle"
    all_are on
    logged 'journal=full .* reserve=used'
    refused 'disk full|No space left'
    inside rm "$agent_dir/state/fill"
    well_again
}

@test "read-only from the start, never used before" {
    disk ro
    start
    logged 'driver=fake .*is only asked questions'
    refused 'Read-only|readonly'
    inside mount -o remount,rw "$agent_dir/state"
    well_again
}

@test "read-only from the start, with a past" {
    disk size=8m
    start
    power on n[1-4]
    agent_stop
    inside mount -o remount,ro "$agent_dir/state"
    : >"$agent_dir/log"
    start
    refused ''
    all_are on
    inside mount -o remount,rw "$agent_dir/state"
    well_again
    "$build/powerctl" history n1 | grep -q 'power-on'
}

@test "a failed fsync between off and on: no power-on before the journal recovered" {
    configure 'dwell: 8, on: 60'
    start
    power on n[1-4]
    power cycle n[1-4] >"$agent_dir/cycle" &
    cycle=$!
    wait_for 10 seen_off 4
    sync_fails
    still_dwelling
    wait_for 20 logged 'journal=read-only .*disk I/O error'
    refused 'the disk failed'
    all_are off
    sync_works
    wait "$cycle"
    grep -q '4 ok' "$agent_dir/cycle"
    all_are on
    well_again
}

@test "a disk that stays bad: the nodes are left off, and that is said" {
    configure 'dwell: 8, on: 3'
    start
    power on n[1-4]
    (run -8 power cycle n[1-4] && echo "$output" >"$agent_dir/cycle") &
    cycle=$!
    wait_for 10 seen_off 4
    sync_fails
    still_dwelling
    wait "$cycle"
    grep -q 'LEFT_OFF' "$agent_dir/cycle"
    logged 'node=n1 .*outcome=LEFT-OFF'
    power status n[1-4] --quiet
    sync_works
    wait_for 20 logged 'journal=writable'
    power on n[1-4]
    all_are on
    agent_stop # what could not be written then is known to the next agent all the same
    start
    "$build/powerctl" history n1 | tee /dev/stderr | grep -q 'LEFT.OFF'
}

@test "killed between off and on, read-only at the next start: finished when it can be written" {
    configure 'dwell: 60'
    disk size=8m
    start
    power on n[1-4]
    "$build/powerctl" cycle n[1-4] --no-wait --quiet >"$agent_dir/id"
    wait_for 10 seen_off 4
    kill -9 "$(cat "$agent_dir/pid")"
    wait_for 10 agent_gone "$(cat "$agent_dir/pid")"
    configure # they need not wait that long again
    inside mount -o remount,ro "$agent_dir/state"
    start
    refused 'Read-only file system'
    all_are off
    inside mount -o remount,rw "$agent_dir/state"
    wait_for 20 logged 'journal=writable'
    "$build/powerctl" job "$(cat "$agent_dir/id")" --follow
    all_are on
}

@test "no inodes left at the start" {
    disk nr_inodes=2
    inside touch "$agent_dir/state/last" || true
    start
    refused 'No space left on device'
    inside mount -o remount,nr_inodes=100 "$agent_dir/state"
    well_again
}

@test "a damaged journal: commands are refused until somebody looked" {
    start
    power on n[1-4]
    for _ in {1..20}; do power status n[1-4] --quiet; done
    agent_stop
    db=$agent_dir/state/journal.db
    for ((page = 4096; page < $(stat -c %s "$db"); page += 4096)); do
        printf '\377\377\377\377\377\377\377\377' |
            dd of="$db" bs=1 seek="$page" conv=notrunc 2>/dev/null
    done
    : >"$agent_dir/log"
    start
    refused damaged
    all_are on
    agent_stop
    rm "$agent_dir"/state/journal.db*
    start
    power off n[1-4]
    all_are off
}

@test "the journal is removed under an idle agent: noticed, made anew, and locks are in it" {
    start
    power on n[1-4]
    "$build/powerctl" lock n2 --reason mine
    rm "$agent_dir"/state/journal*
    wait_for 20 grep -q 'journal=new' "$agent_dir/log"
    agent=$(cat "$agent_dir/pid")
    kill -KILL "$agent"
    wait_for 10 agent_gone "$agent"
    start
    run -6 power off n2
    all_are on
}

@test "the directory is removed, and made again: locked again too" {
    start
    power on n[1-4]
    rm -r "$agent_dir/state"
    power status n[1-4] --quiet
    refused 'removed or replaced|No such file'
    all_are on
    mkdir "$agent_dir/state"
    well_again
    run -1 --separate-stderr timeout 20 "$build/powerctld" --config "$agent_dir/powerctl.yaml" \
        --socket "$agent_dir/other.sock"
    [[ $stderr == *"another agent (pid $(cat "$agent_dir/pid"))"* ]]
}
