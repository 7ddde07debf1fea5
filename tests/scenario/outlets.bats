# Two hundred outlets on ten buses, five serial and five TCP, two units of ten outlets on each.
#
# One bus dead: the other nine are answered as if it were not there.  And the inrush limits hold by
# what the PDUs physically did, which they wrote down themselves, also over a kill -9 of the agent.

bats_require_minimum_version 1.5.0

setup_file() {
    export build=${POWERCTL_BUILD:-$PWD/build}
    export agent_dir=$BATS_FILE_TMPDIR/agent
    source tests/lib/agent.bash
    source tests/lib/buses.bash
    mkdir -p "$agent_dir"
    buses_up
    {
        buses_config
        agent_part
    } >"$agent_dir/powerctl.yaml"
    agent_start
}

teardown_file() {
    source tests/lib/agent.bash
    source tests/lib/buses.bash
    agent_stop
    buses_down
}

setup() {
    source tests/lib/agent.bash
    source tests/lib/buses.bash
    buses_pdu all clear
}

teardown() {
    [[ -n ${BATS_TEST_COMPLETED-} ]] || tail -n 40 "$agent_dir/log"
}

powerctl() {
    "$build/powerctl" "$@"
}

# begin_truth, truth: "MILLISECONDS DEVICE on|off" for each physical change since
begin_truth() {
    wc -l <"$agent_dir/truth" >"$agent_dir/mark"
}
truth() {
    tail -n "+$(($(cat "$agent_dir/mark") + 1))" "$agent_dir/truth" |
        jq -r 'select(.event == "switch") | "\(.ms) \(.device) \(.power)"'
}

# most_in_a_second PATTERN: how many outlets of such devices came on within any one second
most_in_a_second() {
    truth | awk -v pattern="$1" '
        $3 == "on" && $2 ~ pattern { at[n++] = $1 }
        END { for (i = 0; i < n; i++) { while (at[i] - at[first] >= 1000) first++
                if (i - first + 1 > most) most = i - first + 1 } print most + 0 }'
}

closest_together() {
    truth | awk '
        $3 == "on" { if ($2 in last && (least == "" || $1 - last[$2] < least)) least = $1 - last[$2]
                     last[$2] = $1 } END { print int(least) }'
}

limits_held() {
    local bus pair
    echo "agent: $(most_in_a_second .) of 20"
    (($(most_in_a_second .) <= 20))
    for bus in 0 2 4 6; do
        pair="pdu-[$bus$((bus + 1))]"
        echo "ups-$bus: $(most_in_a_second "$pair") of 5"
        (($(most_in_a_second "$pair") <= 5))
    done
    echo "phase-8: $(most_in_a_second 'pdu-[89]') of 5 (40 A, 8 A each)"
    (($(most_in_a_second 'pdu-[89]') <= 5))
}


@test "one dead bus: the other nine are answered before it is given up, all of them" {
    buses_pdu pdu-31 dead
    buses_pdu pdu-32 dead
    run powerctl status 'n*' --format json
    [[ $status == 1 ]]
    [[ $(jq '.nodes | length' <<<"$output") == 200 ]]
    [[ $(jq '[.nodes[] | select(.outcome == "ok")] | length' <<<"$output") == 180 ]]
    [[ $(jq -r '[.nodes[] | select(.outcome != "ok") | .node[0:2]] | unique[]' <<<"$output") == n3 ]]
    # since_s: how long ago each was known. The last of the living was, before the first of the dead.
    [[ $(jq '([.nodes[] | select(.outcome == "ok") | .since_s] | min) >=
             ([.nodes[] | select(.outcome != "ok") | .since_s] | max)' <<<"$output") == true ]]
}

@test "two hundred come on within every limit, by the PDUs' own record" {
    powerctl off 'n*' --quiet
    begin_truth
    run -0 powerctl on 'n*' --quiet
    [[ $(truth | grep -c 'on$') == 200 ]]
    limits_held
    closest_together
    (($(closest_together) >= 80))
}

enough_are_on() {
    (($(truth | grep -c 'on$') >= 60))
}

@test "and also when the agent is killed in the middle of it, twice" {
    powerctl off 'n*' --quiet
    begin_truth
    powerctl on 'n*' --no-wait
    wait_for 30 enough_are_on
    kill -9 "$(cat "$agent_dir/pid")"
    agent_start
    powerctl on 'n*' --no-wait || true
    all_jobs_done() {
        [[ -z $(powerctl jobs --format json | jq -r '.jobs[] | select(.done | not) | .id') ]]
    }
    wait_for 60 all_jobs_done
    run -0 powerctl on 'n*' --quiet
    limits_held
    [[ $(powerctl status 'n*' --format json | jq '[.nodes[] | select(.power == "on")] | length') == 200 ]]
}
