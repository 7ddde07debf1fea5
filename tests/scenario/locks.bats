#!/usr/bin/env bats
# powerctl lock, unlock and locks against a real agent: what is refused, whose word counts, and what
# a restart does to it.

bats_require_minimum_version 1.5.0

setup() {
    build=${POWERCTL_BUILD:-$BATS_TEST_DIRNAME/../../build}
    PATH=$build:$PATH
    agent_dir=$BATS_TEST_TMPDIR
    export TZ=UTC
    unset SUDO_USER
    source "$BATS_TEST_DIRNAME/../lib/agent.bash"
    cat >"$agent_dir/powerctl.yaml" <<YAML
$(agent_part)
devices:
  bmc-n[01-04]: { driver: fake, state: "$agent_dir/bmc-n[01-04]" }
  bmc-silent: { driver: fake, state: $agent_dir/bmc-silent }
nodes:
  n[01-04]: { power: "bmc-n[01-04]", next_boot: "bmc-n[01-04]", up: none }
  silent: { power: bmc-silent, up: phone-home }
groups: { rack1: "n[01-04]" }
deadlines: { settle: 0.05 }
YAML
    agent_start
}

teardown() {
    agent_stop
}

@test "a lock refuses all that changes its node, and nothing is done to the others" {
    run -0 powerctl lock n02 --reason 'broken DIMM' --until 2h
    [[ $output == *'n02 '*'root (uid 0)'*'broken DIMM' ]]
    for verb in on off cycle reset soft diag identify reboot 'next-boot network'; do
        # shellcheck disable=SC2086 # two words
        run -6 powerctl $verb @rack1 --yes
        [[ $output == 'powerctl: n02 is locked by '*' since '*', until '*': broken DIMM. Nothing was done.'* ]]
    done
    run -0 powerctl jobs
    [ "$output" = 'no jobs yet' ]
    run -0 powerctl on n01 -q
    run -0 powerctl status n02
    [[ $output == *'locked:     n02 by '*': broken DIMM' ]]
    [ "$(powerctl nodes @rack1 --format json | jq -c '[.nodes[] | select(.locked) | .node]')" = '["n02"]' ]
    run -0 powerctl on n02 --with-lock -q
    run -6 powerctl off n02 --with-lock --for bob
}

@test "whose it is: another takes it only with --steal, and the history tells" {
    powerctl lock n02 --reason 'mine' --for alice -q
    run -6 powerctl lock n[01-02] --reason 'no, mine' --for bob
    [[ $output == *' for alice (mine): nothing was locked; --steal '* ]]
    run -0 powerctl locks --format nodeset
    [ "$output" = n02 ]
    run -6 powerctl unlock n02 --for bob
    run -0 powerctl lock n02 --reason 'no, mine' --for bob --steal
    run -0 powerctl unlock n02 --for bob
    run -0 powerctl history n02
    [[ $output == *'n02 locked by '*' for alice: mine'*'lock stolen by '*' for bob from '*' for alice: no, mine'*'unlocked by '*' for bob'* ]]
    run -0 powerctl locks
    [ "$output" = 'nothing is locked' ]
}

@test "under sudo it is for who called it" {
    SUDO_USER=alice run -0 powerctl lock n02 --reason 'mine'
    [[ $output == *' for alice '* ]] || [ "$EUID" -ne 0 ]
    SUDO_USER=bob run -6 powerctl unlock n02
    SUDO_USER=alice run -0 powerctl unlock n02
}

@test "locks survive kill -9; one that is over meanwhile is gone, with a line in the history" {
    powerctl lock n02 --reason 'for long' --until 2099-12-31 -q
    powerctl lock n03 --reason 'for ever' -q
    powerctl lock n04 --reason 'not for long' --until 1s -q
    kill -KILL "$(cat "$agent_dir/pid")"
    agent_start
    wait_for 10 bash -c 'powerctl history n04 | grep -q "the lock of .* is over (not for long)"'
    run -0 powerctl locks --format csv
    [[ $output == *'n02,'*',2099-12-31T00:00:00.000Z,for long'*'n03,'*',,for ever'* ]]
    [[ $output != *n04* ]]
    run -6 powerctl on n03
    run -0 powerctl on n04 -q
}

@test "a node that a job has is not locked" {
    job=$(powerctl reboot silent --no-wait) # waits until it phones home
    run -6 powerctl lock n01,silent --reason x
    [[ $output == *"silent is busy with job $job (reboot by "*'): nothing was locked' ]]
    run -0 powerctl locks
    [ "$output" = 'nothing is locked' ]
    run -0 powerctl cancel "$job"
}
