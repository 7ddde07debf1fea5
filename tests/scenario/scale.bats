# 10,000 nodes: the agent, its driver and simulated BMCs, while 200 people watch.  What is said is
# counted, not timed: tests/bench/agent-scale has the times.

bats_require_minimum_version 1.5.0
build=$(realpath "${POWERCTL_BUILD:-build}")
nodes=10000 watchers=200

setup() {
    export build agent_dir=$BATS_TEST_TMPDIR
    source tests/lib/agent.bash
    source tests/lib/scale.bash
}

teardown() {
    local name
    for name in slow watch farm; do
        if [ -e "$agent_dir/$name.pid" ]; then
            kill -CONT "$(cat "$agent_dir/$name.pid")" 2>/dev/null || true
            kill "$(cat "$agent_dir/$name.pid")" 2>/dev/null || true
        fi
    done
    agent_stop
}

power_tells() { # POWER NODES: what a status of everybody is to say of them
    [ "$("$build/powerctl" status @all)" = "$(printf '%-12s%s' "$1:" "$2")" ]
}

# watcher I saw that NODE is POWER, as an event of its own
saw() {
    grep -q "\"kind\":\"power\".*\"node\":\"$2\".*\"power\":\"$3\"" "$agent_dir/watch/$1"
}

all_saw() { # NODE POWER
    local i
    for ((i = 1; i <= watchers; i++)); do saw "$i" "$@" || return 1; done
}

# A reader who takes nothing, however much there is for him.
watch_and_stop_reading() {
    curl -sN --unix-socket "$POWERCTL_SOCKET" http://agent/v1/events >"$agent_dir/slow" 3>&- &
    echo $! >"$agent_dir/slow.pid"
    wait_for 20 scale_watched_by $((watchers + 1))
    kill -STOP "$(cat "$agent_dir/slow.pid")"
}

agent_kilobytes() { # KIND
    scale_rss "$(cat "$agent_dir/pid")" "$1"
}

@test "10,000 BMCs: each is read, 200 watchers are told of each once, and what is known is no news" {
    scale_config ipmi "$nodes"
    scale_farm "$nodes"
    agent_start
    (($(agent_kilobytes VmRSS) < 100 * 1024))
    scale_watch "$watchers"
    watch_and_stop_reading
    power_tells on "n[00001-10000]"
    wait_for 60 all_saw "$(scale_node "$nodes")" on
    # Told once, or told that he was too slow. Seeing the last, a watcher has all before it.
    told=$(cat "$agent_dir"/watch/* | grep -c '"kind":"power"')
    resyncs=$(cat "$agent_dir"/watch/* | grep -c 'event: resync' || true)
    ((resyncs > 0 || told == watchers * nodes))

    rows=$(scale_metric powerctl_events_sequence)
    ((rows == nodes))
    power_tells on "n[00001-10000]"
    (($(scale_metric powerctl_events_sequence) == rows))
    run -1 grep -q '"kind":"outcome"' "$agent_dir"/watch/*

    "$build/powerctl" off n00042 --quiet
    wait_for 60 all_saw n00042 off
    [ "$("$build/powerctl" status n00041,n00042)" = $'on:         n00041\noff:        n00042' ]
    kill -CONT "$(cat "$agent_dir/slow.pid")"
    (($(scale_metric powerctl_api_streams) >= watchers)) # the one who did not read may be cut off
    (($(agent_kilobytes VmRSS) < 100 * 1024))
    run -1 grep 'problem=' "$agent_dir/log"
}

@test "10,000 outlets of 200 PDUs behind a blocking driver: each is read, within its budget" {
    scale_config pdu "$nodes"
    agent_start
    power_tells off "n[00001-10000]"
    (($(scale_metric powerctl_events_sequence) == nodes))
    (($(agent_kilobytes VmRSS) < 100 * 1024))
}

@test "a reload of 10,000 nodes takes a new one in, and disturbs nobody" {
    scale_config pdu "$nodes"
    agent_start
    scale_watch "$watchers"
    sed -i -e "/^devices:/a\  extra: { driver: fake, state: $agent_dir/device/extra }" \
        -e '/^nodes:/a\  extra: { power: extra }' "$agent_dir/powerctl.yaml"
    kill -HUP "$(cat "$agent_dir/pid")"
    wait_for 60 grep -q "config=reloaded nodes=$((nodes + 1))" "$agent_dir/log"
    [ "$("$build/powerctl" status extra)" = 'off:        extra' ]
    scale_watched_by "$watchers"
    (($(agent_kilobytes VmRSS) < 100 * 1024))
}
