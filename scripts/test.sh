#!/usr/bin/env bash
# Behind `make test`: set-up, build, engines, every test; ends all that it started.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$REPOSITORY"

usage() {
    cat <<'USAGE'
usage: scripts/test.sh [ARGUMENTS OF swift test...]      e.g. scripts/test.sh --filter CoreTests

PODLING_ENGINES=auto      container tests run against what is installed and may be started (default)
PODLING_ENGINES=required  Docker Engine and Podman are installed where missing; a skipped test is a failure
                          (the default with CI=true)
PODLING_ENGINES=off       container tests are skipped

PODLING_BUILD=debug       the programs under test are those of the debug build, beside the tests (default)
PODLING_BUILD=release     they are built for release, as they ship (the default with CI=true); what tests a module stays
                          a debug build. The image test is left out of a debug run: images hold release builds
PODLING_PROGRAMS          a folder with the three programs, to be tested instead of any that are built

PODLING_FAULT_SECONDS     how long the master is killed again and again, and a transaction held open (60 each)

TEST_DATABASE_URL         a PostgreSQL to test with; without it a throwaway one is started, where it is installed

PODLING_TEST_DOCKER_SOCKET, PODLING_TEST_PODMAN_SOCKET: where one is set, those engines are used and none is started.
Then scripts/test-*.sh run, in order: each ends with 0 for passed, 77 for skipped, anything else for failed.
PODLING_TIMES             a file that gets a line for each part: seconds, a tab, what came of it, a tab, its name
USAGE
}

readonly TEST_SECONDS_MAX="${PODLING_TEST_SECONDS:-1200}" SCRIPT_SECONDS_MAX=600 FAULT_LINES_MAX=12 SKIPPED=77

if [[ ${CI:-} == true ]]; then
    engines="${PODLING_ENGINES:-required}"
    programs="${PODLING_BUILD:-release}"
else
    engines="${PODLING_ENGINES:-auto}"
    programs="${PODLING_BUILD:-debug}"
fi

scratch=''
engines_are_ours=false
passed=() skipped=() failed=() times=()

# The processes of one session: what `setsid` started and what came of it.
session_members() { ps -o pid=,stat= -s "$1" | awk '$2 !~ /^Z/ {print $1}' | xargs; }
session_is_empty() { [[ -z $(session_members "$1") ]]; }
end_session() {
    local signal
    for signal in TERM KILL; do
        # shellcheck disable=SC2046
        session_is_empty "$1" || kill "-$signal" $(session_members "$1") 2>/dev/null || true
        # A bare return in a trap gives the status from before the trap.
        wait_until 5 session_is_empty "$1" && return 0
    done
}

clean_up() {
    local code=$?
    trap - EXIT
    trap '' INT TERM
    set +e
    [[ ! -s $scratch/session ]] || end_session "$(<"$scratch/session")"
    if $engines_are_ours; then
        scripts/engines.sh down || warn "the engines did not end; try: scripts/engines.sh down"
    fi
    [[ ! -d $scratch/postgres ]] || scripts/postgres.sh down "$scratch/postgres"
    rm -rf "$scratch"
    exit "$code"
}

# bounded SECONDS LOG COMMAND...: in a session of its own, output shown and kept; what it leaves running is a failure.
bounded() {
    local seconds=$1 log=$2 code=0 pid left
    shift 2
    : >"$log"
    setsid "$@" >"$log" 2>&1 </dev/null &
    pid=$!
    printf '%s\n' "$pid" >"$scratch/session"
    tail -n +1 -f --pid="$pid" "$log" &
    local tail_pid=$!
    if wait_until "$seconds" process_ended "$pid"; then
        wait "$pid" || code=$?
    else
        complain "not finished after $seconds s: $*"
        code=124
    fi
    # A process that is just ending is no leak.
    if ! wait_until 5 session_is_empty "$pid"; then
        left="$(ps -o pid=,args= -s "$pid" | cut -c1-150)"
        end_session "$pid"
        ((code == 124)) || complain "left running:"$'\n'"$left"
        ((code != 0)) || code=1
    fi
    wait "$tail_pid" || true
    : >"$scratch/session"
    return "$code"
}
process_ended() { [[ ! -e /proc/$1 || $(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -c1) == Z ]]; }

