#!/usr/bin/env bats
# powerctl and netboot-now against a real agent with fake devices: what they say, what they exit
# with, and that nothing they do to themselves (Ctrl-C, --timeout) does anything to a job.

setup() {
    build=${POWERCTL_BUILD:-$BATS_TEST_DIRNAME/../../build}
    PATH=$build:$PATH
    dir=$BATS_TEST_TMPDIR
    export POWERCTL_SOCKET=$dir/sock TZ=UTC
    cat >"$dir/powerctl.yaml" <<YAML
agent: { socket: $dir/sock, state_dir: $dir, driver_dir: $build }
devices:
  bmc-n[01-04]: { driver: fake, state: "$dir/bmc-n[01-04]" }
  bmc-dead: { driver: fake, state: $dir/bmc-dead, dead: true }
  bmc-dead2: { driver: fake, state: $dir/bmc-dead2, dead: true }
  bmc-boot: { driver: fake, state: $dir/bmc-boot }
  pdu-a: { driver: fake, state: $dir/pdu-a, outlets: 4 }
  pdu-dead: { driver: fake, state: $dir/pdu-dead, outlets: 2, dead: true }
nodes:
  n[01-04]: { power: "bmc-n[01-04]", next_boot: "bmc-n[01-04]", up: none }
  dead: { power: bmc-dead }
  boot: { power: bmc-boot, protect: true }
  fed: { power: pdu-a/1 }
  pair: { power: [ bmc-dead2, pdu-dead/1, pdu-a/4 ] }
circuits: { row-1: { nodes_per_second: 50, outlets: "pdu-a/[1-4]" } }
groups: { rack1: "n[01-04]" }
bootserver: { logs: [$dir/boot.log] }
limits: { confirm_above: 2 }
deadlines: { settle: 0.05, command: 0.5, post: 600 }
YAML
    : >"$dir/boot.log" # a boot server that has nothing to tell
    agent_start
}

agent_start() {
    powerctld --config "$dir/powerctl.yaml" 2>>"$dir/log" 3>&- &
    agent=$!
    curl -sf --retry 100 --retry-delay 0 --retry-max-time 20 --retry-all-errors \
        --unix-socket "$dir/sock" http://agent/healthz >/dev/null
}

teardown() {
    kill "$agent"
    wait "$agent" || true
}

@test "on, status, off: seen, folded, exit 0" {
    run powerctl on @rack1 --yes --progress none
    [ "$status" -eq 0 ]
    [[ $output == 'ok:         n[01-04]'* ]]
    run powerctl status @rack1
    [ "$status" -eq 0 ]
    [ "$output" = 'on:         n[01-04]' ]
    [ "$(cut -d' ' -f1 <"$dir/bmc-n03")" = on ]
    run powerctl off n01 -q
    [ "$status" -eq 0 ] && [ -z "$output" ]
    run powerctl status @rack1 -x n03 --format nodeset
    [ "$output" = $'on n[02,04]\noff n01' ]
}

@test "on twice: the second says that it was on already" {
    powerctl on n01 -q
    run powerctl on n01,n02 --progress none
    [ "$status" -eq 0 ]
    [[ $output == $'ok:         n[01-02]\n  was on already: n01\n'* ]]
}

@test "status leaves no trace in jobs and history, unless asked with --all" {
    powerctl on n01 -q
    powerctl status @rack1 -q
    run powerctl jobs
    [ "$status" -eq 0 ]
    [[ $output == *' on '*' 1 ok  '*' n01' && $output != *status* ]]
    run powerctl jobs --all
    [[ $output == *' status '*' 4 ok  '*' n[01-04]'* ]]
    run powerctl history n01
    [[ $output == *'n01 ok'* && $output != *status* ]]
    only=$(powerctl history n01 --format jsonl | jq -r .verb | sort -u)
    [ "$only" = on ]
    # n02 had not been read before: what it was found to be is on record, not that it was asked
    found=$(powerctl history n02 --all --format jsonl | jq -r '.verb + " " + .kind')
    [ "$found" = 'status power' ]
    powerctl status n02 -q
    [ "$(powerctl history n02 --all --format jsonl | wc -l)" -eq 1 ]
}

@test "an unknown node is named without a column, in an expression with it" {
    run powerctl status m99
    [ "$status" -eq 2 ]
    [ "$output" = "powerctl: no node is called 'm99'" ]
    run powerctl status n01,m99
    [ "$output" = "powerctl: column 5: no node is called 'm99'" ]
}

