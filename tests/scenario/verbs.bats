# Every verb on a rack of 16 BMCs of which four are dead, one lies and one has another password:
# each of the six is named with its own reason, and costs the ten good ones nothing.

bats_require_minimum_version 1.5.0
build=${POWERCTL_BUILD:-build}
good="n[01-02,04,07,10-11,13-16]"
dead="n03 n06 n09 n12"
liar=n05
stranger=n08

setup_file() {
    export build agent_dir=$BATS_FILE_TMPDIR
    source tests/lib/agent.bash
    "$build/peers/bmc_farm" --first 127.1.16.1 --count 16 --port 0 --control "$agent_dir/farm" \
        --truth "$agent_dir/truth" --user ops --password tinsel >"$agent_dir/farm.out" 3>&- &
    echo $! >"$agent_dir/farm.pid"
    wait_for 10 grep -q listening "$agent_dir/farm.out"
    agent_secret bmc tinsel
    cat >"$agent_dir/powerctl.yaml" <<END
credentials: { bmc: { user: ops, password_file: $agent_dir/secrets/bmc } }
devices:
  b[01-16]: { driver: ipmi, host: "127.1.16.[1-16]", port: $(awk '{ print $4 }' "$agent_dir/farm.out"), credentials: bmc }
nodes:
  n[01-16]: { power: "b[01-16]", next_boot: "b[01-16]", up: none }
groups: { rack1: "n[01-16]" }
limits: { power_on_per_second: 1000 }
deadlines: { command: 3, off: 4, on: 4, soft_off: 4, dwell: 0, settle: 0.2 }
$(agent_part)
END
    agent_start
}

teardown_file() {
    source tests/lib/agent.bash
    agent_stop
    kill "$(cat "$agent_dir/farm.pid")"
}

setup() {
    source tests/lib/agent.bash
    farm all clear
    farm all password tinsel
}

farm() {
    "$build/peers/bmc_farm" --send "$agent_dir/farm" "$@" >/dev/null
}

# rack_of on|off: what all are before the verb; then the faults
rack_of() {
    local node
    farm all power off # and on by the button, if at all: the restart cause says so
    farm all power "$1"
    for node in $dead; do farm "$node" dead on; done
    farm "$liar" ignore on
    farm "$stranger" password another
    : >"$agent_dir/truth"
}

# verb WORDS...: runs it, keeps result and events
verb() {
    local status=0
    "$build/powerctl" "$@" --format json --progress json >"$agent_dir/result" \
        2>"$agent_dir/events" || status=$?
    return "$status"
}

# nodes_with FIELD VALUE: folded by spaces
nodes_with() {
    jq -r --arg value "$2" "[.nodes[] | select(.$1 == \$value) | .node] | join(\" \")" "$agent_dir/result"
}

reason() {
    jq -r ".nodes[] | select(.node == \"$1\") | .verdict" "$agent_dir/result"
}

good_nodes() {
    "$build/powerctl" nodes --expand "$good" | tr '\n' ' ' | sed 's/ $//'
}

# By the order of the events, not by the clock: no good node waited for a bad one.
good_ones_did_not_wait() {
    jq -rs --arg good "$(good_nodes)" --arg dead "$dead" '
        [.[] | select(.kind == "outcome") | .node] as $order
        | ($good | split(" ")) as $good | ($dead | split(" ")) as $dead
        | ([$good[] as $n | $order | index($n)] | max) < ([$dead[] as $n | $order | index($n)] | min)
    ' "$agent_dir/events"
}

named_with_their_reasons() {
    local node
    for node in $dead; do [ "$(reason "$node")" = UNREACHABLE ] || return 1; done
    [ "$(reason "$stranger")" = WRONG_PASSWORD ] || return 1
}

@test "status: the dead and the stranger are unknown, never off" {
    rack_of on
    run -1 verb status @rack1
    named_with_their_reasons
    [ "$(nodes_with power on)" = "$(good_nodes | sed "s/n04/n04 $liar/")" ]
    [ "$(nodes_with power unknown)" = "n03 n06 n08 n09 n12" ]
    [ "$(good_ones_did_not_wait)" = true ]
}

@test "on: seen on, or named" {
    rack_of off
    run -1 verb on @rack1 --yes
    [ "$(nodes_with outcome ok)" = "$(good_nodes)" ]
    named_with_their_reasons
    [ "$(reason $liar)" = POWER_FAILED ]
    [ "$(good_ones_did_not_wait)" = true ]
    [ "$(grep -c 'edge on' "$agent_dir/truth")" -eq 10 ]
}

@test "off: seen off, or named" {
    rack_of on
    run -1 verb off @rack1 --yes
    [ "$(nodes_with outcome ok)" = "$(good_nodes)" ]
    named_with_their_reasons
    [ "$(reason $liar)" = POWER_FAILED ]
    [ "$(grep -c 'edge off' "$agent_dir/truth")" -eq 10 ]
}

@test "soft: seen off, or named" {
    rack_of on
    run -1 verb soft @rack1 --yes
    [ "$(nodes_with outcome ok)" = "$(good_nodes)" ]
    named_with_their_reasons
    [ "$(reason $liar)" = POWER_FAILED ]
}

@test "cycle: off and on, each once" {
    rack_of on
    run -1 verb cycle @rack1 --yes
    [ "$(nodes_with outcome ok)" = "$(good_nodes)" ]
    named_with_their_reasons
    [ "$(reason $liar)" = POWER_FAILED ]
    [ "$(grep -c 'edge off' "$agent_dir/truth")" -eq 10 ]
    [ "$(grep -c 'edge on' "$agent_dir/truth")" -eq 10 ]
}

@test "reset: proven by the restart cause, or named" {
    rack_of on
    run -1 verb reset @rack1 --yes
    [ "$(nodes_with outcome ok)" = "$(good_nodes)" ]
    named_with_their_reasons
    [ "$(reason $liar)" = POWER_FAILED ]
}

@test "reset of nodes that are off: is off, nothing is sent" {
    farm all power off
    : >"$agent_dir/truth"
    run -1 verb reset n01
    [ "$(reason n01)" = IS_OFF ]
    [ ! -s "$agent_dir/truth" ]
}

@test "next-boot network: read back, or named" {
    rack_of off
    farm $liar ignore off
    farm $liar drop-flag on
    run -1 verb next-boot network @rack1 --yes
    [ "$(nodes_with outcome ok)" = "$(good_nodes)" ]
    named_with_their_reasons
    [ "$(reason $liar)" = NEXT_BOOT_NOT_STORED ]
}

@test "reboot: soft, then hard where soft does nothing" {
    rack_of on
    farm n01 ignore-soft on
    run -1 verb reboot @rack1 --yes --grace 1
    [ "$(nodes_with outcome ok)" = "$(good_nodes)" ]
    named_with_their_reasons
    [ "$(reason $liar)" = POWER_FAILED ]
    [ "$(grep -c 'edge on' "$agent_dir/truth")" -eq 10 ]
}

@test "wrong password: tried at most twice by all of this, then left alone" {
    [ "$("$build/peers/bmc_farm" --send "$agent_dir/farm" $stranger stats | jq .opened)" -le 2 ]
}