load_engines() {
    local file="${PODLING_ENGINES_DIR:-.build/engines}/engines.env"
    set -a
    # shellcheck disable=SC1090
    [[ ! -s $file ]] || source "$file"
    set +a
}

bring_engines_up() {
    local note="container tests are skipped"
    if [[ -n ${PODLING_TEST_DOCKER_SOCKET:-}${PODLING_TEST_PODMAN_SOCKET:-} ]]; then
        say "engines: as the environment says"
        return
    fi
    case "$engines" in
        off) say "engines: off; $note" && return ;;
        auto)
            if ! have dockerd && ! have podman; then
                warn "engines: neither dockerd nor podman is installed; $note. To have them: scripts/setup.sh engines"
                return
            elif ((EUID != 0)); then
                warn "engines: only root can start them; $note. To have them:
    sudo scripts/engines.sh up; set -a; . .build/engines/engines.env; set +a; make test"
                return
            elif ! scripts/setup.sh images; then
                warn "engines: $note"
                return
            fi
            ;;
        required)
            scripts/setup.sh engines
            export PODLING_REQUIRE_ENGINES=1
            ;;
        *) die "PODLING_ENGINES is '$engines'; it may be auto, off or required" ;;
    esac
    if ! scripts/engines.sh status >/dev/null 2>&1; then
        engines_are_ours=true
        scripts/engines.sh up || [[ $engines == auto ]] || die "the engines are required and did not start"
    fi
    load_engines
}

bring_postgres_up() {
    if [[ -n ${TEST_DATABASE_URL:-} ]]; then
        say "PostgreSQL: as TEST_DATABASE_URL says"
        return
    fi
    # PostgreSQL's own user must be able to reach its folder.
    chmod 755 "$scratch"
    TEST_DATABASE_URL="$(scripts/postgres.sh up "$scratch/postgres")" || die "PostgreSQL did not start (see above)"
    export TEST_DATABASE_URL
    say "PostgreSQL: started for these tests"
}

# Tests that compute would starve those that wait for sockets and processes with deadlines: each kind has its own run.
# Faults are done to programs under load, and take minutes: alone, at the end.
readonly FAULTS='^FaultTests\.' STORE='^PostgresTests\.' TLS_LOAD='^IntegrationTests\.TLS(Load|Reload)Tests'
readonly COMPUTING='^(ProtocolTests|ClockTests|LoggingTests|AccessTests|CoreTests|AgentTests|StoreTests|TLSTests|SimulatorTests)\.'
readonly IN_PROCESS='^(ClientTests|HTTPShimTests|MasterTests)\.'
readonly WORKER='^WorkerTests\.'

# took SECONDS RESULT NAME: for the table at the end.
took() {
    times+=("$(printf '%6d s  %-8s %s' "$1" "$2" "$3")")
    [[ -z ${PODLING_TIMES:-} ]] || printf '%s\t%s\t%s\n' "$@" >>"$PODLING_TIMES"
}

# What a log of swift test says of failures, or its last lines where it says nothing.
faults() {
    local lines
    lines="$(grep -aE '^✘ Test .*(recorded an issue|failed after)' "$1" | cut -c1-400 | head -n "$FAULT_LINES_MAX")"
    [[ -n $lines ]] || lines="$(tail -n "$FAULT_LINES_MAX" "$1" | cut -c1-400)"
    sed 's/^/    /' <<<"$lines"
}

