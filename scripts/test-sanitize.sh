#!/usr/bin/env bash
# Tests under a sanitizer: --address (AddressSanitizer and its leak check, part of `make test`) or --thread
# (ThreadSanitizer, part of `make ci-long`).
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$REPOSITORY"

usage() {
    cat <<'END'
usage: scripts/test-sanitize.sh [--address|--thread] [ARGUMENTS OF swift test...]

--address  TLSTests, ProtocolTests and CoreTests: C that is called by hand, and pointers to bytes of others (default)
--thread   ClientTests, MasterTests and PostgresTests: what threads share. `make ci-long` runs it, since its build takes
           long. TEST_DATABASE_URL names a PostgreSQL; without it a throwaway one is started

Each is a package of its own, in .build/sanitize and .build/sanitize-thread: Package.swift, with these tests and what they
depend on.
END
}

sanitizer=address
case "${1:-}" in
    -h | --help) usage && exit 0 ;;
    --address | --thread) sanitizer=${1#--} && shift ;;
esac

# write_package FOLDER TEST...: Package.swift, cut down to these tests and what they depend on.
write_package() {
    local folder=$1
    shift
    mkdir -p "$folder"
    cp Package.resolved "$folder/" 2>/dev/null || true
    {
        cat Package.swift
        printf '\nlet roots: [String] = [%s]\n' "$(printf '"%s", ' "$@")"
        cat <<'END'
var (needed, products, open) = (Set<String>(), Set<String>(), roots)
while let name = open.popLast() {
    guard needed.insert(name).inserted, let target = package.targets.first(where: { $0.name == name }) else { continue }
    for dependency in target.dependencies {
        switch dependency {
        case .targetItem(let name, _), .byNameItem(let name, _): open.append(name)
        case .productItem(_, let package, _, _): if let package { products.insert(package) }
        @unknown default: break
        }
    }
}
package.products = []
package.targets.removeAll { !needed.contains($0.name) }
package.dependencies.removeAll { dependency in
    guard case .sourceControl(_, let location, _) = dependency.kind else { return false }
    return !products.contains { location.hasSuffix("/\($0)") }
}
END
    } >"$folder/Package.swift.new"
    # An unchanged manifest is not touched, so that nothing is planned again.
    cmp -s "$folder/Package.swift.new" "$folder/Package.swift" || cp "$folder/Package.swift.new" "$folder/Package.swift"
}

# link_files FOLDER: Sources and Tests as folders of links, so that a module may have a file more.
link_files() {
    rm -rf "$1/Sources" "$1/Tests"
    cp -rs "$REPOSITORY/Sources" "$REPOSITORY/Tests" "$1/"
}

# link_mutex FOLDER: into each module with a Mutex the one that ThreadSanitizer sees.
link_mutex() {
    local module
    grep -rlE '\bMutex[<(]' Sources Tests --include='*.swift' | cut -d/ -f1,2 | sort -u | while IFS= read -r module; do
        [[ $module == Tests/Sanitizing ]] || ln -s "$REPOSITORY/Tests/Sanitizing/Mutex.swift" "$1/$module/SanitizerMutex.swift"
    done
}

end_postgres() { [[ ! -d $scratch/postgres ]] || scripts/postgres.sh down "$scratch/postgres"; }

bring_postgres_up() {
    [[ -z ${TEST_DATABASE_URL:-} ]] || return 0
    # PostgreSQL's own user must be able to reach its folder.
    chmod 755 "$scratch"
    TEST_DATABASE_URL="$(scripts/postgres.sh up "$scratch/postgres")" || die "PostgreSQL did not start"
    export TEST_DATABASE_URL
}

# run ARGUMENTS OF swift test...
run() { swift test --package-path "$package" --sanitize="$sanitizer" --disable-xctest "$@" </dev/null; }

export PODLING_JSON_SUITE="${PODLING_JSON_SUITE:-$REPOSITORY/Tests/JSONTestSuite}"
code=0
case "$sanitizer" in
    address)
        package=.build/sanitize
        write_package "$package" TLSTests ProtocolTests CoreTests
        link_files "$package"
        use_scratch 10 true
        # FoundationEssentials leaks the buffer of a file that is empty.
        printf 'leak:%s\n' readBytesFromFile >"$scratch/suppressions"
        export ASAN_OPTIONS="detect_leaks=1:halt_on_error=1:abort_on_error=0${ASAN_OPTIONS:+:$ASAN_OPTIONS}"
        export LSAN_OPTIONS="suppressions=$scratch/suppressions${LSAN_OPTIONS:+:$LSAN_OPTIONS}"
        # Two thirds of the time for random histories of one machine: whole where nobody waits.
        [[ ${CI:-} != true ]] || set -- --skip invariantsHold --skip anExportImportedIsTheSame "$@"
        run "$@" || code=$?
        ;;
    thread)
        package=.build/sanitize-thread
        write_package "$package" ClientTests MasterTests PostgresTests
        link_files "$package"
        link_mutex "$package"
        use_scratch 10 end_postgres
        bring_postgres_up
        # The runtime is not instrumented. It writes 0 into the count of the one empty array, which is 0; and what a task
        # that awaits has on its stack is another thread's once it is resumed, over an atomic.
        printf 'race:%s\n' _swiftEmptyArrayStorage s7NIOCore15EventLoopFutureC3getxyYaKF >"$scratch/suppressions"
        export TSAN_OPTIONS="exitcode=66:suppressions=$scratch/suppressions${TSAN_OPTIONS:+:$TSAN_OPTIONS}"
        if (($# > 0)); then
            run "$@" || code=$?
        else
            # One after the other: so slow, they would miss each other's deadlines. What is skipped has one thread, which
            # lists ten thousand tasks 300 times.
            run --no-parallel --filter '^(ClientTests|MasterTests)\.' --skip aFloodIsTakenInPieces || code=$?
            run --skip-build --filter '^PostgresTests\.' || code=$?
        fi
        ;;
esac
((code == 0)) || die "a test failed, or something was found"
good "nothing was found"
