# wait.bash - wait for things to happen, never for time to pass.

# wait_for SECONDS COMMAND...: until the command succeeds; fails, saying so, when it is too late.
wait_for() {
    local patience=$1 deadline=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        if ((SECONDS > deadline)); then
            echo "wait_for: not within $patience s: $*" >&2
            return 1
        fi
        sleep 0.05
    done
}