# swift_tests NAME ARGUMENTS...
swift_tests() {
    local name=$1 log="$scratch/swift-test.log" code=0 line since=$SECONDS result=passed
    shift
    export PODLING_JSON_SUITE="${PODLING_JSON_SUITE:-$REPOSITORY/Tests/JSONTestSuite}"
    heading "$name"
    bounded "$TEST_SECONDS_MAX" "$log" swift test --skip-build --disable-xctest --parallel "$@" || code=$?
    # "➜ Test reads() skipped.", "➜ Suite Docker skipped: "why"", "➜ Test reads() was cancelled after ...".
    sed -nE 's/^[^A-Za-z]*((Test|Suite) .*(skipped(\.|: ".*")|was cancelled after .*))$/\1/p' "$log" >"$scratch/skips"
    if ((code != 0)); then
        failed+=("$name (exit code $code)"$'\n'"$(faults "$log")") result=FAILED
    elif ! grep -aqE 'Test run with [0-9]+ test' "$log"; then
        failed+=("$name (ran no test)") result=FAILED
    else
        passed+=("$name")
    fi
    took "$((SECONDS - since))" "$result" "$name"
    while IFS= read -r line; do skipped+=("$line"); done <"$scratch/skips"
    closing+="$(grep -aE 'Test run with' "$log" | tail -n 1 || true)"$'\n'
}

shell_tests() {
    local script code since result
    for script in scripts/test-*.sh; do
        [[ -e $script ]] || continue
        heading "$script"
        code=0 since=$SECONDS result=passed
        bounded "$SCRIPT_SECONDS_MAX" "$scratch/script.log" bash "$script" || code=$?
        case "$code" in
            0) passed+=("$script") ;;
            "$SKIPPED") skipped+=("$script") result=skipped ;;
            *) failed+=("$script (exit code $code)"$'\n'"$(faults "$scratch/script.log")") result=FAILED ;;
        esac
        took "$((SECONDS - since))" "$result" "$script"
    done
}

summary() {
    local item
    heading "summary"
    [[ -z $closing ]] || say "$closing"
    say "The programs under test: $PODLING_PROGRAMS (${PODLING_BUILD:-given})"
    printf '%s\n' "${times[@]}" ''
    for item in "${passed[@]}"; do good "passed   $item"; done
    for item in "${skipped[@]}"; do warn "skipped  $item"; done
    for item in "${failed[@]}"; do complain "failed   $item"; done
    if [[ $engines == required ]] && ((${#skipped[@]} > 0)); then
        complain "${#skipped[@]} skipped, where nothing may be"
        return 1
    fi
    ((${#failed[@]} == 0))
}

# Sets PODLING_PROGRAMS, and PODLING_BUILD where it is known what they are: Tests/IntegrationTests/ReleaseTests looks.
build_all() {
    heading "build"
    quiet_build --build-tests
    if [[ -n ${PODLING_PROGRAMS:-} ]]; then
        PODLING_PROGRAMS="$(given_programs)"
        export PODLING_PROGRAMS
        return
    fi
    case "$programs" in
        debug) PODLING_PROGRAMS="$(programs_folder)" ;;
        release)
            heading "release build"
            build_programs "${RELEASE[@]}"
            PODLING_PROGRAMS="$(programs_folder "${RELEASE[@]}")"
            ;;
        *) die "PODLING_BUILD is '$programs'; it may be debug or release" ;;
    esac
    export PODLING_PROGRAMS PODLING_BUILD="$programs"
}

main() {
    local since=$SECONDS
    case "${1:-}" in -h | --help) usage && exit 0 ;; esac
    scratch="$(mktemp -d)"
    trap clean_up EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    scripts/setup.sh base test
    build_all
    took "$((SECONDS - since))" passed "set-up and builds"
    since=$SECONDS
    heading "engines"
    bring_engines_up
    heading "PostgreSQL"
    bring_postgres_up
    took "$((SECONDS - since))" passed "engines and PostgreSQL"
    closing=''
    if (($# > 0)); then
        swift_tests "swift test $*" "$@"
    else
        swift_tests "tests that compute" --filter "$COMPUTING"
        swift_tests "tests in one process" --filter "$IN_PROCESS"
        swift_tests "tests of the PostgreSQL store" --filter "$STORE"
        swift_tests "tests of the worker and engines" --filter "$WORKER"
        swift_tests "tests of programs" --skip "$COMPUTING" --skip "$IN_PROCESS" --skip "$STORE" --skip "$FAULTS" \
            --skip "$TLS_LOAD" --skip "$WORKER"
        swift_tests "tests of TLS under load" --filter "$TLS_LOAD"
        swift_tests "tests of faults under load" --filter "$FAULTS"
        shell_tests
    fi
    summary
}

main "$@"
