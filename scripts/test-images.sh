#!/usr/bin/env bash
# Builds the images of the Dockerfile and runs docker-compose.yml with them, on the Docker Engine of the tests.
#
# No image is pulled. In place of Debian's image stands a root made of this machine's own packages, in place of
# Swift's one whose `swift` hands out the programs that were built before, and in place of PostgreSQL's one with this
# machine's PostgreSQL that knows the same variables. What the real ones bring is not tested; the rest is, line by line.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$REPOSITORY"

usage() {
    cat <<'USAGE'
usage: scripts/test-images.sh        exit codes: 0 passed, 77 skipped, else failed

PODLING_TEST_DOCKER_SOCKET  the engine to use (scripts/engines.sh up tells one)
PODLING_PROGRAMS            the folder of the three programs, as a release build makes them (default: where that puts them)
USAGE
}

readonly SKIPPED=77 BUILD_SECONDS=150 CALL_SECONDS=60 READY_SECONDS=60 TAKEOVER_SECONDS=10
readonly TAG="test-$$" LABEL="podling.images-test=$$"
readonly DEBIAN="podling-debian:$TAG" SWIFT="podling-swift:$TAG" POSTGRES="podling-postgres:$TAG"
readonly IMAGES=("podling-master:$TAG" "podling-worker:$TAG" "podling-client:$TAG" "$POSTGRES" "$SWIFT" "$DEBIAN")
# What Debian's image holds beside the essential packages, and what the Dockerfile adds to it.
readonly DEBIAN_PACKAGES=(apt mawk passwd ca-certificates libpq5 libssl3)
# The user and group of PostgreSQL in its stand-in.
readonly POSTGRES_ID=999

scratch='' started=false
skip() {
    warn "skipped: $*"
    exit "$SKIPPED"
}

docker_call() { timeout "$CALL_SECONDS" docker "$@"; }
compose() { timeout "$CALL_SECONDS" "${COMPOSE[@]}" --env-file "$scratch/env" --project-name "podling-$TAG" "$@" </dev/null; }
# docker-compose tells what it does on standard error.
client() { compose run --rm -T client "$@" 2>"$scratch/client.log"; }

clean_up() {
    local code=$? node
    trap - EXIT
    trap '' INT TERM
    set +e
    if $started; then
        if ((code != 0)); then
            show_log_tail "$scratch/client.log"
            compose --profile all logs --tail 40 >&2
        fi
        docker_call rm --force --volumes "podling-$TAG-podling" >/dev/null 2>&1
        compose --profile all --profile client down --volumes --remove-orphans --timeout 5 >"$scratch/down.log" 2>&1 ||
            show_log_tail "$scratch/down.log"
        for node in worker-1 worker-2; do
            docker_call ps -aq --filter "label=podling.node=$node" | xargs -r docker rm -f >/dev/null
        done
    fi
    docker_call image rm --force "${IMAGES[@]}" >/dev/null 2>&1
    docker_call image prune --force --filter "label=$LABEL" >/dev/null 2>&1
    rm -rf "$scratch"
    exit "$code"
}

prepare() {
    local program
    have dpkg-query || skip "not a Debian system"
    [[ -n ${PODLING_TEST_DOCKER_SOCKET:-} ]] || skip "PODLING_TEST_DOCKER_SOCKET is not set; see scripts/engines.sh"
    have docker || skip "docker is missing: scripts/setup.sh engines"
    if have docker-compose; then
        COMPOSE=(docker-compose)
    elif docker compose version >/dev/null 2>&1; then
        COMPOSE=(docker compose)
    else
        skip "docker-compose is missing: scripts/setup.sh engines"
    fi
    POSTGRES_FOLDER="$(find /usr/lib/postgresql -mindepth 1 -maxdepth 1 2>/dev/null | sort -V | tail -n 1)"
    [[ -x $POSTGRES_FOLDER/bin/postgres ]] || skip "PostgreSQL is missing: scripts/setup.sh test"
    PROGRAMS="${PODLING_PROGRAMS:-$(programs_folder "${RELEASE[@]}")}"
    for program in "${OUR_PROGRAMS[@]}"; do
        [[ -x $PROGRAMS/$program ]] || skip "$PROGRAMS has no $program: make install, or PODLING_BUILD=release make test"
        # Debian's image has no Swift.
        ! ldd "$PROGRAMS/$program" | grep -qi swift || skip "$PROGRAMS is no release build: PODLING_BUILD=release make test"
    done
    # Else an outer setting would reach the containers of the test.
    unset COMPOSE_FILE COMPOSE_PROFILES DOCKER_CONTEXT POSTGRES_USER POSTGRES_PASSWORD POSTGRES_DB
    export DOCKER_HOST="unix://$PODLING_TEST_DOCKER_SOCKET"
    docker_call version >/dev/null || die "the engine does not answer on $PODLING_TEST_DOCKER_SOCKET"
    [[ -z $(docker_call ps -aq --filter 'name=^/podling-postgres$') &&
        -z $(docker_call ps -aq --filter label=podling.node=worker-1) &&
        -z $(docker_call ps -aq --filter label=podling.node=worker-2) ]] ||
        skip "containers of docker-compose.yml are on this engine already"
}

