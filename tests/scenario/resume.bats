# The agent is killed in the middle of a job: the next one finishes it, and who waited for it
# goes on waiting.  By the BMCs' own log no node is switched off twice.

bats_require_minimum_version 1.5.0
build=${POWERCTL_BUILD:-build}

setup() {
    export build agent_dir=$BATS_TEST_TMPDIR
    source tests/lib/agent.bash
    "$build/peers/bmc_farm" --first 127.1.18.1 --count 6 --port 0 --control "$agent_dir/farm" \
        --truth "$agent_dir/truth" --user ops --password tinsel >"$agent_dir/farm.out" 3>&- &
    echo $! >"$agent_dir/farm.pid"
    wait_for 10 grep -q listening "$agent_dir/farm.out"
    agent_secret bmc tinsel
    # A dwell so long that the agent dies within it, whatever else this machine does.
    cat >"$agent_dir/powerctl.yaml" <<END_OF_CONFIG
credentials: { bmc: { user: ops, password_file: $agent_dir/secrets/bmc } }
devices:
  b[1-6]: { driver: ipmi, host: "127.1.18.[1-6]", port: $(awk '{ print $4 }' "$agent_dir/farm.out"), credentials: bmc }
nodes:
  n[1-6]: { power: "b[1-6]", next_boot: "b[1-6]", up: none }
deadlines: { command: 3, off: 6, on: 6, dwell: 10, settle: 0.5 }
$(agent_part)
END_OF_CONFIG
    farm all power on
    : >"$agent_dir/truth"
    agent_start
}

teardown() {
    agent_stop
    kill "$(cat "$agent_dir/farm.pid")"
}

farm() {
    "$build/peers/bmc_farm" --send "$agent_dir/farm" "$@" >/dev/null
}

# follow COMMAND...: in the background; its exit goes to $agent_dir/exit
follow() {
    {
        local status=0
        "$build/powerctl" "$@" --format json --progress json >"$agent_dir/result" \
            2>"$agent_dir/events" || status=$?
        echo "$status" >"$agent_dir/exit"
    } 3>&- &
}

edges() {
    grep -c "$1" "$agent_dir/truth" || true
}

edges_are() {
    (($(edges "$1") == $2))
}

agent_dies() {
    local pid
    pid=$(cat "$agent_dir/pid")
    kill -KILL "$pid"
    wait_for 10 agent_gone "$pid"
}

ended_with() {
    [ "$(cat "$agent_dir/exit")" = "$1" ]
}

outcome() {
    jq -r ".nodes[] | select(.node == \"$1\") | .outcome + \" \" + (.verdict // \"\")" "$agent_dir/result"
}

@test "a cycle is finished by the next agent, and its client has the end of it" {
    follow cycle 'n[1-4]' --yes
    wait_for 20 edges_are 'edge off' 4
    agent_dies
    agent_start
    # Commands are accepted at once, but not for the nodes that are being finished.
    run -6 "$build/powerctl" on n1
    run -0 "$build/powerctl" on n5
    wait_for 60 ended_with 0
    for node in n1 n2 n3 n4; do [ "$(outcome $node)" = "ok " ]; done
    [ "$(edges 'edge off')" -eq 4 ]
    [ "$(edges 'edge on')" -eq 4 ]
    # The same job to the end, and each node's story is whole.
    [ "$(jq -r .id "$agent_dir/result")" = "$(jq -rs 'map(.job) | unique | join(" ")' "$agent_dir/events")" ]
    [ "$(jq -rs '[.[] | select(.text | test("the agent restarted"))] | length' "$agent_dir/events")" -eq 4 ]
    [ "$("$build/powerctl" jobs --format json | jq '.jobs | length')" -ge 1 ]
}

@test "and by the one after that" {
    follow cycle 'n[1-2]' --yes
    wait_for 20 edges_are 'edge off' 2
    agent_dies
    agent_start
    wait_for 20 grep -q 'the agent restarted' "$agent_dir/events"
    agent_dies
    agent_start
    wait_for 60 ended_with 0
    [ "$(edges 'edge off')" -eq 2 ]
    [ "$(edges 'edge on')" -eq 2 ]
}

@test "waves that had not begun are not begun" {
    follow reboot 'n[1-3]' --batch 1 --grace 1s
    wait_for 20 edges_are 'edge off' 1
    agent_dies
    agent_start
    wait_for 60 ended_with 1
    [ "$(outcome n1)" = "ok " ]
    [ "$(outcome n2)" = "cancelled INTERRUPTED" ]
    [ "$(outcome n3)" = "cancelled INTERRUPTED" ]
    [ "$(edges 'edge off')" -eq 1 ]
}

@test "a node that was left off is shown so after a restart" {
    follow cycle n1 --yes
    wait_for 20 edges_are 'edge off' 1
    farm n1 dead on
    wait_for 90 ended_with 8
    agent_dies
    agent_start
    run -0 "$build/powerctl" nodes n1 --format json
    [ "$(jq -r '.nodes[0].outcome' <<<"$output")" = left-off ]
}
