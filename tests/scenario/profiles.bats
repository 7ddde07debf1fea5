#!/usr/bin/env bats
# Profiles with the real drivers: where they are found, what wins, what a bad one does to a
# configuration that is checked, started with, reloaded.

bats_require_minimum_version 1.5.0
build=$(realpath "${POWERCTL_BUILD:-build}")

setup() {
    export build agent_dir=$BATS_TEST_TMPDIR
    source tests/lib/agent.bash
    configure pdu-a/8
}

configure() { # OUTLET [SETTING]
    cat >"$agent_dir/powerctl.yaml" <<END
devices:
  pdu-a: { driver: modbus, host: 127.0.0.1, profile: netio-powerpdu-8q${2-} }
nodes: { n1: { power: $1 } }
END
    agent_part >>"$agent_dir/powerctl.yaml"
}

check() { # EXIT-STATUS
    run "-$1" --separate-stderr "$build/powerctld" --check-config "$agent_dir/powerctl.yaml"
}

@test "a shipped profile says how many outlets there are" {
    check 0
    [[ $output == "$agent_dir/powerctl.yaml: good: 1 nodes, 1 devices" ]]
    configure pdu-a/9
    check 2
    [[ $stderr == "$agent_dir/powerctl.yaml:3:23: error: there is no 'pdu-a/9': pdu-a has 8 outlets"* ]]
}

@test "the site's own profile comes before the shipped one, the device before both" {
    mkdir "$agent_dir/profiles"
    sed 's/^outlets: 8/outlets: 0x04/' "$build/profiles/netio-powerpdu-8q.yaml" >"$agent_dir/profiles/netio-powerpdu-8q.yaml"
    check 2
    [[ $stderr == *"pdu-a has 4 outlets"* ]]
    configure pdu-a/8 ", outlets: 16"
    check 0
}

@test "each error of a profile is told once, at its place in it" {
    mkdir "$agent_dir/profiles"
    printf 'driver: modbus\noutlets: 8\nread: { function: 1, adress: 3 }\nwrite: { function: 99 }\n' >"$agent_dir/profiles/netio-powerpdu-8q.yaml"
    sed -i 's/^nodes:/  pdu-b: { driver: modbus, host: 127.0.0.2, profile: netio-powerpdu-8q }\n&/' "$agent_dir/powerctl.yaml"
    check 2
    [[ $stderr == *"$agent_dir/profiles/netio-powerpdu-8q.yaml:3:22: error: driver 'modbus' has no option 'read_adress'; did you mean 'read_address'?"* ]]
    [[ $stderr == *"$agent_dir/profiles/netio-powerpdu-8q.yaml:4:20: error: write_function: 99 is not between 0 and 16"* ]]
    [ "$(grep -c 'error:' <<<"$stderr")" -eq 2 ]
}

@test "settings that contradict each other are told by their driver, where they stand" {
    mkdir "$agent_dir/profiles"
    sed 's/^write: .*/write: { function: 5, address: 101, on: 0x0100 }/; s/^read: .*/read:\n  function: 3\n  address: 101\n  on: [1, 2]\n  off: [0, 2]/' \
        "$build/profiles/netio-powerpdu-8q.yaml" >"$agent_dir/profiles/netio-powerpdu-8q.yaml"
    check 2
    [[ $stderr == "$agent_dir/profiles/netio-powerpdu-8q.yaml:"*": error: 'pdu-a': read_on and read_off are both 2"* ]]
    [ "$(grep -c 'error:' <<<"$stderr")" -eq 1 ]
    rm -r "$agent_dir/profiles"
    configure pdu-a/8 ", read: { address: 65530 }"
    check 2
    [[ $stderr == "$agent_dir/powerctl.yaml:2:"*": error: 'pdu-a': read_address 65530: outlet 8 would be at 65537, past 65535"* ]]
}

@test "a thousand PDUs with one bad profile are one error" {
    mkdir "$agent_dir/profiles"
    sed 's/^write: .*/write: { function: 7, address: 101 }/' \
        "$build/profiles/netio-powerpdu-8q.yaml" >"$agent_dir/profiles/netio-powerpdu-8q.yaml"
    for i in {1..1000}; do
        echo "  p$i: { driver: modbus, host: h$i, profile: netio-powerpdu-8q }"
    done >"$agent_dir/more"
    sed -i "/^devices:/r $agent_dir/more" "$agent_dir/powerctl.yaml"
    check 2
    [[ $stderr == "$agent_dir/profiles/netio-powerpdu-8q.yaml:"*"write_function 7 does not write"* ]]
    [ "$(grep -c 'error:' <<<"$stderr")" -eq 1 ]
}

@test "a profile that went bad refuses a reload, and the agent goes on with what it had" {
    mkdir "$agent_dir/profiles"
    cp "$build/profiles/netio-powerpdu-8q.yaml" "$agent_dir/profiles/"
    agent_start
    echo 'outlets: 9' >>"$agent_dir/profiles/netio-powerpdu-8q.yaml"
    kill -HUP "$(cat "$agent_dir/pid")"
    wait_for 10 grep -q 'config=refused errors=1' "$agent_dir/log"
    "$build/powerctl" jobs --quiet
    sed -i '/^outlets: 9/d' "$agent_dir/profiles/netio-powerpdu-8q.yaml"
    kill -HUP "$(cat "$agent_dir/pid")"
    wait_for 10 grep -q 'config=reloaded nodes=1' "$agent_dir/log"
    agent_stop
}

@test "an installed agent finds the installed profiles, without being told" {
    make -s install B="${POWERCTL_BUILD:-build}" DESTDIR="$agent_dir/root" >/dev/null
    sed -i '/^agent:/d' "$agent_dir/powerctl.yaml"
    run -0 --separate-stderr "$agent_dir/root/usr/local/sbin/powerctld" --check-config "$agent_dir/powerctl.yaml"
    [[ $output == *": good: 1 nodes, 1 devices" ]]
    make -s uninstall B="${POWERCTL_BUILD:-build}" DESTDIR="$agent_dir/root" >/dev/null
    [ -z "$(find "$agent_dir/root" -type f)" ]
}