# closure PACKAGE...: the installed packages that these need, themselves and the essential ones included.
closure() {
    {
        dpkg-query -W -f '${Essential} ${Package}\n' | sed -n 's/^yes //p'
        printf '%s\n' "$@"
    } | xargs apt-cache depends --recurse --installed --no-recommends --no-suggests --no-conflicts --no-breaks \
        --no-replaces --no-enhances | grep -E '^[a-z0-9]' | cut -d: -f1 | sort -u |
        comm -12 - <(dpkg-query -W -f '${db:Status-Status} ${Package}\n' | sed -n 's/^installed //p' | sort -u)
}

# dpkg_status PACKAGE...: the part of dpkg's database that tells of these.
dpkg_status() {
    awk -v RS= -v ORS='\n\n' -v names="$*" 'BEGIN { split(names, list, " "); for (i in list) wanted[list[i]] = 1 }
        { split($0, line, "\n"); sub(/^Package: /, "", line[1]); if (line[1] in wanted) print }' /var/lib/dpkg/status
}

# copy_files ROOT: copies the files that are named on standard input, as they lie under a merged /usr.
copy_files() {
    sed -nE 's#^/(bin|sbin|lib|lib64)/#/usr/\1/#; /^\//p' | sort -u | while IFS= read -r file; do
        [[ ! -e $file && ! -L $file ]] || printf '%s\n' "${file#/}"
    done | grep -vE '^$|^\.$|^(bin|sbin|lib|lib64)$|^usr/share/(doc|man|locale|info|lintian)/.' |
        tar -C / --no-recursion -cf - -T - | tar -C "$1" -xpf -
}

make_debian() {
    local root="$scratch/debian" packages folder
    mkdir -p "$root"/usr/{bin,sbin,lib,lib64} "$root/etc"
    for folder in bin sbin lib lib64; do ln -s "usr/$folder" "$root/$folder"; done
    packages="$(closure "${DEBIAN_PACKAGES[@]}")"
    # shellcheck disable=SC2086
    dpkg -L $packages | copy_files "$root"
    # shellcheck disable=SC2086
    dpkg_status $packages >"$root/var/lib/dpkg/status"
    # What the packages' own scripts would have made.
    find /etc/ssl/certs | copy_files "$root"
    cp /usr/share/base-passwd/passwd.master "$root/etc/passwd"
    cp /usr/share/base-passwd/group.master "$root/etc/group"
    echo "_apt:*:42:65534::/nonexistent:/usr/sbin/nologin" >>"$root/etc/passwd"
    ldconfig -r "$root"
    tar -C "$root" -c . | docker_call import --change "LABEL $LABEL" --change 'CMD ["bash"]' \
        --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' - "$DEBIAN" >/dev/null
    rm -rf "$root"
}

# build IMAGE CONTEXT ARGUMENTS...
build() {
    timeout "$BUILD_SECONDS" docker build --force-rm --tag "$1" "${@:3}" "$2" >"$scratch/build.log" 2>&1 || {
        show_log_tail "$scratch/build.log"
        die "$1 could not be built"
    }
}

# build_stand_in IMAGE FOLDER: an image of Debian's stand-in and the tree FOLDER/root.
build_stand_in() {
    printf 'FROM %s\nCOPY root /\n' "$DEBIAN" >"$2/Dockerfile"
    cat >>"$2/Dockerfile"
    build "$1" "$2"
    rm -rf "$2"
}

make_swift() {
    local root="$scratch/swift/root" program
    mkdir -p "$root/usr/bin" "$root/prebuilt" "$root/var/lib/dpkg"
    for program in podling-master podling-worker podling-client; do
        strip --strip-debug -o "$root/prebuilt/$program" "$PROGRAMS/$program"
    done
    # It claims what `apt-get install` of the build stage asks for.
    # shellcheck disable=SC2046
    dpkg_status $(closure "${DEBIAN_PACKAGES[@]}" libpq-dev libssl-dev) >"$root/var/lib/dpkg/status"
    cat >"$root/usr/bin/swift" <<'SWIFT'
#!/bin/bash
set -eu
[[ "${*:1:4}" == "build -c release --static-swift-stdlib" ]] || { echo "unexpected: swift $*" >&2; exit 1; }
for needed in Package.swift Sources Tests Benchmarks; do
    [[ -e $needed ]] || { echo "$needed is not in the build context" >&2; exit 1; }
done
for unneeded in .build .git; do
    [[ ! -e $unneeded ]] || { echo "$unneeded is in the build context" >&2; exit 1; }
done
case "$5" in
    --show-bin-path) echo /prebuilt ;;
    --product) [[ -x /prebuilt/$6 ]] ;;
    *) exit 1 ;;
