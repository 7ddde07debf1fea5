# agent.bash - a real agent for a scenario, with its own state, socket and log under $agent_dir.
#
# To be sourced; $build is where the programs are.  The scenario writes $agent_dir/powerctl.yaml
# (its `agent:` part comes from agent_part) and then starts it.
#
# shellcheck shell=bash

# shellcheck source=tests/lib/wait.bash
source "$(dirname "${BASH_SOURCE[0]}")/wait.bash"
: "${agent_dir:?a directory for the files of the agent}" "${build:?where the programs are}"

export POWERCTL_SOCKET=$agent_dir/powerctl.sock

agent_part() {
    echo "agent: { socket: $agent_dir/powerctl.sock, state_dir: $agent_dir/state, driver_dir: $build }"
}

# agent_secret NAME PASSWORD: a password file as the agent accepts it
agent_secret() {
    mkdir -p "$agent_dir/secrets"
    (umask 077 && printf '%s\n' "$2" >"$agent_dir/secrets/$1")
}

agent_answers() {
    kill -0 "$(cat "$agent_dir/pid")" && "$build/powerctl" jobs --quiet
}

# agent_start [PREFIX...]: with PREFIX before the command, to run it in a namespace
agent_start() {
    mkdir -p "$agent_dir/state"
    "$@" "$build/powerctld" --config "$agent_dir/powerctl.yaml" --foreground \
        >>"$agent_dir/log" 2>&1 3>&- &
    echo $! >"$agent_dir/pid"
    if ! wait_for 20 agent_answers; then
        tail -n 30 "$agent_dir/log"
        return 1
    fi
}

agent_gone() {
    ! kill -0 "$1" 2>/dev/null
}

agent_stop() {
    local pid
    pid=$(cat "$agent_dir/pid")
    kill "$pid" 2>/dev/null || return 0
    wait_for 15 agent_gone "$pid"
}
