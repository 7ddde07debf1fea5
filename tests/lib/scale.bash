# scale.bash - an agent with as many nodes as you like, and people who watch it.  For the scenario
# and the bench of the same name; to be sourced after agent.bash, whose $agent_dir it uses.
#
# shellcheck shell=bash

scale_user=ops
scale_password=tinsel-and-string

# scale_node I: the name of node I, from 1
scale_node() {
    printf 'n%05d' "$1"
}

# scale_config ipmi|fake|pdu COUNT: a line for each device and node, as a generator writes them, and
# each MAC in /etc/ethers' form: the longest way to say it. pdu: 50 nodes on each fake device
scale_config() {
    local driver=$1 count=$2
    agent_secret bmc "$scale_password"
    mkdir -p "$agent_dir/device"
    awk -v count="$count" -v dir="$agent_dir" -v driver="$driver" -v user="$scale_user" '
        function name(i) { return sprintf("n%05d", i) }
        BEGIN {
            if (driver == "ipmi")
                printf "credentials:\n  bmc: { user: %s, password_file: %s/secrets/bmc }\n", user, dir
            print "devices:"
            for (i = 1; driver == "pdu" && i <= (count + 49) / 50; i++)
                printf "  pdu-%d: { driver: fake, outlets: 50, state: %s/device/%d }\n", i, dir, i
            for (i = 1; driver != "pdu" && i <= count; i++)
                if (driver == "ipmi")
                    printf "  bmc-%s: { driver: ipmi, host: 127.1.%d.%d, port: 6231, credentials: bmc, cipher_suites: \"3\" }\n",
                        name(i), int(i / 256), i % 256
                else
                    printf "  bmc-%s: { driver: fake, state: %s/device/%d }\n", name(i), dir, i
            print "nodes:"
            for (i = 1; i <= count; i++)
                if (driver == "pdu")
                    printf "  %s: { power: pdu-%d/%d }\n", name(i), int((i - 1) / 50) + 1, (i - 1) % 50 + 1
                else
                    printf "  %s: { power: bmc-%s, next_boot: bmc-%s }\n", name(i), name(i), name(i)
            printf "groups: { all: \"n[00001-%05d]\" }\n", count
            printf "ethers: %s/ethers\nbootserver: { logs: [%s/boot.log] }\n", dir, dir
            print "limits: { power_on_per_second: 1000, booting_at_once: 1000 }"
            print "deadlines: { settle: 0.1, dwell: 0 }"
        }' >"$agent_dir/powerctl.yaml"
    agent_part >>"$agent_dir/powerctl.yaml"
    awk -v count="$count" 'BEGIN {
        for (i = 1; i <= count; i++)
            printf "52:54:00:%02x:%02x:%02x n%05d\n", int(i / 65536), int(i / 256) % 256, i % 256, i
    }' >"$agent_dir/ethers"
    : >"$agent_dir/boot.log"
}

# scale_farm COUNT: a BMC for each node of scale_config ipmi, switched on
scale_farm() {
    ip link set lo up
    "$build/peers/bmc_farm" --first 127.1.0.1 --count "$1" --port 6231 --power on \
        --user "$scale_user" --password "$scale_password" --control "$agent_dir/farm.sock" \
        >"$agent_dir/farm.out" 3>&- &
    echo $! >"$agent_dir/farm.pid"
    wait_for 20 grep -q listening "$agent_dir/farm.out"
}

# scale_metric NAME: one number out of /metrics
scale_metric() {
    curl -sf --max-time 30 --unix-socket "$POWERCTL_SOCKET" http://agent/metrics |
        awk -v name="$1" '$1 == name { print $2 }'
}

scale_watched_by() {
    [ "$(scale_metric powerctl_api_streams)" = "$1" ]
}

# scale_watch COUNT: so many connections to /v1/events, each into a file of its own
scale_watch() {
    local i
    mkdir -p "$agent_dir/watch"
    for ((i = 1; i <= $1; i++)); do
        printf 'url = "http://agent/v1/events"\noutput = "%s/watch/%d"\n' "$agent_dir" "$i"
    done >"$agent_dir/watch.conf"
    curl -sN --parallel --parallel-immediate --parallel-max 300 --unix-socket "$POWERCTL_SOCKET" \
        -K "$agent_dir/watch.conf" 2>/dev/null 3>&- &
    echo $! >"$agent_dir/watch.pid"
    wait_for 20 scale_watched_by "$1"
}

scale_unwatch() {
    kill "$(cat "$agent_dir/watch.pid")" 2>/dev/null || true
    wait_for 20 scale_watched_by 0
}

# scale_rss PID [KIND]: kilobytes; VmRSS now, or VmHWM the most so far
scale_rss() {
    awk -v kind="${2:-VmRSS}:" '$1 == kind { print $2 }' "/proc/$1/status"
}