@test "a dead BMC: unknown is not off, exit 1, and the others answer" {
    run powerctl status n01,dead
    [ "$status" -eq 1 ]
    [[ $output == *'unknown:    dead'* ]]
    [[ $output == *'dead: UNREACHABLE: '* ]]
    [[ $output == *'off:        n01'* ]]
}

@test "many nodes and nobody to ask: exit 2, nothing done; --max-nodes covers them" {
    run powerctl on "n[01-03]"
    [ "$status" -eq 2 ]
    [[ $output == *'power on 3 nodes (n[01-03])?'* ]]
    run powerctl on "n[01-03]" --max-nodes 2
    [ "$status" -eq 2 ]
    run powerctl on "n[01-03]" --max-nodes 3 -q
    [ "$status" -eq 0 ]
}

@test "exit 2 for a node nobody knows, 4 for a protected one, 7 for what cannot be seen" {
    run powerctl on n99
    [ "$status" -eq 2 ]
    run powerctl off boot
    [ "$status" -eq 4 ]
    run powerctl identify n01
    [ "$status" -eq 7 ]
}

@test "the same key is the same job; with another verb it is exit 6" {
    powerctl on n01 --key k -q
    run powerctl on n01 --key k --progress none
    [ "$status" -eq 0 ]
    [[ $output == *'nothing is sent again'* ]]
    run powerctl off n01 --key k
    [ "$status" -eq 6 ]
}

@test "--timeout: exit 5, the job goes on, a second one is told who has the node" {
    run netboot-now n01 --timeout 200ms --progress none
    [ "$status" -eq 5 ]
    [[ $output == *'Waited 0.2 s. Job J'*' goes on.'* ]]
    run powerctl off n01
    [ "$status" -eq 6 ]
    [[ $output == *'busy with job J'* ]]
}

@test "Ctrl-C: exit 130, the job goes on, cancel ends it" {
    # A background job of a shell without job control ignores SIGINT; env gives it back.
    env --default-signal=INT netboot-now n01 --progress plain >"$dir/out" 2>"$dir/err" 3>&- &
    caller=$!
    # The first line of progress: by then it follows.
    timeout 20 tail -n +1 -F --pid=$caller "$dir/err" 2>/dev/null | grep -qm1 POWERED
    kill -INT "$caller"
    code=0
    wait "$caller" || code=$?
    [ "$code" -eq 130 ]
    id=$(sed -n 's/.*Job \(J[^ ]*\) goes on.*/\1/p' "$dir/err")
    run powerctl job "$id"
    [ "$status" -eq 5 ]
    run powerctl cancel "$id"
    [ "$status" -eq 0 ]
    [[ $output == "Job $id is cancelled: "* ]]
    run powerctl job "$id" --follow --progress none
    [ "$status" -eq 1 ]
    [[ $output == *'cancelled:  n01'* ]]
}

@test "no agent: exit 3 at once, naming the socket" {
    run powerctl --socket "$dir/nothing" status n01
    [ "$status" -eq 3 ]
    [[ $output == *"no agent answers at $dir/nothing"*"is it the right socket?"* ]]
}

@test "the agent is killed and comes back: the job goes on, and its caller with it" {
    netboot-now n01 --progress plain >"$dir/out" 2>"$dir/err" 3>&- &
    caller=$!
    timeout 20 tail -n +1 -F --pid=$caller "$dir/err" 2>/dev/null | grep -qm1 POWERED
    kill -KILL "$agent"
    wait "$agent" || true
    agent_start
    id=$(powerctl jobs --format json | grep -o '"J[^"]*"' | tr -d '"')
    run powerctl job "$id" # nobody tells how far it has come, so it waits
    [ "$status" -eq 5 ]
    powerctl cancel "$id" -q
    code=0
    wait "$caller" || code=$?
    [ "$code" -eq 1 ]
    grep -q '^cancelled:  n01' "$dir/out"
}

@test "config check: exit 0 or 2, every error with its place" {
    run powerctl config check "$dir/powerctl.yaml"
    [ "$status" -eq 0 ]
    echo 'nodes: { a: { pwer: x } }' >"$dir/bad.yaml"
    run powerctl config check "$dir/bad.yaml"
    [ "$status" -eq 2 ]
    [[ $output == *"bad.yaml:1:15: error: unknown key 'pwer'"* ]]
    POWERCTL_CONFIG=$dir/powerctl.yaml run powerctl config check
    [ "$status" -eq 0 ]
    [[ $output == "$dir/powerctl.yaml: good: "* ]]
}