esac
SWIFT
    chmod 755 "$root/usr/bin/swift"
    build_stand_in "$SWIFT" "$scratch/swift" </dev/null
}

make_postgres() {
    local root="$scratch/postgres/root" version="${POSTGRES_FOLDER##*/}"
    mkdir -p "$root/usr/local/bin"
    {
        dpkg -L "postgresql-$version" "postgresql-client-$version" tzdata | grep -vE '/bitcode/|/llvmjit'
        ldd "$POSTGRES_FOLDER"/bin/{postgres,initdb,psql,pg_isready} | awk '$2 == "=>" { print $3 }' | sort -u |
            xargs -I{} sh -c 'echo {}; readlink -f {}'
    } | copy_files "$root"
    cat >"$root/usr/local/bin/start-postgres" <<'START'
#!/bin/bash
set -eu
data=/var/lib/postgresql/data
as_postgres() { setpriv --reuid "$POSTGRES_ID" --regid "$POSTGRES_ID" --clear-groups "$@"; }
if [[ ! -s $data/PG_VERSION ]]; then
    chown "$POSTGRES_ID:$POSTGRES_ID" "$data"
    (umask 077 && echo "$POSTGRES_PASSWORD" >/tmp/password && chown "$POSTGRES_ID" /tmp/password)
    as_postgres initdb -D "$data" -U "$POSTGRES_USER" -E UTF8 --locale=C --pwfile=/tmp/password \
        --auth-local=trust --auth-host=scram-sha-256
    echo "host all all all scram-sha-256" >>"$data/pg_hba.conf"
    echo "CREATE DATABASE \"$POSTGRES_DB\"" | as_postgres postgres --single -D "$data" postgres
fi
exec setpriv --reuid "$POSTGRES_ID" --regid "$POSTGRES_ID" --clear-groups \
    postgres -D "$data" -c listen_addresses='*' -c unix_socket_directories=/tmp
START
    chmod 755 "$root/usr/local/bin/start-postgres"
    build_stand_in "$POSTGRES" "$scratch/postgres" <<DOCKERFILE
RUN ldconfig && useradd --system --uid $POSTGRES_ID --user-group --no-create-home postgres \
    && mkdir -p /var/lib/postgresql/data
ENV PATH=$POSTGRES_FOLDER/bin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin POSTGRES_ID=$POSTGRES_ID PGHOST=/tmp
VOLUME /var/lib/postgresql/data
STOPSIGNAL SIGINT
ENTRYPOINT ["start-postgres"]
DOCKERFILE
}

build_images() {
    local target
    for target in master worker client; do
        build "podling-$target:$TAG" . --target "$target" --build-arg "SWIFT_IMAGE=$SWIFT" \
            --build-arg "DEBIAN_IMAGE=$DEBIAN"
    done
}

# free_ports N: so many ports of loopback that nobody has now.
free_ports() {
    python3 -c 'import socket, sys
sockets = [socket.socket() for _ in range(int(sys.argv[1]))]
for each in sockets: each.bind(("127.0.0.1", 0))
print(*(each.getsockname()[1] for each in sockets))' "$1"
}

container() { compose ps -q "$1"; }
health_of() { docker_call inspect -f '{{.State.Health.Status}}' "$(container "$1")"; }
is_healthy() { [[ $(health_of "$1") == healthy ]]; }
# expect WHAT IS WANTED
expect() { [[ $2 == "$3" ]] || die "$1 is '$2', should be '$3'"; }
expect_healthy() { wait_until "$READY_SECONDS" is_healthy "$1" || die "$1 is not healthy after $READY_SECONDS s"; }

leader() {
    compose exec -T postgres psql -U podling -Atc "SELECT address FROM podling_leader" | sed -E 's/:.*//'
}
leads() { [[ $(leader) == "$1" ]]; }
nodes_online() { [[ $(client nodes --output ndjson | grep -c '"online"') == 2 ]]; }

# The worker of the image as another user than root, in a volume that is new.
expect_worker_without_root() {
    local name="podling-$TAG-podling" log="$scratch/worker.log"
    docker_call run --detach --name "$name" --network "podling-${TAG}_default" --env PODLING_MASTER=master-1,master-2 \
        --user podling --group-add "$(stat -c %g "$DOCKER_SOCKET")" --volume "$DOCKER_SOCKET:/var/run/docker.sock" \
        "podling-worker:$TAG" --node-id without-root >"$log" 2>&1
    wait_until "$READY_SECONDS" has_node without-root || {
        docker_call logs "$name" >"$log" 2>&1
        show_log_tail "$log"
        die "the worker does not come online as another user"
    }
    docker_call rm --force --volumes "$name" >/dev/null
}
has_node() { client nodes --output ndjson | grep -F "\"$1\""; }