@test "outlets: each with its state; a dead PDU's are unknown, with the reason, exit 1" {
    powerctl on fed -q
    run powerctl outlets pdu-a
    [ "$status" -eq 0 ]
    [ "$output" = "\
OUTLET       STATE       WATTS  NODE         CIRCUIT
pdu-a/1      on              -  fed          row-1
pdu-a/2      off             -  -            row-1
pdu-a/3      off             -  -            row-1
pdu-a/4      off             -  pair         row-1" ]
    run powerctl outlets --format nodeset --progress none
    [ "$status" -eq 1 ]
    [ "$output" = $'on pdu-a/1\noff pdu-a/[2-4]\nunknown pdu-dead/[1-2]' ]
    run powerctl outlets pdu-dead --progress none
    [ "$status" -eq 1 ]
    [[ $output == *'pdu-dead/'*': UNREACHABLE: pdu-dead: '* ]]
    run powerctl outlets pdu-b
    [ "$status" -eq 2 ]
    [ "$output" = "powerctl: no PDU is called 'pdu-b'; did you mean 'pdu-a'?" ]
}

@test "outlet: one that feeds nobody is switched like a node, a machine is not" {
    run powerctl outlet on 'pdu-a/[2-3]' --progress none
    [ "$status" -eq 0 ]
    [[ $output == 'ok:         pdu-a/[2-3]'* ]]
    [ "$(cut -d' ' -f1 <"$dir/pdu-a.3")" = on ]
    run powerctl outlet cycle pdu-a/2 -q
    [ "$status" -eq 0 ]
    run powerctl history pdu-a/2
    [[ $output == *'pdu-a/2 -> power-off to pdu-a'*'pdu-a/2 ok'* ]]
    run powerctl outlet off n01
    [ "$status" -eq 2 ]
    [ "$output" = "powerctl: n01 is no outlet: write PDU/N, or 'powerctl off n01'" ]
    [ ! -e "$dir/bmc-n01" ]
}

@test "an outlet that feeds a node is not switched by its own name" {
    for verb in on off cycle; do
        run powerctl outlet "$verb" pdu-a/1
        [ "$status" -eq 4 ]
        [[ $output == "powerctl: pdu-a/1 feeds fed: powerctl $verb fed"* ]]
    done
    [ ! -e "$dir/pdu-a.1" ]
    run powerctl status pdu-a/1
    [ "$status" -eq 0 ] && [ "$output" = 'off:        pdu-a/1' ]
}

@test "check: all devices of a node are asked, and all that is wrong is told" {
    run powerctl check @rack1,boot
    [ "$status" -eq 0 ]
    [[ $output == *$'\nn04  ok        bmc-n04: off, '*', next boot none' ]]
    powerctl lock n01 --reason test
    powerctl next-boot network n02 -q
    run powerctl check n01,n02
    [ "$status" -eq 0 ]
    [[ $output == *$'\n\nn02: bmc-n02 is set to boot from network the next time' ]]
    run powerctl check pair,fed --progress none
    [ "$status" -eq 1 ]
    [[ $output == *$'\nfed  ok        pdu-a outlet 1: off'* ]]
    [[ $output == *$'\npair failed    UNREACHABLE: bmc-dead2: '*'; 1 more finding'* ]]
    [[ $output == *$'\npair: UNREACHABLE: pdu-dead outlet 1: '* ]]
    run powerctl check pair -q
    [ "$status" -eq 1 ]
    [[ $output == 'powerctl: check pair: 1 of 1 failed'* ]]
    [[ $output == *$'\n\npair: UNREACHABLE: bmc-dead2: '*$'\npair: UNREACHABLE: pdu-dead outlet 1: '* ]]
    run powerctl history fed,pair # what was read of fed was not known before
    [ "$output" = 'nothing is on record' ]
    run powerctl history fed --all
    [[ $output == *'fed power is off' ]]
    [ ! -e "$dir/bmc-n04" ] && [ ! -e "$dir/pdu-a.1" ]
}

@test "machines are counted without the outlets, and * is machines" {
    run powerctl nodes '*'
    [ "$output" = 'boot,dead,fed,n[01-04],pair' ]
    curl -s --unix-socket "$dir/sock" http://agent/metrics | grep -qx 'powerctl_nodes{power="unknown"} 8'
}