# As a user of the machine would: both masters by their published ports, whichever leads, and HTTP.
expect_reach_from_host() {
    local port
    timeout "$CALL_SECONDS" "$PROGRAMS/podling-client" nodes --output ndjson \
        --master "127.0.0.1:$PODLING_PORT_1,127.0.0.1:$PODLING_PORT_2" >"$scratch/nodes" ||
        die "the masters cannot be reached from the host"
    for port in "$PODLING_HTTP_PORT_1" "$PODLING_HTTP_PORT_2"; do
        curl -fsS --max-time 5 -o /dev/null "http://127.0.0.1:$port/health" || die "no HTTP on port $port"
    done
}

test_database_alone() {
    heading "docker-compose up -d: PostgreSQL alone"
    compose config --quiet
    started=true
    compose up -d >"$scratch/up.log" 2>&1 || { show_log_tail "$scratch/up.log" && die "up -d failed"; }
    expect "what runs" "$(docker_call ps --filter "label=com.docker.compose.project=podling-$TAG" --format '{{.Names}}')" \
        podling-postgres
    expect_healthy postgres
    PGPASSWORD=podling123 timeout "$CALL_SECONDS" "$POSTGRES_FOLDER/bin/psql" -XAtqc 'SELECT 1' \
        "postgres://podling@127.0.0.1:$POSTGRES_PORT/podling?sslmode=disable" | grep -qx 1 ||
        die "the database cannot be reached from the host"
}

test_all() {
    local master code=0
    heading "docker-compose --profile all up -d: two masters, two workers"
    compose --profile all up -d >"$scratch/up.log" 2>&1 || { show_log_tail "$scratch/up.log" && die "up failed"; }
    for master in master-1 master-2; do
        expect_healthy "$master"
        expect "the user of $master" "$(docker_call exec "$(container "$master")" id -un)" podling
        [[ -z $(docker_call port "$(container "$master")" | grep -v '127\.0\.0\.1:') ]] || die "$master is published widely"
    done
    wait_until "$READY_SECONDS" nodes_online || die "the workers do not come online"
    expect_reach_from_host
    expect "the output of a task" "$(client run --name hello --pull never busybox echo hello)" hello
    client run --name fails --pull never busybox sh -c 'exit 3' >/dev/null || code=$?
    expect "the exit code of a task" "$code" 3
}

test_takeover() {
    local first second since
    first="$(leader)"
    case "$first" in
        master-1) second="master-2" ;;
        master-2) second="master-1" ;;
        *) die "the leader is '$first'" ;;
    esac
    heading "docker-compose stop $first: $second leads"
    since=$SECONDS
    compose stop "$first" >"$scratch/stop.log" 2>&1
    wait_until "$TAKEOVER_SECONDS" leads "$second" || die "$second does not lead after $TAKEOVER_SECONDS s"
    say "$second led after $((SECONDS - since)) s"
    expect "the exit code of $first" "$(docker_call inspect -f '{{.State.ExitCode}}' "$(container "$first")")" 0
    expect "the output of a task" "$(client run --name again --pull never busybox echo again)" again
    expect "the tasks" "$(client ps --all --output ndjson | jq -r '.name + " " + .status' | sort | xargs)" \
        "again completed fails failed hello completed"
    expect_worker_without_root
    compose start "$first" >"$scratch/start.log" 2>&1
    expect_healthy "$first"
    expect "the leader" "$(leader)" "$second"
}

main() {
    case "${1:-}" in -h | --help) usage && exit 0 ;; esac
    prepare
    scratch="$(mktemp -d)"
    trap clean_up EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    : >"$scratch/env"
    heading "images"
    make_debian
    make_swift
    make_postgres
    build_images
    read -r POSTGRES_PORT PODLING_PORT_1 PODLING_PORT_2 PODLING_HTTP_PORT_1 PODLING_HTTP_PORT_2 < <(free_ports 5)
    export POSTGRES_PORT PODLING_PORT_1 PODLING_PORT_2 PODLING_HTTP_PORT_1 PODLING_HTTP_PORT_2
    export PODLING_TAG="$TAG" POSTGRES_IMAGE="$POSTGRES" DOCKER_SOCKET="$PODLING_TEST_DOCKER_SOCKET"
    test_database_alone
    test_all
    test_takeover
    good "the images were built, and docker-compose.yml runs with them"
}

main "$@"
